# title: wait() returns with the first future, and only its part is read
# expect: clean
# needs: RECEIVE
# why: wait() is ordered after every future that it returns as done.
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import raceway

sizes = raceway.watch({}, name="sizes")
sizes["near"] = sizes["far"] = 0
near_was_read = threading.Event()


def fetch(mirror: str) -> str:
    if mirror == "far":
        near_was_read.wait()
    sizes[mirror] = 10
    return mirror


with ThreadPoolExecutor(max_workers=2) as pool:
    futures = {pool.submit(fetch, mirror) for mirror in ("near", "far")}
    done, pending = wait(futures, return_when=FIRST_COMPLETED)
    print([sizes[future.result()] for future in done])
    near_was_read.set()
    wait(pending)
    print(sizes["far"])
