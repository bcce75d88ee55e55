# title: the jobs of a pool add to one counter
# expect: data-race counter.value
# lines: 19
# severity: critical
# why: which worker runs which job is chance, and two workers can be at the counter at a time

import multiprocessing

import raceway


def begin(shared):
    global counter
    counter = shared


def add(number):
    # Each access of a Value is locked, the addition is not.
    counter.value += number


def main():
    shared = raceway.watch(multiprocessing.Value("i", 0), name="counter")
    with multiprocessing.Pool(2, begin, (shared,)) as pool:
        pool.map(add, range(8), chunksize=1)
    print(shared.value > 0)


if __name__ == "__main__":
    main()
