# title: a reservation reads two levels in one locked call and stores both in another
# expect: atomicity-violation stock['lamp']['free']
# lines: 22,27
# severity: critical
# expect: atomicity-violation stock['lamp']['reserved']
# lines: 22,28
# severity: critical
# why: a reservation stored by the other thread between load() and save() is overwritten with stale levels.
import threading

import raceway

stock = raceway.watch(
    {"lamp": {"free": 40, "reserved": 0}, "chair": {"free": 5, "reserved": 0}},
    name="stock",
)
stock_lock = threading.Lock()


def load(sku: str) -> tuple[int, int]:
    with stock_lock:
        return stock[sku]["free"], stock[sku]["reserved"]


def save(sku: str, free: int, reserved: int) -> None:
    with stock_lock:
        stock[sku]["free"] = free
        stock[sku]["reserved"] = reserved


def reserve(sku: str, quantity: int) -> None:
    free, reserved = load(sku)
    if free < quantity:
        raise ValueError(f"only {free} of {sku} left")
    save(sku, free - quantity, reserved + quantity)


orders = [("lamp", 3), ("lamp", 4), ("chair", 1)]
threads = [threading.Thread(target=reserve, args=order) for order in orders]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(stock["chair"]["free"], "chairs left")
