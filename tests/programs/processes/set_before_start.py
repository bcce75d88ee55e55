# title: what the parent writes before start, the child reads
# expect: clean
# needs: FORK
# why: start comes before the first step of the child

import multiprocessing

import raceway


def work(limit, result):
    result.value = limit.value * 2


def main():
    limit = raceway.watch(multiprocessing.RawValue("i"), name="limit")
    result = raceway.watch(multiprocessing.RawValue("i"), name="result")
    limit.value = 21
    worker = multiprocessing.Process(target=work, args=(limit, result))
    worker.start()
    worker.join()
    print(result.value)


if __name__ == "__main__":
    main()
