"""Data races in histories that are written out line by line."""

from history import Lock

from raceway.model import ops
from raceway.record import recorder


def bump(x):
    x.n += 1


def test_two_unordered_increments_are_a_critical_race(history):
    x = history.variable("x")
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        bump(x)
    with history.run(two):
        bump(x)

    assert history.found() == [("data-race", "x", "critical", "observed")]


def test_fork_and_join_order(history):
    x = history.variable("x")
    bump(x)
    one = history.start("one")
    with history.run(one):
        bump(x)
    history.join(one)
    bump(x)

    assert history.found() == []


def test_starter_and_started_race_after_the_start(history):
    x = history.variable("x")
    one = history.start("one")
    bump(x)
    with history.run(one):
        bump(x)

    assert history.found() == [("data-race", "x", "critical", "observed")]


def test_a_common_lock_protects(history):
    x, lock = history.variable("x"), Lock()
    for name in ("one", "two"):
        with history.run(history.start(name)):
            with lock:
                bump(x)

    assert history.found() == []


def test_a_lock_that_is_released_before_who_was_started_under_it_has_ended_is_not_held(history):
    x, lock = history.variable("x"), Lock()
    with lock:
        one = history.start("one")
        with history.run(one):
            bump(x)  # the lock is still held, and yet nobody waits for this
    with lock:
        bump(x)

    (found,) = history.analyze()

    assert (found.type, found.severity) == ("data-race", "critical")
    assert {side.locks for side in found.accesses if side.actor.name == "one"} == {()}


def test_different_locks_do_not_protect(history):
    x = history.variable("x")
    for name in ("one", "two"):
        with history.run(history.start(name)), Lock(name):
            bump(x)

    assert [one[:3] for one in history.found()] == [("data-race", "x", "critical")]


def test_a_race_that_an_unrelated_lock_hides_is_predicted(history):
    x, lock = history.variable("x"), Lock()
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        bump(x)
        with lock:
            pass
    with history.run(two):
        with lock:
            pass
        bump(x)

    assert history.found() == [("data-race", "x", "critical", "predicted")]


def test_a_handoff_through_a_variable_under_a_lock_orders(history):
    x, ready, lock = history.variable("x"), history.variable("ready", False), Lock()
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        bump(x)
        with lock:
            ready.n = True
    with history.run(two):
        with lock:
            assert ready.n
        bump(x)

    assert history.found() == []


def test_send_and_receive_order(history):
    x = history.variable("x")
    channel = recorder.next_channel()
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        bump(x)
        recorder.sync(ops.SEND, channel)
    with history.run(two):
        recorder.sync(ops.RECEIVE, channel)
        bump(x)

    assert history.found() == []


def test_what_follows_a_send_is_not_ordered_by_it(history):
    x = history.variable("x")
    channel = recorder.next_channel()
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        recorder.sync(ops.SEND, channel)
        bump(x)
    with history.run(two):
        recorder.sync(ops.RECEIVE, channel)
        bump(x)

    assert history.found() == [("data-race", "x", "critical", "observed")]


def test_a_lock_released_by_another_actor_is_a_signal(history):
    x, lock = history.variable("x"), Lock()
    one, two = history.start("one"), history.start("two")
    with history.run(two):
        lock.try_acquire()
    with history.run(one):
        bump(x)
        lock.release()
    with history.run(two):
        with lock:
            pass
        bump(x)

    assert history.found() == []


def test_cooperative_actors_do_not_race(history):
    x = history.variable("x")
    one = history.start("one", "task", history.main.actor)
    two = history.start("two", "task", history.main.actor)
    for task in (one, two):
        with history.run(task, switch=True):
            bump(x)

    assert history.found() == []


def test_tasks_of_two_loops_race(history):
    x = history.variable("x")
    other = history.start("other loop")
    one = history.start("one", "task", history.main.actor)
    two = history.start("two", "task", other.actor)
    for task in (one, two):
        with history.run(task, switch=True):
            bump(x)

    assert [one[:3] for one in history.found()] == [("data-race", "x", "critical")]


def test_inserting_does_not_race_with_inserting_but_with_iterating(history):
    items = history.variable("items")
    one, two, three = (history.start(name) for name in ("one", "two", "three"))
    for actor in (one, two):
        with history.run(actor):
            items.grow()
    assert history.found() == []

    with history.run(three):
        items.iterate()
    assert [one[:3] for one in history.found()] == [("data-race", "items", "warning")]


def test_equal_constants_are_information_only(history):
    x = history.variable("x")
    for name in ("one", "two"):
        with history.run(history.start(name)):
            x.n = 7

    assert history.found() == []
    assert [one.severity for one in history.analyze()] == ["info"]


def test_a_polled_flag_is_information_only(history):
    x = history.variable("x", False)
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        while not x.n:
            break
    with history.run(two):
        x.n = True

    assert history.found() == []


def test_double_checked_locking_is_information_only(history):
    x, lock = history.variable("x", None), Lock()

    def get():
        if x.n is None:
            with lock:
                if x.n is None:
                    x.n = object()

    for name in ("one", "two"):
        with history.run(history.start(name)):
            get()

    assert history.found() == []


def test_a_finaliser_comes_after_everything_else(history):
    x, y = history.variable("x"), history.variable("y")
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        bump(x)
        bump(y)
    with history.run(two):
        recorder.sync(ops.FINALIZE, x.number)
        bump(x)
        bump(y)

    assert history.found() == [("data-race", "y", "critical", "observed")]
