# title: the membership test and the insert are locked one by one
# expect: atomicity-violation sessions['bob'] | sessions
# lines: 16,20
# why: both threads may find no session and the second one replaces the first.
import threading

import raceway

sessions = raceway.watch({}, name="sessions")
lock = threading.Lock()
both_checked = threading.Barrier(2)


def login(token: str) -> None:
    with lock:
        known = "bob" in sessions
    both_checked.wait()
    if not known:
        with lock:
            sessions["bob"] = token


threads = [threading.Thread(target=login, args=(token,)) for token in ("t1", "t2")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(sessions))
