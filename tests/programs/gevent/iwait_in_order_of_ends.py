# title: replies are corrected as the mirrors answer
# expect: clean
# requires: gevent
# needs: JOIN
# why: iwait yields a greenlet when it is over; nobody else has its reply.
import gevent

import raceway


class Reply:
    def __init__(self) -> None:
        self.bytes = 0


replies = [raceway.watch(Reply(), name="reply") for _ in range(3)]


def ask(reply: Reply, turns: int) -> Reply:
    for _ in range(turns):
        size = reply.bytes
        gevent.sleep(0)
        reply.bytes = size + 1
    return reply


asked = [gevent.spawn(ask, reply, turns) for turns, reply in enumerate(replies, 1)]
total = 0
with gevent.iwait(asked) as answers:
    for answer in answers:
        size = answer.value.bytes
        gevent.sleep(0)
        answer.value.bytes = size * 10
        total += size
print(total)
