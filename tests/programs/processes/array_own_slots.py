# title: each process fills its own slot of an Array; the parent adds them up after join
# expect: clean
# needs: JOIN
# why: different items are different variables, and join comes after the end of the child

import multiprocessing

import raceway


def fill(slots, at):
    for number in range(10):
        slots[at] = slots[at] + number


def main():
    slots = raceway.watch(multiprocessing.Array("i", 3, lock=False), name="slots")
    workers = [multiprocessing.Process(target=fill, args=(slots, at)) for at in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(sum(slots))


if __name__ == "__main__":
    main()
