# title: the parent sets the limit when the child runs already
# expect: data-race limit.value
# lines: 12,19
# why: what follows start is as concurrent with the child as anything

import multiprocessing

import raceway


def work(limit):
    print(limit.value in (0, 21))


def main():
    limit = raceway.watch(multiprocessing.RawValue("i"), name="limit")
    worker = multiprocessing.Process(target=work, args=(limit,))
    worker.start()
    limit.value = 21
    worker.join()


if __name__ == "__main__":
    main()
