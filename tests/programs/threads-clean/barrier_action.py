# title: the action of a barrier adds the parts up between two rounds
# expect: clean
# needs: RECEIVE
# why: the action runs after all have arrived, and before any of them leaves.
import threading

import raceway


class Sums:
    def __init__(self) -> None:
        self.total = 0


parts = raceway.watch({"a": 0, "b": 0}, name="parts")
sums = raceway.watch(Sums(), name="sums")


def add_up() -> None:
    sums.total = parts["a"] + parts["b"]


rounds = threading.Barrier(2, action=add_up)


def work(name: str) -> None:
    for number in (1, 2):
        parts[name] += number
        rounds.wait()
        assert sums.total in {2, 6}
        rounds.wait()


threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sums.total)
