# title: a process is started once no child is active any more
# expect: clean
# needs: JOIN
# why: who sees no active child knows that all have ended, whoever reaped them

import multiprocessing
import os

import raceway


def fill(slots, at):
    slots[at] += 1


def main():
    context = multiprocessing.get_context("fork")
    slots = raceway.watch(context.Array("i", 2, lock=False), name="slots")
    first = context.Process(target=fill, args=(slots, 0))
    first.start()
    os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)  # has ended, and is not reaped
    second = context.Process(target=fill, args=(slots, 1))
    second.start()  # reaps the first
    while multiprocessing.active_children():
        pass
    third = context.Process(target=fill, args=(slots, 0))
    third.start()
    third.join()
    print(list(slots))


if __name__ == "__main__":
    main()
