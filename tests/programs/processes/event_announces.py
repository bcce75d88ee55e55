# title: the child sets an event when its result is there
# expect: clean
# needs: RECEIVE
# why: set comes before the wait that saw it

import multiprocessing

import raceway

CONTEXT = multiprocessing.get_context("spawn")


def work(result, ready):
    result.value = 42
    ready.set()


def main():
    result = raceway.watch(CONTEXT.Value("i", lock=False), name="result")
    ready = CONTEXT.Event()
    worker = CONTEXT.Process(target=work, args=(result, ready))
    worker.start()
    ready.wait()
    result.value += 1
    print(result.value)
    worker.join()


if __name__ == "__main__":
    main()
