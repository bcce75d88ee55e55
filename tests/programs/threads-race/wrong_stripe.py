# title: reader and writer choose their stripe by different keys
# expect: data-race balances['carol']
# lines: 24,29
# severity: critical
# why: the stripe is chosen by the name in one place and by its length in the other.
import threading

import raceway

balances = raceway.watch({"carol": 5}, name="balances")
stripes = [threading.Lock() for _ in range(4)]


def stripe_of_name(name: str) -> threading.Lock:
    return stripes[ord(name[0]) % 4]


def stripe_of_length(name: str) -> threading.Lock:
    return stripes[len(name) % 4]


def deposit(name: str) -> None:
    with stripe_of_name(name):
        balances[name] += 1


def interest(name: str) -> None:
    with stripe_of_length(name):
        balances[name] *= 2


threads = [
    threading.Thread(target=deposit, args=("carol",)),
    threading.Thread(target=interest, args=("carol",)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("booked")
