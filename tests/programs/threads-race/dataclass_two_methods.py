# title: deposit and withdraw of a dataclass update one field without a lock
# expect: data-race purse.coins
# lines: 18,21
# severity: critical
# why: two different methods, one field: either update can overwrite the other.
import threading
from dataclasses import dataclass

import raceway


@dataclass
class Purse:
    owner: str
    coins: int = 0

    def put(self, coins: int) -> None:
        self.coins += coins

    def take(self, coins: int) -> None:
        self.coins -= coins


purse = raceway.watch(Purse("alice", 100), name="purse")
threads = [
    threading.Thread(target=purse.put, args=(10,)),
    threading.Thread(target=purse.take, args=(5,)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(purse.owner)
