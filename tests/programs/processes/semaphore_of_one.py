# title: a bounded semaphore of one, made for spawned processes, is a mutex
# expect: clean
# needs: ACQUIRE
# why: one permit lets one process in

import multiprocessing

import raceway

CONTEXT = multiprocessing.get_context("spawn")


def add(box, limit):
    for _ in range(5):
        with limit:
            box.value += 1


def main():
    limit = CONTEXT.BoundedSemaphore(1)
    box = raceway.watch(CONTEXT.Value("i", lock=False), name="box")
    workers = [CONTEXT.Process(target=add, args=(box, limit)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(box.value)


if __name__ == "__main__":
    main()
