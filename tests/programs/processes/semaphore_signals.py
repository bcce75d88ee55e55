# title: a semaphore that begins with 0 tells the parent of each step
# expect: clean
# needs: TAKE
# why: the n-th acquire comes after the n-th release

import multiprocessing

import raceway


def work(box, filled, emptied):
    for number in range(1, 4):
        emptied.acquire()
        box.value = number
        filled.release()


def main():
    box = raceway.watch(multiprocessing.RawValue("i"), name="box")
    filled, emptied = multiprocessing.Semaphore(0), multiprocessing.Semaphore(0)
    worker = multiprocessing.Process(target=work, args=(box, filled, emptied))
    worker.start()
    seen = []
    for _ in range(3):
        emptied.release()
        filled.acquire()
        seen.append(box.value)
        box.value = 0
    worker.join()
    print(seen)


if __name__ == "__main__":
    main()
