# title: the child puts an item when its result is in shared memory
# expect: clean
# needs: TAKE
# why: what was put happens before the get that got it

import multiprocessing

import raceway


def work(result, queue):
    result.value = 6 * 7
    queue.put("ready")


def main():
    result = raceway.watch(multiprocessing.RawValue("i"), name="result")
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(result, queue))
    worker.start()
    queue.get()
    result.value += 1
    print(result.value)
    worker.join()


if __name__ == "__main__":
    main()
