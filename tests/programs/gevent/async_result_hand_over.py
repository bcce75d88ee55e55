# title: a login is completed by another greenlet through an AsyncResult
# expect: clean
# requires: gevent
# needs: SEND
# why: set() precedes get(), and then the session belongs to who got it.
import gevent
from gevent.event import AsyncResult

import raceway


class Session:
    def __init__(self) -> None:
        self.rights = 0


granted: AsyncResult = AsyncResult()


def log_in() -> None:
    session = raceway.watch(Session(), name="session")
    rights = session.rights
    gevent.sleep(0)
    session.rights = rights + 1
    granted.set(session)


def use() -> int:
    session = granted.get()
    rights = session.rights
    gevent.sleep(0)
    session.rights = rights + 1
    return session.rights


user = gevent.spawn(use)
gevent.spawn(log_in)
print(user.get())
