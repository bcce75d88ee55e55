# title: a single writer publishes changed copies, readers take the current one
# expect: clean
# why: only one thread ever stores, so nothing can come between its copy and its store.
import threading

import raceway


class Router:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.routes = ("/",)

    def lookup(self, path: str) -> bool:
        with self.lock:
            routes = self.routes
        return path in routes

    def add(self, path: str) -> None:
        with self.lock:
            routes = self.routes
        routes = (*routes, path)
        with self.lock:
            self.routes = routes


router = raceway.watch(Router(), name="router")


def configure() -> None:
    for path in ("/a", "/b"):
        router.add(path)


def serve() -> None:
    for _ in range(3):
        assert router.lookup("/")


threads = [
    threading.Thread(target=configure),
    threading.Thread(target=serve),
    threading.Thread(target=serve),
]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(router.routes)
