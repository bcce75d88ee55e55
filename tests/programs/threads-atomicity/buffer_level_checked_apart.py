# title: a buffer on a Condition is asked for room and filled in two sections
# expect: atomicity-violation buffer.level
# lines: 18,22 | 18,37
# severity: critical
# why: nothing keeps another producer out between has_room() and fill().
import threading

import raceway


class Buffer:
    def __init__(self) -> None:
        self.level = 0
        self.changed = threading.Condition()

    def look(self) -> int:
        with self.changed:
            return self.level

    def fill(self, level: int) -> None:
        with self.changed:
            self.level = level
            self.changed.notify_all()

    def drain(self, minimum: int) -> int:
        with self.changed:
            self.changed.wait_for(lambda: self.level >= minimum)
            return self.level


buffer = raceway.watch(Buffer(), name="buffer")


def produce(amount: int) -> None:
    level = buffer.look()
    if level + amount < 100:
        buffer.fill(level + amount)


threads = [threading.Thread(target=produce, args=(n,)) for n in (5, 7)]
threads.append(threading.Thread(target=buffer.drain, args=(5,)))
for t in threads:
    t.start()
for t in threads:
    t.join()
print("produced")
