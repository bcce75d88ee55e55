# title: the slots of an Array are chosen modulo two, so two processes share one
# expect: data-race slots[0]
# lines: 14
# severity: critical
# why: processes 0 and 2 both add to slot 0, and nothing keeps them apart

import multiprocessing

import raceway


def fill(slots, at):
    for number in range(10):
        slots[at % 2] += number


def main():
    slots = raceway.watch(multiprocessing.Array("i", 2, lock=False), name="slots")
    workers = [multiprocessing.Process(target=fill, args=(slots, at)) for at in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(len(slots))


if __name__ == "__main__":
    main()
