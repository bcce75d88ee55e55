# title: two children put an item each, and the parent waits for one of them
# expect: data-race seats[*]
# lines: 13,26
# severity: critical
# why: an item orders its own put only; the other child may still be at work

import multiprocessing

import raceway


def book(seats, at, queue):
    seats[at] += 1
    queue.put(at)


def main():
    seats = raceway.watch(multiprocessing.RawArray("i", 2), name="seats")
    queue = multiprocessing.Queue()
    workers = [multiprocessing.Process(target=book, args=(seats, at, queue)) for at in range(2)]
    for worker in workers:
        worker.start()
    queue.get()
    # The first one that is ready says nothing about the other one.
    for at in range(2):
        seats[at] += 10
    queue.get()
    for worker in workers:
        worker.join()
    print(seats[0] > 0)


if __name__ == "__main__":
    main()
