# title: a raw Value under a lock that is handed to the processes
# expect: clean
# why: the lock is the same one in all processes, whichever way they are started

import multiprocessing

import raceway

CONTEXT = multiprocessing.get_context("spawn")


def add(total, lock):
    for _ in range(20):
        with lock:
            total.value = total.value + 2


def main():
    lock = CONTEXT.Lock()
    total = raceway.watch(CONTEXT.Value("q", 0, lock=False), name="total")
    workers = [CONTEXT.Process(target=add, args=(total, lock)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(total.value)


if __name__ == "__main__":
    main()
