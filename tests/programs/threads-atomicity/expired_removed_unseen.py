# title: the reaper finds expired sessions in one section and deletes them in another
# expect: atomicity-violation sessions['a'] | sessions
# lines: 15,18
# why: a session that is touched in between is deleted all the same.
import threading

import raceway

sessions = raceway.watch({"a": 1, "b": 9}, name="sessions")
lock = threading.Lock()


def reap(limit: int) -> None:
    with lock:
        old = [sid for sid, seen in sessions.items() if seen < limit]
    for sid in old:
        with lock:
            sessions.pop(sid, None)


def touch(sid: str, now: int) -> None:
    with lock:
        sessions[sid] = now


threads = [threading.Thread(target=reap, args=(5,)), threading.Thread(target=touch, args=("a", 10))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("reaped")
