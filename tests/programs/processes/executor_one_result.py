# title: two jobs are submitted to a ProcessPoolExecutor, and one future is awaited
# expect: data-race slots[1]
# lines: 19,29
# severity: critical
# why: the outcome of a future tells of the end of its own job only

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import raceway


def begin(shared):
    global slots
    slots = shared


def add(at):
    slots[at] += 5


def main():
    shared = raceway.watch(multiprocessing.RawArray("i", 2), name="slots")
    with ProcessPoolExecutor(2, initializer=begin, initargs=(shared,)) as executor:
        first = executor.submit(add, 0)
        second = executor.submit(add, 1)
        first.result()
        shared[0] += 1
        shared[1] += 1
        second.result()
    print(shared[0])


if __name__ == "__main__":
    main()
