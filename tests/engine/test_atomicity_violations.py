"""Atomicity violations in histories that are written out line by line."""

from history import Lock


def withdraw(x, lock, amount):
    with lock:
        value = x.n
    if value >= amount:
        with lock:
            x.n = value - amount


def test_split_critical_section_loses_an_update(history):
    x, lock = history.variable("x", 100), Lock()
    for name in ("one", "two"):
        with history.run(history.start(name)):
            withdraw(x, lock, 10)

    assert history.found() == [("atomicity-violation", "x", "critical", "predicted")]


def test_one_critical_section_does_not(history):
    x, lock = history.variable("x", 100), Lock()

    def proper(amount):
        with lock:
            value = x.n
            if value >= amount:
                x.n = value - amount

    for name in ("one", "two"):
        with history.run(history.start(name)):
            proper(10)

    assert history.found() == []


def test_an_outer_lock_around_both_sections_protects(history):
    x, inner, outer = history.variable("x", 100), Lock("inner"), Lock("outer")
    for name in ("one", "two"):
        with history.run(history.start(name)), outer:
            withdraw(x, inner, 10)

    assert history.found() == []


def test_ordered_actors_do_not_interfere(history):
    x, lock = history.variable("x", 100), Lock()
    one = history.start("one")
    with history.run(one):
        withdraw(x, lock, 10)
    history.join(one)
    with history.run(history.start("two")):
        withdraw(x, lock, 10)

    assert history.found() == []


def test_getter_and_setter_in_a_common_caller(history):
    x, lock = history.variable("x"), Lock()

    def get():
        with lock:
            return x.n

    def put(value):
        with lock:
            x.n = value

    def bump():
        put(get() + 1)

    for name in ("one", "two"):
        with history.run(history.start(name)):
            bump()

    assert history.found() == [("atomicity-violation", "x", "critical", "predicted")]


def test_tasks_lose_an_update_across_a_switch(history):
    x = history.variable("x")
    tasks = [history.start(name, "task", history.main.actor) for name in ("one", "two")]

    def bump(task):
        with history.run(task, switch=True):
            value = x.n
        yield
        with history.run(task, switch=True):
            x.n = value + 1

    steps = [bump(task) for task in tasks]
    for step in steps:
        next(step)
    for step in steps:
        next(step, None)

    assert history.found() == [("atomicity-violation", "x", "critical", "observed")]


def test_tasks_without_a_switch_inside_do_not(history):
    x = history.variable("x")
    for name in ("one", "two"):
        task = history.start(name, "task", history.main.actor)
        for _ in range(3):
            with history.run(task, switch=True):
                value = x.n
                x.n = value + 1

    assert history.found() == []


def test_unrelated_read_and_write_are_no_sequence(history):
    x, lock = history.variable("x"), Lock()

    def report_and_reset():
        with lock:
            seen = x.n
        print(seen)
        with lock:
            x.n = 0

    for name in ("one", "two"):
        with history.run(history.start(name)):
            report_and_reset()

    assert history.found() == []


def test_check_again_under_the_lock_is_safe(history):
    x, lock = history.variable("x", 5), Lock()

    def compare_and_swap():
        with lock:
            old = x.n
        new = old + 1
        with lock:
            if x.n == old:
                x.n = new

    for name in ("one", "two"):
        with history.run(history.start(name)):
            compare_and_swap()

    assert history.found() == []


def test_length_checked_then_popped(history):
    jobs = history.variable("jobs")

    def work():
        if not jobs.length():
            jobs.pop()

    for name in ("one", "two"):
        with history.run(history.start(name)):
            work()

    assert history.found() == [("data-race", "jobs", "critical", "observed")]
