"""Causality vectors: a server concludes from them what replay knows, and they stay short."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_server import Clocks

from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.pipeline.wire_events import EventReplay

COUNTER = 1


class Recorded(EventReplay):
    """Remembers for each access what replay knows of its order."""

    def __init__(self, server, *, full=False):
        definitions = Definitions()
        definitions.add((ops.DEF_VARIABLE, COUNTER, 0, "counter", ops.ROLE_NAMED, False, None))
        super().__init__(
            definitions, server.take, service="s", environment="e", instance="i", full=full
        )
        self.server = server
        self.accesses = []

    def access(self, access):
        super().access(access)
        actor = access.actor
        self.accesses.append((actor.number, access.epoch, actor.hard, self.server.events[-1]))


class Program:
    """An op stream by hand."""

    def __init__(self):
        self.stream = []
        self.epochs = {1: 1}
        self.alive = [1]

    def op(self, actor, op, subject=0, epoch=None):
        token = actor << ops.EPOCH_BITS | self.epochs[actor]
        self.stream += (token, subject << ops.OP_BITS | op, 0, 0)

    def sync(self, actor, op, subject):
        self.op(actor, op, subject)
        self.epochs[actor] += 1

    def write(self, actor):
        self.op(actor, ops.WRITE, COUNTER)

    def fork(self, actor):
        child = len(self.epochs) + 1
        self.epochs[child] = 1
        self.sync(actor, ops.FORK, child)
        self.alive.append(child)
        return child

    def end(self, actor):
        self.sync(actor, ops.END, actor)
        self.alive.remove(actor)


def replayed(program, **options):
    server = Clocks()
    replay = Recorded(server, **options)
    replay.feed(program.stream)
    return replay


steps = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 3)), max_size=80)


@pytest.mark.parametrize("full", [False, True])
@settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(steps)
def test_the_server_orders_what_is_ordered_and_nothing_else(full, steps):
    program = Program()
    ended = []
    for what, who, channel in steps:
        actor = program.alive[who % len(program.alive)]
        if what == 0:
            program.fork(actor)
        elif what == 1 and actor != 1:
            program.end(actor)
            ended.append(actor)
        elif what == 2 and ended:
            program.sync(actor, ops.JOIN, ended[who % len(ended)])
        elif what == 3:
            program.sync(actor, ops.SEND, channel + 1)
        elif what == 4:
            program.sync(actor, ops.RECEIVE, channel + 1)
        program.write(actor) if actor in program.alive else None

    replay = replayed(program, full=full)

    for at, (number, epoch, _, event) in enumerate(replay.accesses):
        for other, _, hard, later in replay.accesses[at + 1 :]:
            if other != number:
                known = hard.get(number, -1) >= epoch
                assert replay.server.before(event, later) == known
                if not known:
                    assert not replay.server.before(later, event)


def test_threads_one_after_the_other_share_a_lane():
    program = Program()
    for _ in range(600):
        child = program.fork(1)
        program.write(child)
        program.end(child)
        program.sync(1, ops.JOIN, child)
    program.write(1)

    replay = replayed(program)

    assert len({event["metadata"]["thread_id"] for event in replay.server.events}) == 2
    assert max(len(event["causality_vector"]) for event in replay.server.events) <= 6
    first, *_, last = (event for *_, event in replay.accesses)
    assert replay.server.before(first, last)


def test_vectors_are_bounded_although_nobody_waits_for_anybody():
    program = Program()
    children = [program.fork(1) for _ in range(600)]
    for child in children:
        program.write(child)
        program.sync(child, ops.SEND, 1)
        program.sync(1, ops.RECEIVE, 1)
        program.write(1)

    replay = replayed(program)

    assert max(len(event["causality_vector"]) for event in replay.server.events) <= 520


def test_only_what_is_new_is_said():
    program = Program()
    for _ in range(50):
        child = program.fork(1)
        program.write(child)
        program.sync(child, ops.SEND, 1)
    program.sync(1, ops.RECEIVE, 1)
    for _ in range(100):
        program.write(1)

    replay = replayed(program)

    lengths = [len(event["causality_vector"]) for *_, event in replay.accesses[-100:]]
    assert lengths[0] > 16
    assert set(lengths[1:]) == {2}
    anchors = {event["parent_id"] for *_, event in replay.accesses[-99:]}
    assert anchors == {replay.accesses[-100][3]["id"]}


def test_an_event_that_was_dropped_has_no_children():
    program = Program()
    for _ in range(5):
        program.write(1)
    server = Clocks()
    replay = Recorded(server)
    replay._put = lambda event: server.take(event) and len(server.events) > 2
    replay.feed(program.stream)
    assert [event["parent_id"] for event in server.events] == [
        None, None, None, server.events[2]["id"], server.events[2]["id"],
    ]  # fmt: skip


def test_the_cost_of_an_event_does_not_grow_with_the_history():
    def parts(count):
        program = Program()
        other = program.fork(1)
        for _ in range(count):
            program.write(1)
            program.sync(1, ops.SEND, 1)
            program.sync(other, ops.RECEIVE, 1)
            program.write(other)
        replay = replayed(program)
        assert replay.server.before(replay.accesses[-2][3], replay.accesses[-1][3])
        return {len(event["causality_vector"]) for *_, event in replay.accesses[-100:]}

    # Also where more epochs have passed than are remembered.
    assert parts(200) == parts(9_000) == {2, 4}
