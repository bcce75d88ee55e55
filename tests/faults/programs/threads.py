"""Threads with everything that ``threading`` and ``queue`` have to offer."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

lock, rlock, cond = threading.Lock(), threading.RLock(), threading.Condition()
event, permits, mutex = threading.Event(), threading.Semaphore(2), threading.BoundedSemaphore()
barrier = threading.Barrier(3)
jobs, done, simple = queue.Queue(2), queue.PriorityQueue(), queue.SimpleQueue()
total = []
ready = False


def work(number):
    global ready
    with lock, rlock, rlock:
        total.append(number)
    rlock.acquire()
    rlock.release()
    with permits, mutex:
        pass
    barrier.wait()
    with cond:
        ready = True
        cond.notify_all()
    while (item := jobs.get()) is not None:
        done.put(item * 2)
        jobs.task_done()
    simple.put(number)
    event.wait()


threads = [threading.Thread(target=work, args=(n,), name=f"worker {n}") for n in range(3)]
for thread in threads:
    thread.start()
with cond:
    cond.wait_for(lambda: ready)
for item in range(20):
    jobs.put(item)
jobs.join()
for _ in threads:
    jobs.put(None)
event.set()
for thread in threads:
    thread.join()
print(sorted(total), [done.get() for _ in range(20)], sorted(simple.get() for _ in threads))
print(lock.locked(), rlock.acquire(blocking=False), rlock.acquire(timeout=1))
print([thread.is_alive() for thread in threads])
try:
    lock.release()
except RuntimeError as error:
    print(error)
try:
    mutex.release()
except ValueError as error:
    print(error)
try:
    jobs.get_nowait()
except queue.Empty:
    print("empty")


def fails(number):
    if number == 2:
        raise KeyError(number)
    with lock:
        return number


with ThreadPoolExecutor(2) as pool:
    futures = [pool.submit(fails, n) for n in range(4)]
    futures[0].add_done_callback(lambda future: total.append(future.result()))
    print(sorted(repr(f.exception() or f.result()) for f in as_completed(futures)))
    print(list(pool.map(str, range(5))))
timer = threading.Timer(0.01, lambda: print("timer"))
timer.start()
timer.join()
failing = threading.Thread(target=fails, args=(2,), name="failing")
threading.excepthook = lambda args: print("hook", repr(args.exc_value), args.thread.name)
failing.start()
failing.join()
local = threading.local()
local.x = 1
print(local.x, threading.active_count(), threading.current_thread().name)
raise SystemExit(3)
