# title: an item is put in front of a list, and the list is looked through in a section of its own
# expect: clean
# why: who looks through takes the list as it is then; others may have put theirs in.
import threading

import raceway


class Pool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.items = []

    def put(self, item: int) -> None:
        with self.lock:
            self.items.insert(0, item)

    def drop_expired(self) -> None:
        with self.lock:
            for index, item in reversed(list(enumerate(self.items))):
                if item < 0:
                    self.items.pop(index)


pool = raceway.watch(Pool(), name="pool")


def work(item: int) -> None:
    pool.put(item)
    pool.drop_expired()


threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(pool.items))
