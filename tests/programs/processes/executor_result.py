# title: the jobs of a ProcessPoolExecutor write a slot each; their results are waited for
# expect: clean
# needs: RECEIVE
# why: submit comes before the job, and the job before its result

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import raceway


def begin(shared):
    global slots
    slots = shared


def double(at):
    slots[at] *= 2


def main():
    shared = raceway.watch(multiprocessing.RawArray("i", 3), name="slots")
    with ProcessPoolExecutor(2, initializer=begin, initargs=(shared,)) as executor:
        futures = []
        for at in range(3):
            shared[at] = at + 1
            futures.append(executor.submit(double, at))
        for future in futures:
            future.result()
        print([shared[at] for at in range(3)])


if __name__ == "__main__":
    main()
