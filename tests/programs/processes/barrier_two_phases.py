# title: all processes fill their slot, meet at a barrier, and read all slots
# expect: clean
# needs: RECEIVE
# why: who passes the barrier comes after everybody who came to it

import multiprocessing

import raceway


def work(slots, sums, barrier, me):
    slots[me] = me + 1
    barrier.wait()
    sums[me] = sum(slots[at] for at in range(3))


def main():
    slots = raceway.watch(multiprocessing.RawArray("i", 3), name="slots")
    sums = raceway.watch(multiprocessing.RawArray("i", 3), name="sums")
    barrier = multiprocessing.Barrier(3)
    workers = [
        multiprocessing.Process(target=work, args=(slots, sums, barrier, me)) for me in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(list(sums))


if __name__ == "__main__":
    main()
