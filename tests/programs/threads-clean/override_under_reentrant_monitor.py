# title: a synchronized decorator and a context manager that overrides a setting and restores it
# expect: clean
# why: the RLock is held over the whole override, so nobody else sees the temporary value.
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import raceway


def synchronized(method: Callable) -> Callable:
    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        with self._monitor:
            return method(self, *args, **kwargs)

    return wrapper


class Settings:
    def __init__(self) -> None:
        self._monitor = threading.RLock()
        self.level = "info"
        self.depth = 0
        self.lookups = 0

    @synchronized
    def get_level(self) -> str:
        self.lookups += 1
        return self.level

    @synchronized
    def describe(self) -> str:
        return f"{self.get_level()}@{self.depth}"

    @contextmanager
    def override(self, level: str) -> Iterator["Settings"]:
        with self._monitor:
            previous = self.level
            self.level = level
            self.depth += 1
            try:
                yield self
            finally:
                self.depth -= 1
                self.level = previous


settings = raceway.watch(Settings(), name="settings")
seen: set[str] = set()


def quiet_job() -> None:
    for _ in range(5):
        with settings.override("error") as outer:
            assert outer.describe() == "error@1"
            try:
                with settings.override("debug"):
                    assert settings.describe() == "debug@2"
                    raise LookupError
            except LookupError:
                assert settings.describe() == "error@1"


def observer() -> None:
    for _ in range(10):
        seen.add(settings.describe())


threads = [threading.Thread(target=f) for f in (quiet_job, observer, quiet_job, observer)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen, settings.level, settings.depth, settings.lookups)
