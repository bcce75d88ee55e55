"""Lock-order inversions in histories that are written out line by line."""

from history import Lock

from raceway.model import ops
from raceway.record import recorder


def nested(outer, inner):
    with outer:
        with inner:
            pass


def test_opposite_order_in_two_threads(history):
    a, b = Lock("a"), Lock("b")
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        nested(a, b)
    with history.run(two):
        nested(b, a)

    findings = history.analyze()
    assert [one.type for one in findings] == ["lock-order-inversion"]
    assert {lock.name for lock in findings[0].locks} == {"a", "b"}
    assert [side.role for side in findings[0].accesses] == ["outer", "inner", "outer", "inner"]


def test_locks_of_one_name_are_told_apart(history):
    a, b = Lock("Account.lock"), Lock("Account.lock")
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        nested(a, b)
    with history.run(two):
        nested(b, a)

    (finding,) = history.analyze()
    names = {"Account.lock #1", "Account.lock #2"}
    assert {lock.name for lock in finding.locks} == names
    assert {lock.name for side in finding.accesses for lock in side.locks} == names
    assert "Account.lock #1 -> Account.lock #2 -> Account.lock #1" in finding.message
    assert "sorted by" in finding.fix


def test_one_thread_cannot_deadlock_with_itself(history):
    a, b = Lock("a"), Lock("b")
    with history.run(history.start("one")):
        nested(a, b)
        nested(b, a)

    assert history.found() == []


def test_a_gate_lock_prevents_it(history):
    a, b, gate = Lock("a"), Lock("b"), Lock("gate")
    one, two = history.start("one"), history.start("two")
    with history.run(one), gate:
        nested(a, b)
    with history.run(two), gate:
        nested(b, a)

    assert history.found() == []


def test_ordered_threads_cannot_meet(history):
    a, b = Lock("a"), Lock("b")
    one = history.start("one")
    with history.run(one):
        nested(a, b)
    history.join(one)
    with history.run(history.start("two")):
        nested(b, a)

    assert history.found() == []


def test_trying_is_not_waiting(history):
    a, b = Lock("a"), Lock("b")
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        nested(a, b)
    with history.run(two), b:
        a.try_acquire()
        a.release()

    assert history.found() == []


def test_a_cycle_of_three(history):
    a, b, c = Lock("a"), Lock("b"), Lock("c")
    for name, outer, inner in (("one", a, b), ("two", b, c), ("three", c, a)):
        with history.run(history.start(name)):
            nested(outer, inner)

    assert [one[0] for one in history.found()] == ["lock-order-inversion"]


def test_a_message_after_the_locks_are_free_keeps_them_apart(history):
    a, b = Lock("a"), Lock("b")
    channel = recorder.next_channel()
    one, two = history.start("one"), history.start("two")
    with history.run(one):
        nested(a, b)
        recorder.sync(ops.SEND, channel)
    with history.run(two):
        recorder.sync(ops.RECEIVE, channel)
        nested(b, a)

    assert history.found() == []


def test_a_message_before_the_inner_lock_does_not(history):
    a, b = Lock("a"), Lock("b")
    channel = recorder.next_channel()
    one, two = history.start("one"), history.start("two")
    with history.run(one), a:
        recorder.sync(ops.SEND, channel)
        with b:
            pass
    with history.run(two):
        recorder.sync(ops.RECEIVE, channel)
        nested(b, a)

    assert [one[0] for one in history.found()] == ["lock-order-inversion"]


def test_a_later_pass_of_a_loop_overlaps_with_who_got_the_first_result(history):
    a, b = Lock("a"), Lock("b")
    first, last = recorder.next_channel(), recorder.next_channel()
    one, two = history.start("one"), history.start("two")
    for channel in (first, last):
        with history.run(one):
            nested(a, b)
            recorder.sync(ops.SEND, channel)
    for channel in (first, last):
        with history.run(two):
            recorder.sync(ops.RECEIVE, channel)
            nested(b, a)

    assert [one[0] for one in history.found()] == ["lock-order-inversion"]
