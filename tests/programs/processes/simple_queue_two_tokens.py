# title: two tokens go round, and let two processes in at a time
# expect: data-race total.value
# lines: 15
# severity: critical
# why: whoever has one token is not ordered after who has the other one

import multiprocessing

import raceway


def add(tokens, total, start):
    start.wait()
    token = tokens.get()
    total.value += 1
    tokens.put(token)


def main():
    total = raceway.watch(multiprocessing.RawValue("i"), name="total")
    tokens = multiprocessing.SimpleQueue()
    tokens.put("first")
    tokens.put("second")
    start = multiprocessing.Event()
    workers = [multiprocessing.Process(target=add, args=(tokens, total, start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join()
    print(total.value > 0)


if __name__ == "__main__":
    main()
