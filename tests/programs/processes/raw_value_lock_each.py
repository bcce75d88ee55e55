# title: each process has made a lock of its own
# expect: data-race total.value
# lines: 18
# severity: critical
# why: two locks keep nobody out; the one that all share is the one to hand over

import multiprocessing

import raceway

CONTEXT = multiprocessing.get_context("spawn")


def add(total):
    lock = CONTEXT.Lock()
    for _ in range(20):
        with lock:
            total.value = total.value + 2


def main():
    total = raceway.watch(CONTEXT.Value("q", 0, lock=False), name="total")
    workers = [CONTEXT.Process(target=add, args=(total,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(total.value > 0)


if __name__ == "__main__":
    main()
