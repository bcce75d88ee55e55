# title: the user of the current request is kept in one global object
# expect: atomicity-violation current.user
# lines: 31,27
# requires: gevent
# why: during load_profile() another request stores its own user; the later read no longer finds the own write.
import gevent
from gevent.pool import Group

import raceway


class Current:
    def __init__(self) -> None:
        self.user = "nobody"


current = raceway.watch(Current(), name="current")
audit_log = []


def load_profile() -> dict:
    gevent.sleep(0.01)
    return {"theme": "dark"}


def audit(action: str) -> None:
    audit_log.append((current.user, action))


def handle(user: str) -> str:
    current.user = user
    profile = load_profile()
    audit("profile viewed")
    return profile["theme"]


print(Group().map(handle, ["ann", "bob", "cyd"]))
print(len(audit_log), "entries")
