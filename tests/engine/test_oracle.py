"""The engine against an oracle that tries every order, and against its relation written down.

``RACEWAY_ORACLE_EXAMPLES=50000`` tries as many random histories in each test, other ones each time.
"""

from __future__ import annotations

import os

import oracle
import pytest
import relation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import History, Op, Shape

from raceway.engine import shadow
from raceway.engine.analyzer import Analyzer
from raceway.engine.commutes import STALE, WRITES
from raceway.engine.definitions import Definitions
from raceway.engine.judge import Pattern
from raceway.engine.pairs import Pairs
from raceway.model import ops
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Replay

EXAMPLES = int(os.environ.get("RACEWAY_ORACLE_EXAMPLES", "0"))


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_forgotten():
    """Let the engine keep all sequences of a history, as the oracle does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shadow, "SEQUENCES_KEPT", 1000)
        yield


SETTINGS = settings(
    max_examples=EXAMPLES or 60,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
THREADS = Shape(groups=False, conditions=False)
MIXED = Shape(actors=3, locks=3)
LOCKS = Shape(groups=False, conditions=False, channels=0, locks=4, length=18, accesses=())


@st.composite
def histories(draw, shape):
    return oracle.history(lambda below: draw(st.integers(0, below - 1)), shape)


def analyse(history):
    """Feed a history to the engine; each op stands on a line of its own."""
    definitions = Definitions()
    lines = tuple(item for at in range(len(history.ops)) for item in (at + 1, at + 1, 0, 1))
    definitions.add((ops.DEF_CODE, 1, "program.py", "run", 1, 0, lines))
    for actor, group in enumerate(history.groups):
        kind = "thread" if actor == group else "task"
        definitions.add((ops.DEF_ACTOR, actor + 1, f"actor {actor}", kind, group + 1))
    analyzer = Analyzer(definitions, lambda path: None)
    analyzer.judge = Dependent()
    analyzer.pairs = Pairs(analyzer.judge)
    epochs = [0] * len(history.groups)
    stream = []
    for at, (actor, op, subject) in enumerate(history.ops):
        number = subject + 1 if op in (ops.FORK, ops.JOIN) else subject
        epochs[actor] += op == ops.SWITCH
        token = actor + 1 << ops.EPOCH_BITS | epochs[actor]
        stream += (token, number << ops.OP_BITS | op, 1, 2 * at)
        epochs[actor] += op > ops.LAST_ACCESS and op != ops.SWITCH
    Replay(definitions, analyzer, Mailbox()).feed(stream)
    return analyzer


PATTERNS = {
    (ops.READ, ops.WRITE): Pattern.R_W_W,
    (ops.READ, ops.READ): Pattern.R_W_R,
    (ops.WRITE, ops.READ): Pattern.W_W_R,
}


class Dependent:
    """A judge without sources, to whom every two accesses of an actor belong together."""

    def pattern(self, first, second, *, by_hand):
        return PATTERNS.get((first.kind, second.kind))

    def is_recheck(self, first, middle, second):
        return False

    def matters(self, cause, access):
        return True

    def is_superseded(self, first, middle, second):
        return False

    def __getattr__(self, name):
        """Nothing is excused for what the source looks like."""
        return lambda *_places: False


# ------------------------------------------------------------ data races


def raced(history):
    """What the engine found: pairs of ops, and whether nothing at all ordered them."""
    found = analyse(history).races.values()
    return {(race.first.index - 1, race.second.index - 1): race.observed for race in found}


def check_races(history):
    expected = relation.races(history)
    full = relation.full(history)
    found = raced(history)

    assert found == {pair: not full(*pair) for pair in expected}
    assert expected <= oracle.races(history, relation.unprotected(history))


@SETTINGS
@given(histories(THREADS))
def test_data_races_of_threads(history):
    check_races(history)


@SETTINGS
@given(histories(MIXED))
def test_data_races_with_tasks_and_conditions(history):
    check_races(history)


# ------------------------------------------------------------ atomicity violations


def violated(history):
    return {
        (one.sequence.first.index - 1, one.other.index - 1, one.sequence.second.index - 1)
        for one in analyse(history).violations.values()
    }


def check_violations(history):
    found = violated(history)

    # Who looks into a section and wakes nobody need not have come first.
    assert found <= interrupted(history.without_unheard(), waiting=True)
    missed = interrupted(history, waiting=False) - found
    assert missed == {one for one in missed if relation.meant(history, *one)}


def interrupted(history, *, waiting):
    return {
        (first, other, second)
        for first, other, second in oracle.interruptions(history, waiting=waiting)
        if (history.ops[first].op, history.ops[second].op) in PATTERNS
        and history.ops[other].op in WRITES
        and (history.ops[first].op, history.ops[other].op) in STALE
        and not overwritten(history, first, second)
    }


def overwritten(history, first, second):
    """Tell whether an actor wrote again before it read: the read is about the later write."""
    ops = history.ops
    return ops[first].op in WRITES and any(
        (one.actor, one.subject) == (ops[first].actor, ops[first].subject) and one.op in WRITES
        for one in ops[first + 1 : second]
    )


@SETTINGS
@given(histories(THREADS))
def test_atomicity_violations_of_threads(history):
    check_violations(history)


@SETTINGS
@given(histories(MIXED))
def test_atomicity_violations_with_tasks_and_conditions(history):
    check_violations(history)


# ------------------------------------------------------------ lock order


def circles(history):
    cycles = analyse(history).lock_graph.cycles()
    return {frozenset(edge.outer for edge in cycle) for cycle in cycles}


def check_lock_order(history):
    found = circles(history)
    possible = oracle.deadlocks(history)

    assert possible <= found
    # One circle may be unreachable because the actors always get stuck in another one before, or
    # because attempts to take a lock succeed only one after the other; they may as well fail.
    assert possible or not found or oracle.deadlocks(history.without_tries())


@SETTINGS
@given(histories(LOCKS))
def test_lock_order_inversions(history):
    check_lock_order(history)


# ------------------------------------------------------------ what was once wrong

NAMES = {name: getattr(ops, name) for name in ops.NAMES}
SUBJECTS = {"X": 1, "Y": 2, "Z": 3, "A": 10, "B": 11, "C": 12, "CHANNEL": 20}


def history_of(text, groups):
    """Read a history, one actor in a line: ``0: FORK 1, WRITE X``."""
    found = []
    for line in text.strip().splitlines():
        actor, _, row = line.partition(":")
        for step in row.split(","):
            op, *rest = step.split()
            subject = rest[0] if rest else "0"
            found.append(Op(int(actor), NAMES[op], SUBJECTS.get(subject) or int(subject)))
    return History(found, groups)


def test_a_thread_that_was_started_under_a_lock_and_takes_it():
    history = history_of(
        """
        0: ACQUIRE A, FORK 1, WRITE X, RELEASE A
        1: ACQUIRE A, RELEASE A, WRITE X
        """,
        groups=(0, 1),
    )

    assert raced(history) == {}
    check_races(history)


def test_a_message_that_was_sent_under_a_lock_that_its_receiver_holds():
    history = history_of(
        """
        0: FORK 1, FORK 2
        1: ACQUIRE A, SEND CHANNEL, WRITE X, RELEASE A
        2: ACQUIRE A, RECEIVE CHANNEL, RELEASE A, WRITE X
        """,
        groups=(0, 1, 2),
    )

    assert raced(history) == {}
    check_races(history)


def test_a_later_section_of_the_same_lock_does_not_conflict_because_an_earlier_one_did():
    history = history_of(
        """
        0: FORK 1, FORK 2
        1: ACQUIRE A, WRITE Y, RELEASE A, WRITE X, ACQUIRE A, READ Y, RELEASE A
        2: ACQUIRE A, READ Y, RELEASE A, WRITE X
        """,
        groups=(0, 1, 2),
    )

    assert raced(history) == {(5, 12): False}
    check_races(history)


def test_a_task_goes_on_to_its_next_switch_point_before_one_that_it_starts():
    history = history_of(
        """
        0: FORK 1, WRITE X
        1: SWITCH, FORK 2
        2: READ X
        """,
        groups=(0, 0, 2),
    )

    assert raced(history) == {}
    check_races(history)


def test_a_task_goes_on_to_its_next_switch_point_before_one_that_hears_of_it_through_a_thread():
    history = history_of(
        """
        0: FORK 1, FORK 2, WRITE X
        2: SEND CHANNEL
        1: SWITCH, RECEIVE CHANNEL, FORK 3
        3: READ X
        """,
        groups=(0, 0, 2, 3),
    )

    assert raced(history) == {}
    check_races(history)


def test_a_conflict_that_need_not_have_happened_yet_is_known_to_hide_a_race():
    history = history_of(
        """
        0: FORK 1, FORK 2
        1: WRITE X, ACQUIRE A, WRITE Y, RELEASE A
        2: ACQUIRE A, WRITE Y, RELEASE A, WRITE X
        """,
        groups=(0, 1, 2),
    )

    assert raced(history) == {}
    assert oracle.races(history, frozenset()) == {(2, 9)}


def test_actors_that_hold_the_same_lock_do_not_wait_for_each_other():
    history = history_of(
        """
        0: FORK 1, FORK 2
        0: ACQUIRE A, ACQUIRE B, RELEASE B, RELEASE A
        1: ACQUIRE B, ACQUIRE A, ACQUIRE C, RELEASE C, RELEASE A, RELEASE B
        2: ACQUIRE B, ACQUIRE C, ACQUIRE A, RELEASE A, RELEASE C, RELEASE B
        """,
        groups=(0, 1, 2),
    )

    assert circles(history) == {frozenset({10, 11})}
    check_lock_order(history)
