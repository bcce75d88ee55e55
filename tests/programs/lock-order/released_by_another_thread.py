# title: a lock is handed over, and its receiver releases it before it goes on
# expect: clean
# why: the receiver holds nothing when it takes the other lock: there is no opposite order.
import queue
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []
handed: queue.Queue[threading.Lock] = queue.Queue()


def give() -> None:
    with lock_a, lock_b:
        done.append("ab")
    lock_b.acquire()
    handed.put(lock_b)


def receive() -> None:
    lock = handed.get()
    lock.release()
    with lock_a:
        done.append("a")


threads = [threading.Thread(target=give), threading.Thread(target=receive)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(done)
