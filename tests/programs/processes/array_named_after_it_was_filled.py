# title: a shared array that came filled is given a name, and two processes write it
# expect: data-race levels[1]
# lines: 13
# why: nothing orders the children; the name is the one that watch() was given.
import multiprocessing

import raceway

levels = raceway.watch(multiprocessing.get_context("fork").RawArray("i", [3, 4]), name="levels")


def rise() -> None:
    levels[1] = levels[1] + 1


def main() -> None:
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=rise) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print(levels[0])


if __name__ == "__main__":
    main()
