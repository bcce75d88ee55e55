# title: the jobs of an executor with one worker add to one counter
# expect: clean
# why: one worker runs its jobs one after the other

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import raceway


def begin(shared):
    global counter
    counter = shared


def add(number):
    counter.value += number


def main():
    shared = raceway.watch(multiprocessing.Value("i", 0), name="counter")
    with ProcessPoolExecutor(1, initializer=begin, initargs=(shared,)) as executor:
        list(executor.map(add, range(5)))
    print(shared.value)


if __name__ == "__main__":
    main()
