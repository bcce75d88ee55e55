# title: threads count in a watched threading.local, each in its own
# expect: clean
# why: the attributes of a local object are other variables in every thread.
import threading

import raceway


class Context(threading.local):
    def __init__(self) -> None:
        self.requests = 0


context = raceway.watch(Context(), name="context")
counts: list[int] = []


def serve() -> None:
    for _ in range(3):
        context.requests += 1
    counts.append(context.requests)


threads = [threading.Thread(target=serve) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(counts, context.requests)
