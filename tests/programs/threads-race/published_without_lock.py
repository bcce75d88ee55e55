# title: a freshly built table is published through an attribute without a lock
# expect: data-race service.table
# lines: 21,25
# why: nothing orders the store of the new table and the read of the worker.
import threading

import raceway


class Service:
    def __init__(self) -> None:
        self.table = {"a": 1}


service = raceway.watch(Service(), name="service")
answers = []


def rebuild() -> None:
    table = {name: len(name) for name in ("a", "bb", "ccc")}
    service.table = table


def ask(name: str) -> None:
    table = service.table
    answers.append(table.get(name))


threads = [threading.Thread(target=rebuild), threading.Thread(target=ask, args=("a",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(answers)
