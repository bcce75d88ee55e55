# title: a pool gives an idle connection or makes one, and takes back what it gave
# expect: clean
# why: what is given back is put in whatever the pool had found when it was asked.
import threading

import raceway


class Pool:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made = 0
        self.idle = []

    def take(self) -> int:
        with self.lock:
            if self.idle:
                return self.idle.pop()
            self.made += 1
            return self.made

    def give_back(self, connection: int) -> None:
        with self.lock:
            self.idle.append(connection)


class Borrowed:
    def __enter__(self) -> int:
        self.connection = pool.take()
        return self.connection

    def __exit__(self, *_: object) -> None:
        pool.give_back(self.connection)


pool = raceway.watch(Pool(), name="pool")


def by_hand() -> None:
    connection = pool.take()
    pool.give_back(connection)


def by_block() -> None:
    with Borrowed():
        pass


threads = [threading.Thread(target=work) for work in (by_hand, by_block, by_hand, by_block)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(pool.made == len(pool.idle))
