# title: the creation is double-checked, the counting that follows is not locked at all
# expect: data-race lazy.calls
# lines: 21,21
# severity: critical
# why: only the creation is guarded; += afterwards runs without any lock.
import threading

import raceway


class Client:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = None

    def call(self) -> None:
        if self.calls is None:
            with self.lock:
                if self.calls is None:
                    self.calls = 0
        self.calls += 1


lazy = raceway.watch(Client(), name="lazy")
threads = [threading.Thread(target=lazy.call) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("called")
