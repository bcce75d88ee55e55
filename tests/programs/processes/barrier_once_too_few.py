# title: after the barrier, slots are written and read in one phase
# expect: data-race slots[*]
# lines: 14
# why: a second phase needs a second barrier; the neighbour's slot changes meanwhile

import multiprocessing

import raceway


def work(slots, barrier, me):
    slots[me] = me + 1
    barrier.wait()
    slots[me] = slots[(me + 1) % 3] + 10


def main():
    slots = raceway.watch(multiprocessing.RawArray("i", 3), name="slots")
    barrier = multiprocessing.Barrier(3)
    workers = [multiprocessing.Process(target=work, args=(slots, barrier, me)) for me in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(min(slots) > 10)


if __name__ == "__main__":
    main()
