# title: each process has a field of a shared structure for itself
# expect: clean
# needs: JOIN
# why: different fields are different variables, and join orders the rest

import ctypes
import multiprocessing

import raceway


class Point(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int))


def move(point, field):
    for _ in range(5):
        setattr(point, field, getattr(point, field) + 1)


def main():
    point = raceway.watch(multiprocessing.Value(Point, 1, 2, lock=False), name="point")
    workers = [multiprocessing.Process(target=move, args=(point, field)) for field in "xy"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(point.x, point.y)


if __name__ == "__main__":
    main()
