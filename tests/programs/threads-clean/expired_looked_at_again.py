# title: a reaper removes expired sessions while requests touch and create them
# expect: clean
# why: what is listed as expired is looked at again in the section that removes it.
import threading

import raceway


class Session:
    def __init__(self, user: str, now: int) -> None:
        self.user = user
        self.last_seen = now
        self.hits = 0


class Store:
    def __init__(self, ttl: int) -> None:
        self._lock = threading.Lock()
        self._sessions = {}
        self._now = 0
        self._ttl = ttl
        self.reaped = 0

    def touch(self, sid: str) -> int:
        with self._lock:
            self._now += 1
            session = self._sessions.get(sid)
            if session is None:
                session = self._sessions[sid] = Session(sid, self._now)
            session.last_seen = self._now
            session.hits += 1
            return session.hits

    def expired(self) -> list:
        with self._lock:
            limit = self._now - self._ttl
            return [sid for sid, s in self._sessions.items() if s.last_seen <= limit]

    def remove_if_expired(self, sid: str) -> bool:
        with self._lock:
            session = self._sessions.get(sid)
            if session is None or session.last_seen > self._now - self._ttl:
                return False
            del self._sessions[sid]
            self.reaped += 1
            return True

    def __len__(self) -> int:
        with self._lock:
            return len(self._sessions)


store = raceway.watch(Store(3), name="store")


def requests(names: str) -> None:
    for name in names:
        store.touch(name)


def reap() -> None:
    for _ in range(4):
        for sid in store.expired():
            store.remove_if_expired(sid)


threads = [threading.Thread(target=requests, args=(n,)) for n in ("abcabc", "aabbcc")]
threads.append(threading.Thread(target=reap))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(store) <= 3)
