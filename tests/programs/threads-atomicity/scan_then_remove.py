# title: the reaper removes a session that was touched after the scan
# expect: atomicity-violation seen['ann'] | seen
# lines: 16,21
# why: the lock is released between the scan and the removal; a touch in between is thrown away.
import threading

import raceway

seen = raceway.watch({"ann": 5, "bob": 80}, name="seen")
mutex = threading.Lock()
scanned = threading.Event()


def expired(cutoff: int) -> list[str]:
    with mutex:
        return [user for user in ("ann", "bob") if seen[user] < cutoff]


def discard(user: str) -> None:
    with mutex:
        seen.pop(user, None)


def reaper() -> None:
    victims = expired(cutoff=50)
    scanned.set()
    for user in victims:
        discard(user)


def touch(user: str, now: int) -> None:
    scanned.wait()
    with mutex:
        seen[user] = now


threads = [
    threading.Thread(target=reaper),
    threading.Thread(target=touch, args=("ann", 100)),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("reaped")
