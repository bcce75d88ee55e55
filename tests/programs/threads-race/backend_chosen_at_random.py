# title: a balancer chooses a backend by random.choice() while another thread takes one out
# expect: data-race backends | backends[*]
# lines: 17,23
# why: choice() asks for the length and then for an item, which need not be there any more.
import random
import threading

import raceway

backends = raceway.watch(["a:80", "b:80", "c:80", "d:80"], name="backends")
chosen = []


def balance() -> None:
    for _ in range(5):
        try:
            chosen.append(random.choice(backends))
        except IndexError:
            chosen.append("none")


def retire() -> None:
    backends.remove("b:80")


threads = [threading.Thread(target=balance), threading.Thread(target=retire)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(chosen), len(backends))
