# title: the parent notifies a condition that nobody waits on, and the child never does
# expect: data-race total.value
# lines: 15,26
# severity: critical
# why: notify orders who was woken by it, and the lock is not held around the additions

import multiprocessing

import raceway


def add(total, changed):
    with changed:
        changed.wait(timeout=0.001)
    total.value += 1


def main():
    total = raceway.watch(multiprocessing.RawValue("i"), name="total")
    changed = multiprocessing.Condition()
    with changed:
        changed.notify_all()
    child = multiprocessing.Process(target=add, args=(total, changed))
    child.start()
    # Nothing waits for the child here.
    total.value += 1
    child.join()
    print(total.value > 0)


if __name__ == "__main__":
    main()
