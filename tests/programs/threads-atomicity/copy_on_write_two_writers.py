# title: two writers copy a routing table, add to the copy and publish it
# expect: atomicity-violation router.routes
# lines: 22,25
# severity: critical
# why: copying and publishing are two critical sections, so one of two new routes may vanish.
import threading

import raceway


class Router:
    def __init__(self) -> None:
        self.routes = {"/": "index"}
        self.lock = threading.Lock()


router = raceway.watch(Router(), name="router")


def add_route(path: str, view: str) -> None:
    with router.lock:
        routes = dict(router.routes)
    routes[path] = view
    with router.lock:
        router.routes = routes


threads = [threading.Thread(target=add_route, args=(p, p[1:])) for p in ("/a", "/b")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("routed")
