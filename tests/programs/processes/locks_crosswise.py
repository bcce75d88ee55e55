# title: two processes take two locks in opposite order
# expect: lock-order-inversion
# lines: 10,11,16,17
# why: each can hold what the other waits for; here they run one after the other

import multiprocessing


def forward(first, second):
    with first:
        with second:
            pass


def backward(first, second):
    with second:
        with first:
            pass


def main():
    first, second = multiprocessing.Lock(), multiprocessing.Lock()
    passed = multiprocessing.Semaphore(0)
    one = multiprocessing.Process(target=run, args=(forward, first, second, None, passed))
    two = multiprocessing.Process(target=run, args=(backward, first, second, passed, None))
    one.start()
    two.start()
    one.join()
    two.join()
    print("no deadlock this time")


def run(step, first, second, before, after):
    if before is not None:
        before.acquire()
    step(first, second)
    if after is not None:
        after.release()


if __name__ == "__main__":
    main()
