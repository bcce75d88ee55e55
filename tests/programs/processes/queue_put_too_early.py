# title: the child announces its result before it is in shared memory
# expect: data-race result.value
# lines: 13,22
# why: the item orders what came before put, and the write comes after it

import multiprocessing

import raceway


def work(result, queue):
    queue.put("ready")
    result.value = 42


def main():
    result = raceway.watch(multiprocessing.RawValue("i"), name="result")
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(result, queue))
    worker.start()
    queue.get()
    print(result.value in (0, 42))
    worker.join()


if __name__ == "__main__":
    main()
