# title: two jobs were given to a pool, and the parent waits for one of them
# expect: data-race slots[1]
# lines: 18,27
# severity: critical
# why: the result of the first job says nothing about the second one

import multiprocessing

import raceway


def begin(shared):
    global slots
    slots = shared


def fill(at):
    slots[at] += at + 1


def main():
    shared = raceway.watch(multiprocessing.RawArray("i", 2), name="slots")
    with multiprocessing.Pool(2, begin, (shared,)) as pool:
        first, second = (pool.apply_async(fill, (at,)) for at in range(2))
        first.get()
        shared[0] += 1
        shared[1] += 1
        second.get()
    print(shared[0])


if __name__ == "__main__":
    main()
