# title: the next sequence number is peeked by one helper and advanced by another
# expect: atomicity-violation seq.next
# lines: 24,29
# severity: critical
# why: two senders can peek at the same number.
import threading
from dataclasses import dataclass, field

import raceway


@dataclass
class Sequence:
    next: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)


seq = raceway.watch(Sequence(), name="seq")
packets = []


def peek() -> int:
    with seq.lock:
        return seq.next


def advance(past: int) -> None:
    with seq.lock:
        seq.next = past + 1


def send(payload: str) -> None:
    number = peek()
    packets.append((number, payload))
    advance(number)


threads = [threading.Thread(target=send, args=(text,)) for text in ("a", "b")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(packets))
