# title: starting a process happens to reap another one that has ended
# expect: data-race slots[0]
# lines: 14
# severity: critical
# why: nobody asked for the end of the first process; that it had ended was luck

import multiprocessing
import os

import raceway


def fill(slots):
    slots[0] += 1


def main():
    context = multiprocessing.get_context("fork")
    slots = raceway.watch(context.Array("i", 2, lock=False), name="slots")
    first = context.Process(target=fill, args=(slots,))
    first.start()
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)  # has ended, and is not reaped
    second = context.Process(target=fill, args=(slots,))
    second.start()
    second.join()
    first.join()
    print("done")


if __name__ == "__main__":
    main()
