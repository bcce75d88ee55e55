# title: the first future of as_completed() is taken, and the other job's size is read
# expect: data-race sizes['b'] | sizes['a']
# lines: 15,31 | 21,31
# why: as_completed() has yielded one future; nothing says that the other job has ended.
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import raceway

sizes = raceway.watch({"a": 0, "b": 0}, name="sizes")
fetched: list[str] = []


def fetch_a() -> str:
    sizes["a"] = 1
    fetched.append("a")
    return "a"


def fetch_b() -> str:
    sizes["b"] = 2
    fetched.append("b")
    return "b"


with ThreadPoolExecutor(max_workers=2) as pool:
    futures = [pool.submit(fetch_a), pool.submit(fetch_b)]
    while len(fetched) < 2:
        time.sleep(0.001)
    done = next(as_completed(futures)).result()
    other = sizes["b" if done == "a" else "a"]
print("fetched")
