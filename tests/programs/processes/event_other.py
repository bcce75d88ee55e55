# title: the parent waits for the event of the wrong child
# expect: data-race results[1]
# lines: 13,27
# severity: critical
# why: the first child's event says nothing about the second one

import multiprocessing

import raceway


def work(results, at, ready):
    results[at] += 42
    ready.set()


def main():
    results = raceway.watch(multiprocessing.RawArray("i", 2), name="results")
    events = [multiprocessing.Event() for _ in range(2)]
    workers = [
        multiprocessing.Process(target=work, args=(results, at, events[at])) for at in (0, 1)
    ]
    for worker in workers:
        worker.start()
    events[0].wait()
    results[0] += 1
    results[1] += 1
    for worker in workers:
        worker.join()
    print(results[0])


if __name__ == "__main__":
    main()
