# title: main takes the opposite order after the result of the job
# expect: clean
# why: result() returns after the job has released both locks.
import threading
from concurrent.futures import ThreadPoolExecutor

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def job() -> int:
    with lock_a, lock_b:
        done.append("ab")
    return 1


with ThreadPoolExecutor(1) as pool:
    pool.submit(job).result()
    with lock_b, lock_a:
        done.append("ba")
print(done)
