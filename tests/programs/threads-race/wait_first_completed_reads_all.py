# title: wait() returns with the first future, and both parts are read
# expect: data-race sizes['far']
# lines: 19,26
# why: the second future is in the set of those that are not done: nothing orders its job.
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import raceway

sizes = raceway.watch({"near": 0, "far": 0}, name="sizes")
near_is_done = threading.Event()


def fetch_near() -> None:
    sizes["near"] = 10


def fetch_far() -> None:
    sizes["far"] = 20
    near_is_done.wait()


with ThreadPoolExecutor(max_workers=2) as pool:
    futures = [pool.submit(fetch_far), pool.submit(fetch_near)]
    wait(futures, return_when=FIRST_COMPLETED)
    total = sizes["near"] + sizes["far"]
    near_is_done.set()
print("added")
