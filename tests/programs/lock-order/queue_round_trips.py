# title: a worker repeats one order, and main takes the other after each result
# expect: lock-order-inversion
# lines: 16,27 | 17,28 | 16,28 | 17,27
# why: the result of one round is waited for, but the next round runs beside main.
import queue
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []
results: queue.Queue[int] = queue.Queue()


def work() -> None:
    for number in range(2):
        with lock_a:
            with lock_b:
                done.append(number)
        results.put(number)


worker = threading.Thread(target=work)
worker.start()
results.get()
while len(done) < 2:
    pass
with lock_b:
    with lock_a:
        done.append(9)
worker.join()
print(done)
