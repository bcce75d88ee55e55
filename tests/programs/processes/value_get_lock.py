# title: two processes add to a Value under its lock, and a third looks on
# expect: clean
# why: get_lock() makes the two halves of += one, and a single look takes the lock for itself

import multiprocessing

import raceway

ROUNDS = 50


def add(counter):
    for _ in range(ROUNDS):
        with counter.get_lock():
            counter.value += 1


def main():
    counter = raceway.watch(multiprocessing.Value("i", 0), name="counter")
    workers = [multiprocessing.Process(target=add, args=(counter,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    print(counter.value <= 2 * ROUNDS)
    for worker in workers:
        worker.join()
    print(counter.value)


if __name__ == "__main__":
    main()
