# title: a semaphore of two lets two processes in
# expect: data-race box.value
# lines: 15
# severity: critical
# why: a limit is no exclusion as long as it is more than one

import multiprocessing

import raceway


def add(box, limit):
    for _ in range(5):
        with limit:
            box.value += 1


def main():
    box = raceway.watch(multiprocessing.RawValue("i"), name="box")
    limit = multiprocessing.Semaphore(2)
    workers = [multiprocessing.Process(target=add, args=(box, limit)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(box.value > 0)


if __name__ == "__main__":
    main()
