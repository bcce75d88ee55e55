# title: a native thread hashes the password of a user, the greenlet stores it
# expect: clean
# requires: gevent
# needs: JOIN
# why: the result of a thread pool comes after the job; both run in different threads.
import gevent

import raceway


class User:
    def __init__(self) -> None:
        self.hash = 0


users = [raceway.watch(User(), name="user") for _ in range(3)]
pool = gevent.get_hub().threadpool


def work(user: User) -> User:
    user.hash += 7
    return user


def register(user: User) -> None:
    pool.spawn(work, user).get()
    user.hash += 1


gevent.joinall([gevent.spawn(register, user) for user in users[:2]])
pool.apply(work, (users[2],)).hash += 1
print([user.hash for user in users])
