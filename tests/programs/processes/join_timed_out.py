# title: the parent joins with a time limit, and reads although the child goes on
# expect: data-race result.value
# lines: 16,25
# why: join that came back because of its time limit orders nothing

import mmap
import multiprocessing
import time

import raceway


def work(result, late):
    while not late[0]:
        time.sleep(0.001)
    result.value = 42


def main():
    late = mmap.mmap(-1, 1)  # shared memory that nobody watches
    result = raceway.watch(multiprocessing.RawValue("i", 0), name="result")
    worker = multiprocessing.Process(target=work, args=(result, late))
    worker.start()
    worker.join(timeout=0.01)
    print(result.value)
    late[0] = 1
    worker.join()


if __name__ == "__main__":
    main()
