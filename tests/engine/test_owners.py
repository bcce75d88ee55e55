"""An object that was taken over under a lock belongs to whoever took it."""

import pytest
from history import Lock

jobs = []


class Task:
    def __init__(self, history):
        self.cell = history.variable("task")

    def work(self):
        self.cell.n += 1


def put(task, lock):
    task.cell.n = 1
    with lock:
        jobs.append(task)


def take_and_write(lock):
    with lock:
        task = jobs.pop()
    task.cell.n += 1


def take_and_call(lock):
    with lock:
        task = jobs.pop()
    task.work()


@pytest.mark.parametrize("take", [take_and_write, take_and_call])
def test_taken_out_of_a_list_under_the_lock(history, take):
    lock, task = Lock(), Task(history)
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        put(task, lock)
    with history.run(two):
        take(lock)

    assert history.found() == []


@pytest.mark.parametrize("take", [take_and_write, take_and_call])
def test_changed_after_it_was_handed_over(history, take):
    lock, task = Lock(), Task(history)
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        put(task, lock)
        task.work()
    with history.run(two):
        take(lock)

    assert [found[0] for found in history.found()] == ["data-race"]


def test_a_global_is_not_handed_over(history):
    lock, x = Lock(), history.variable("x")
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        x.n += 1
        with lock:
            pass

    def second():
        with lock:
            pass
        x.n += 1

    with history.run(two):
        second()

    assert history.found() == [("data-race", "x", "critical", "predicted")]
