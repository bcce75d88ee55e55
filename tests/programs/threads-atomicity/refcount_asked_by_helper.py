# title: the reference count is decremented in one critical section and tested for zero in the next
# expect: atomicity-violation handle.refs
# lines: 18,23
# why: when the other user decrements in between, both see zero and the file is closed twice (W-W-R).
import threading

import raceway


class SharedFile:
    def __init__(self, path: str, users: int) -> None:
        self.path = path
        self.refs = users
        self.lock = threading.Lock()

    def release(self) -> bool:
        with self.lock:
            self.refs -= 1
        return self.unused()

    def unused(self) -> bool:
        with self.lock:
            return self.refs == 0


handle = raceway.watch(SharedFile("/var/log/app.log", users=2), name="handle")
closed: list[str] = []


class User(threading.Thread):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines
        self.written = 0

    def run(self) -> None:
        self.written = sum(len(line) for line in self.lines)
        if handle.release():
            closed.append(handle.path)


users = [User(["start", "stop"]), User(["hello"])]
for user in users:
    user.start()
for user in users:
    user.join()
print([user.written for user in users])
