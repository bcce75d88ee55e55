# title: one thread leaves replies, another one pops them with a default
# expect: clean
# why: an insertion and a pop() are atomic: the reply is there or it is not, and it is asked for again.
import threading

import raceway

replies = raceway.watch({}, name="replies")
got = []


def serve() -> None:
    for number in range(4):
        replies[number] = f"reply {number}"


def collect() -> None:
    for number in range(4):
        reply = None
        while reply is None:
            reply = replies.pop(number, None)
        got.append(reply)


threads = [threading.Thread(target=serve), threading.Thread(target=collect)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(got)
