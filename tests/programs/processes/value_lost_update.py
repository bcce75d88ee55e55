# title: two processes add to a Value without its lock
# expect: data-race counter.value
# lines: 16
# severity: critical
# why: .value locks for each access alone, so the two halves of += can be torn apart

import multiprocessing

import raceway

ROUNDS = 50


def add(counter):
    for _ in range(ROUNDS):
        counter.value += 1


def main():
    counter = raceway.watch(multiprocessing.Value("i", 0), name="counter")
    workers = [multiprocessing.Process(target=add, args=(counter,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(counter.value > 0)


if __name__ == "__main__":
    main()
