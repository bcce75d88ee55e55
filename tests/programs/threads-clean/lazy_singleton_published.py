# title: a double-checked singleton is made under a lock and used without it
# expect: clean
# why: the global name is set when the object is complete, and nothing changes it afterwards.
import threading
from dataclasses import dataclass

import raceway


@raceway.watch
class Settings:
    def __init__(self) -> None:
        self.depth = 0
        self.depth = 3


@raceway.watch
@dataclass
class Limits:
    width: int = 80


class Holder:
    settings: Settings | None = None
    limits: Limits | None = None


lock = threading.Lock()
seen: list[int] = []


def use() -> None:
    if Holder.settings is None or Holder.limits is None:
        with lock:
            if Holder.limits is None:
                Holder.settings = Settings()
                Holder.limits = Limits()
    assert Holder.settings is not None
    assert Holder.limits is not None
    seen.append(Holder.settings.depth + Holder.limits.width)


threads = [threading.Thread(target=use) for _ in range(3)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(seen)
