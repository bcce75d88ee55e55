# title: a set is walked while another thread discards a member
# expect: data-race users | users[*]
# lines: 14,21
# why: RuntimeError: set changed size during iteration.
import threading

import raceway

users = raceway.watch({"bob", "eve"}, name="users")
mailed = []


def mail() -> None:
    for user in users:
        mailed.append(user)


def leave() -> None:
    while len(mailed) < 2:
        pass
    users.discard("bob")


threads = [threading.Thread(target=mail), threading.Thread(target=leave)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("done")
