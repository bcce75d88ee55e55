# title: any() over locked looks decides about a later locked taking
# expect: atomicity-violation stock['nail']
# lines: 15,20
# why: the nails may be gone between the look and the taking.
import threading

import raceway

stock = raceway.watch({"nail": 9, "screw": 4}, name="stock")
lock = threading.Lock()


def count(part: str) -> int:
    with lock:
        return stock[part]


def take(part: str, n: int) -> None:
    with lock:
        stock[part] -= n


def build(parts: dict[str, int]) -> bool:
    if any(count(part) < n for part, n in parts.items()):
        return False
    for part, n in parts.items():
        take(part, n)
    return True


threads = [threading.Thread(target=build, args=({"nail": n},)) for n in (2, 3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("built")
