# title: the jobs of a pool write a slot each, and the parent reads when map has returned
# expect: clean
# needs: RECEIVE
# why: map returns after the end of all its jobs

import multiprocessing

import raceway


def begin(shared):
    global slots
    slots = shared


def fill(number):
    slots[number] = number * number


def main():
    shared = raceway.watch(multiprocessing.RawArray("i", 8), name="slots")
    with multiprocessing.Pool(2, begin, (shared,)) as pool:
        pool.map(fill, range(8), chunksize=1)
        print([shared[at] for at in range(8)])


if __name__ == "__main__":
    main()
