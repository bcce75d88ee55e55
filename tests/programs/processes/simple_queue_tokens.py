# title: one token in a SimpleQueue goes round among three processes
# expect: clean
# needs: TAKE
# why: who has got the token comes after who has put it back

import multiprocessing

import raceway


def add(tokens, total):
    for _ in range(5):
        token = tokens.get()
        total.value += 1
        tokens.put(token)


def main():
    total = raceway.watch(multiprocessing.RawValue("i"), name="total")
    tokens = multiprocessing.SimpleQueue()
    tokens.put("token")
    workers = [multiprocessing.Process(target=add, args=(tokens, total)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(total.value)


if __name__ == "__main__":
    main()
