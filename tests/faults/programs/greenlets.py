"""gevent: greenlets with its primitives, and threads that are greenlets."""

from gevent import monkey

monkey.patch_all()

import threading

import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue

lock, flag, result = gevent.lock.RLock(), gevent.event.Event(), gevent.event.AsyncResult()
jobs, native = gevent.queue.Queue(2), threading.Lock()
total = []


def work(number):
    flag.wait()
    for item in jobs:
        with lock, native:
            gevent.sleep(0)
            total.append(item)
    return number


def fails():
    raise ArithmeticError("in a greenlet")


workers = [gevent.spawn(work, n) for n in range(3)]
flag.set()
for item in range(10):
    jobs.put(item)
for _ in workers:
    jobs.put(StopIteration)
gevent.joinall(workers)
print(sorted(total), [w.value for w in workers], workers[0].ready())
greenlet = gevent.spawn(lambda: result.set(7))
print(result.get())
print(gevent.pool.Pool(2).map(str, range(4)))
print(sorted(gevent.pool.Pool(2).imap_unordered(str, range(4))))
gevent.get_hub().handle_error = lambda *args: print("error", args[1].__name__)
failing = gevent.spawn(fails)
failing.join()
print(repr(failing.exception))
try:
    with gevent.Timeout(0.01):
        gevent.sleep(60)
except gevent.Timeout:
    print("timeout")
thread = threading.Thread(target=lambda: print(threading.current_thread().name), name="green")
thread.start()
thread.join()
killed = gevent.spawn(gevent.sleep, 60)
gevent.sleep(0)
killed.kill()
print(repr(killed.value))
semaphore = gevent.lock.BoundedSemaphore(1)
with semaphore:
    print(semaphore.locked())
print(gevent.get_hub().threadpool.apply(sum, ([1, 2],)))
