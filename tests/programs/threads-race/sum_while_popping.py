# title: a list is summed while another thread pops
# expect: data-race amounts
# lines: 14,18
# why: sum() walks the list; what is popped meanwhile is counted or not, by chance.
import threading

import raceway

amounts = raceway.watch([1, 2, 3], name="amounts")
total = []


def add_up() -> None:
    total.append(sum(amounts))


def take() -> None:
    amounts.pop()


threads = [threading.Thread(target=add_up), threading.Thread(target=take)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
