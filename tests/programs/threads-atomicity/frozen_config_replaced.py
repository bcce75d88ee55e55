# title: a frozen config is replaced by a changed copy in two locked steps
# expect: atomicity-violation holder.config
# lines: 25,29
# severity: critical
# why: the change of a second writer is lost if both start from the same copy.
import dataclasses
import threading

import raceway


@dataclasses.dataclass(frozen=True)
class Config:
    retries: int = 0
    timeout: int = 0


class Holder:
    def __init__(self) -> None:
        self.config = Config()
        self.lock = threading.Lock()

    def current(self) -> Config:
        with self.lock:
            return self.config

    def publish(self, config: Config) -> None:
        with self.lock:
            self.config = config


holder = raceway.watch(Holder(), name="holder")


def change(**fields: int) -> None:
    config = holder.current()
    holder.publish(dataclasses.replace(config, **fields))


threads = [threading.Thread(target=change, kwargs={name: 3}) for name in ("retries", "timeout")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("changed")
