"""The innermost loop in C against the Python code that it stands for, op by op."""

from __future__ import annotations

import os
import random

import pytest
from described import Names

from raceway.engine.analyzer import Analyzer
from raceway.engine.definitions import Definitions
from raceway.engine.pairs import Pairs
from raceway.engine.stamped import Access, ActorReplay
from raceway.model import ops
from raceway.pipeline import replay
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.sections import told_by

EXAMPLES = int(os.environ.get("RACEWAY_ORACLE_EXAMPLES", "0"))

pytestmark = pytest.mark.skipif(
    replay.compiled is None, reason="the extension was not built, or RACEWAY_PURE_PYTHON is set"
)

SOURCE = "\n".join(
    f"def run{n}(self, other):\n"
    "    before = self.n\n"
    "    if before:\n"
    "        self.n = before + 1\n"
    "    for item in other:\n"
    "        other[item] = self.n\n"
    "    return len(other)\n"
    for n in range(3)
)
CODES = 3
OFFSETS = 6
PLACES = [
    (2, 4, 13, 19),
    (3, 3, 7, 13),
    (4, 4, 8, 14),
    (6, 6, 8, 19),
    (6, 6, 22, 28),
    (7, 7, 11, 21),
]
KINDS = tuple(range(ops.LAST_ACCESS + 1))
HUGE = 1 << 33
"""Added to the numbers of another process's: its tokens do not fit into 64 bits."""


FLAG_SOURCE = "\n".join(
    f"def run{n}(self, other):\n"
    "    if self.n:\n"
    "        return\n"
    "    self.n = True\n"
    "    while not self.n:\n"
    "        pass\n"
    "    self.n = False\n"
    for n in range(CODES)
)
FLAG_PLACES = [(2, 2, 7, 13), (4, 4, 4, 10), (5, 5, 14, 20), (7, 7, 4, 10)]


class History:
    """A random history of threads, tasks, calls and jobs, as a process records it."""

    source = SOURCE
    places = PLACES

    def __init__(self, seed: int, length: int, *, base: int = 0) -> None:
        self.choose = random.Random(seed)
        self.base = base
        self.definitions = Definitions()
        self.stream: list[object] = []
        self.epochs: dict[int, int] = {}
        self.held: dict[int, list[int]] = {}
        self._define()
        for number in self.actors:
            self._op(1, number << ops.OP_BITS | ops.FORK, 1, 0)
        for _ in range(length):
            self._step()

    def _define(self) -> None:
        add = self.definitions.add
        for code in range(CODES):
            lines = [
                item for a, b, c, d in self.places for item in (a + 7 * code, b + 7 * code, c, d)
            ]
            add((ops.DEF_CODE, code + 1, "program.py", f"run{code}", 7 * code + 1, 0, tuple(lines)))
        add((ops.DEF_TYPE, 90, "Thing"))
        add((ops.DEF_ACTOR, 1, "main", "thread", 1))
        self.actors = [self.base + number for number in range(2, 8)]
        for at, number in enumerate(self.actors):
            kind = ("thread", "thread", "task", "task", "call", "job")[at]
            group = self.actors[2] if kind == "task" else number
            add((ops.DEF_ACTOR, number, f"actor {at}", kind, group))
        role = ops.ROLE_ATTRIBUTE
        for number in (1, 2):
            add((ops.DEF_VARIABLE, self.base + number, 0, f"v{number}", role, number == 1, 0))
        add((ops.DEF_VARIABLE, self.base + 3, 0, "d", ops.ROLE_CONTAINER, False, None))
        for number in (4, 5):
            key = f"{number}"
            add((ops.DEF_VARIABLE, self.base + number, self.base + 3, key, ops.ROLE_ITEM, False, 0))
        add((ops.DEF_VARIABLE, self.base + 6, 0, "by hand", ops.ROLE_NAMED, False, None))

    def _op(self, actor: int, word: int, thing: object, argument: object) -> None:
        epoch = self.epochs.get(actor, 0)
        self.stream += (actor << ops.EPOCH_BITS | epoch, word, thing, argument)
        if word & ops.OP_MASK > ops.FRAME:
            self.epochs[actor] = epoch + 1

    def _step(self) -> None:
        below = self.choose.randrange
        actor = self.actors[below(len(self.actors))]
        code, offset = 1 + below(CODES), 2 * below(OFFSETS)
        held = self.held.setdefault(actor, [])
        what = below(20)
        if what < 2:
            for depth in range(1 + below(3)):
                self._op(actor, depth << ops.OP_BITS | ops.FRAME, 1 + below(CODES), 2 * below(3))
        elif what < 12:
            self._accesses(actor, code, offset)
        elif what < 15 and len({*held}) < 2:
            lock = self.base + 20 + below(3)
            if all(lock not in one for one in self.held.values()):
                held.append(lock)
                op = (ops.ACQUIRE, ops.ACQUIRE, ops.TRY_ACQUIRE)[below(3)]
                self._op(actor, lock << ops.OP_BITS | op, code, offset)
        elif what < 17 and held:
            self._op(actor, held.pop() << ops.OP_BITS | ops.RELEASE, code, offset)
        elif what < 18:
            self._unusual(actor, held, code, offset)
        else:
            self._message(actor)

    def _unusual(self, actor: int, held: list[int], code: int, offset: int) -> None:
        """Take a lock again, wait for its condition, or give up one that somebody else has."""
        op = (ops.ACQUIRE, ops.WAIT_RELEASE, ops.NOTIFY, ops.RELEASE, ops.END)[
            self.choose.randrange(5)
        ]
        if op == ops.RELEASE:
            self._op(actor, (self.base + 20) << ops.OP_BITS | op, code, offset)
        elif op == ops.END:
            self._op(actor, actor << ops.OP_BITS | op, None, None)
        elif held:
            lock = held[-1] << ops.OP_BITS
            self._op(actor, lock | op, code, offset)
            if op == ops.ACQUIRE:
                held.append(held[-1])
            elif op == ops.WAIT_RELEASE:
                self._op(actor, lock | ops.WAIT_ACQUIRE, code, offset)

    def _accesses(self, actor: int, code: int, offset: int) -> None:
        below = self.choose.randrange
        for _ in range(1 + below(3)):
            variable = (self.base + 1 + below(6)) << ops.OP_BITS
            kind = (ops.READ, ops.WRITE)[below(2)] if below(3) else KINDS[below(len(KINDS))]
            self._op(actor, variable | kind, code, offset)
            if kind == ops.WRITE and below(4):
                value = (0, None, float("nan"), "x", True)[below(5)]
                of = (0, value) if below(5) else (90, below(2) == 1 or None)
                self._op(actor, variable | ops.VALUE, *of)
            offset = 2 * below(OFFSETS)

    def _message(self, actor: int) -> None:
        below = self.choose.randrange
        channel = (50 + below(2)) << ops.OP_BITS
        word = (
            channel | ops.SEND,
            channel | ops.RECEIVE,
            channel | ops.HANDOFF,
            ops.SWITCH,
            1 << ops.OP_BITS | ops.SWITCH,
            self.actors[below(len(self.actors))] << ops.OP_BITS | ops.FORK,
            self.actors[below(len(self.actors))] << ops.OP_BITS | ops.JOIN,
            (self.base + 1) << ops.OP_BITS | ops.FINALIZE,
        )[below(8)]
        self._op(actor, word, 1, 0)


class Flagged(History):
    """A random history in which variables serve as locks of those who take turns."""

    source = FLAG_SOURCE
    places = FLAG_PLACES

    def _accesses(self, actor: int, code: int, offset: int) -> None:
        below = self.choose.randrange
        variable = (self.base + 1 + below(3)) << ops.OP_BITS
        taken, waited = [(ops.READ, 0), (ops.WRITE, 1)], [(ops.READ, 2)]
        for kind, place in (taken, taken, taken, waited, [(ops.WRITE, 3)])[below(5)]:
            self._op(actor, variable | kind, code, 2 * place)
            if kind == ops.WRITE and below(8):
                self._op(actor, variable | ops.VALUE, 0, place == 1)


class Looping(History):
    """A random history whose actors do the same again and again."""

    def _step(self) -> None:
        below = self.choose.randrange
        before = len(self.stream)
        actor = self.actors[below(len(self.actors))]
        self._pass(actor, [])
        body = self.stream[before:]
        begin = body[0] & ops.EPOCH_MASK
        passes = below(4) * below(8)
        for _ in range(passes):
            later = self.epochs[actor] - begin
            for at in range(0, len(body), ops.STRIDE):
                token, word, thing, argument = body[at : at + ops.STRIDE]
                if word & ops.OP_MASK == ops.VALUE and not thing and type(argument) is int:
                    argument += below(3)
                self.stream += (token + later, word, thing, argument)
            self.epochs[actor] += (body[-ops.STRIDE] & ops.EPOCH_MASK) - begin + 1
            if not below(15):
                self._accesses(actor, 1, 2)

    def _pass(self, actor: int, held: list[int]) -> None:
        """Go through the body of a loop once; the last op is one that counts as an epoch."""
        below = self.choose.randrange
        for _ in range(1 + below(4)):
            code, offset = 1 + below(CODES), 2 * below(OFFSETS)
            what = below(8)
            lock = self.base + 20 + below(3)
            if what == 0:
                self._op(actor, 1 << ops.OP_BITS | ops.FRAME, 1 + below(CODES), 2 * below(3))
            elif what < 4 and lock not in held and len(held) < 2:
                word = lock << ops.OP_BITS
                self._op(actor, word | ops.ACQUIRE, code, offset)
                self._pass(actor, [*held, lock])
                self._op(actor, word | ops.RELEASE, code, offset)
            elif what == 7 and not below(4):
                self._message(actor)
            else:
                self._accesses(actor, code, offset)
        self._op(actor, 99 << ops.OP_BITS | ops.ACQUIRE, 1, 0)
        self._op(actor, 99 << ops.OP_BITS | ops.RELEASE, 1, 0)


class Sampling(Analyzer):
    """Compares one access in three with others, as a server does, and remembers the rest."""

    def access(self, access: Access) -> None:
        shadow = self.shadows.young.get(access.variable)
        if shadow is None or access.index % 3 == 0:
            super().access(access)
        else:
            replay.remember(self, shadow, access)


IN_PYTHON = {
    "compiled": None,
    "remember": Analyzer.remember,
    "stamp": replay._stamp,
    "message": told_by,
}


def analysed(
    history: History, *, compiled: bool, analysis: type[Analyzer] = Analyzer
) -> tuple[object, ...]:
    """Replay a history and describe everything that is known at the end."""
    definitions = Definitions()
    definitions.__dict__.update(history.definitions.__dict__)
    analyzer = analysis(definitions, lambda _path: history.source)
    analyzer.pairs = Pairs(analyzer.judge)
    run = replay.Replay(definitions, analyzer, Mailbox())
    with pytest.MonkeyPatch.context() as patch:
        for name, function in () if compiled else IN_PYTHON.items():
            patch.setattr(replay, name, function)
        half = len(history.stream) // 8 * 4
        for part in (history.stream[:half], history.stream[half:]):
            assert run.feed(part) == len(part)
    names = Names()
    return (
        run.index,
        analyzer.accesses,
        names.of(list(analyzer.races.items())),
        names.of(list(analyzer.violations.items())),
        names.of(list(analyzer.shadows.young.items())),
        names.of(list(run.actors.items())),
        names.of(list(run._locks.young.items())),
        analyzer.signals,
        [names.of(value) for value in flags_of(analyzer)],
    )


def flags_of(analyzer: Analyzer) -> list[object]:
    """Return what is known of flags: who has set which, their locks, and which are none."""
    flags = analyzer.flags
    of_sites = [sorted(site.items()) for site in (flags._numbers.young, flags._spoiled.young)]
    return [list(flags._claims.items()), list(flags._of_actor.items()), of_sites]


@pytest.mark.parametrize("base", [0, HUGE], ids=["first process", "another process"])
def test_what_is_known_at_the_end_is_the_same(base):
    """Everything: findings, what is remembered of each variable, and what actors know."""
    found = 0
    for seed in range(20):
        history = History(seed, 80 + 4 * seed, base=base)
        expected = analysed(history, compiled=False)

        assert analysed(history, compiled=True) == expected

        found += len(expected[2]) + len(expected[3])
    assert found > 200


def test_loops_are_the_same_to_the_last_pass():
    """Passes that nobody learns from are counted; what is known in the end is that of the last."""
    for seed in range(EXAMPLES or 40):
        history = Looping(seed, 1 + seed % 12)
        expected = analysed(history, compiled=False)

        assert analysed(history, compiled=True) == expected


def test_passes_of_a_loop_that_change_nothing_are_not_looked_at():
    class Value:
        compared = 0

        def __eq__(self, other):
            Value.compared += 1
            return True

        __hash__ = None

    history = History(0, 0)
    actor = history.actors[0]
    for _ in range(1000):
        history._op(actor, 20 << ops.OP_BITS | ops.ACQUIRE, 1, 0)
        history._op(actor, 1 << ops.OP_BITS | ops.WRITE, 1, 4)
        history._op(actor, 1 << ops.OP_BITS | ops.VALUE, 0, Value())
        history._op(actor, 20 << ops.OP_BITS | ops.RELEASE, 1, 4)
    analyzer = Analyzer(history.definitions, lambda _path: None)

    replay.Replay(history.definitions, analyzer, Mailbox()).feed(history.stream)

    assert analyzer.accesses == 1000
    assert 0 < Value.compared < 20


@pytest.mark.parametrize("kind", [History, Flagged])
def test_of_long_histories_as_well(kind):
    """The more there is to remember, the rarer what has to be the same."""
    for seed in range(EXAMPLES or 2):
        history = kind(seed, 400)
        expected = analysed(history, compiled=False)

        assert analysed(history, compiled=True) == expected


def test_flags_are_set_and_given_up():
    """Or the histories of flags would compare nothing."""
    claims = spoiled = 0
    for seed in range(10):
        _, _, (numbers, of_no_use) = analysed(Flagged(seed, 200), compiled=True)[-1]
        claims += len(numbers)
        spoiled += len(of_no_use)
    assert claims > 10
    assert spoiled > 10


def test_sections_that_tell_of_each_other():
    """A call goes on with the critical sections of its caller; each of them ends one."""
    history = History(0, 0)
    caller, call, other, _ = (history.actors[at] for at in (0, 4, 1, 2))
    one, two = (number << ops.OP_BITS for number in (20, 21))
    for actor, word in (
        (caller, one | ops.ACQUIRE),
        (caller, two | ops.ACQUIRE),
        (caller, call << ops.OP_BITS | ops.FORK),
        (call, 50 << ops.OP_BITS | ops.SEND),
        (caller, one | ops.WAIT_RELEASE),
        (call, two | ops.RELEASE),
        (other, one | ops.ACQUIRE),
        (other, two | ops.ACQUIRE),
        (other, 50 << ops.OP_BITS | ops.RECEIVE),
    ):
        history._op(actor, word, 1, 0)
    run = replay.Replay(
        history.definitions, Analyzer(history.definitions, lambda _path: None), Mailbox()
    )

    run.feed(history.stream)

    known = run.actors[other].base
    assert (known.get(caller), known.get(call)) == (3, 1)


def test_what_is_remembered_without_being_compared_is_the_same():
    for seed in range(20):
        history = History(seed, 80 + 4 * seed)
        expected = analysed(history, compiled=False, analysis=Sampling)

        assert analysed(history, compiled=True, analysis=Sampling) == expected


def test_single_steps_refuse_what_they_do_not_know():
    for step in (replay.compiled.remember, replay.compiled.stamp):
        with pytest.raises(TypeError, match="takes an"):
            step(1, 2, 3, 4, 5)
    with pytest.raises(TypeError, match="takes an actor"):
        replay.compiled.message(object())


def test_an_error_leaves_what_was_done_before_it():
    history = History(1, 100)
    analyzer = Analyzer(history.definitions, lambda _path: SOURCE)
    run = replay.Replay(history.definitions, analyzer, Mailbox())
    stream = [*history.stream, "no token", ops.READ, 1, 0]

    with pytest.raises(TypeError):
        run.feed(stream)

    assert analyzer.accesses == sum(
        word & ops.OP_MASK <= ops.LAST_ACCESS for word in history.stream[1::4]
    )
    assert run.index > analyzer.accesses


def test_what_is_no_list_of_ops_is_refused():
    run = replay.Replay(Definitions(), Analyzer(Definitions(), lambda _path: None), Mailbox())

    with pytest.raises(TypeError, match="a list of ops"):
        replay.compiled.feed(run, (), 0, True, 0.0)
    with pytest.raises(TypeError, match="a list of ops"):
        replay.compiled.feed(object(), [], 0, True, 0.0)
    assert run.feed([1, 2, 3]) == 3


def test_access_objects_are_complete():
    """Each slot of an access is set, as if its constructor had been called."""
    seen: list[Access] = []

    class Detector:
        def attach(self, locks):
            pass

        def access(self, access):
            seen.append(access)

        def lock_order(self, edge):
            pass

        def finalized(self, variable):
            pass

        def left(self, held):
            pass

        def heard(self, held):
            return ()

        def signalled(self, lock):
            pass

        def retire(self, actor):
            pass

    history = History(3, 200)
    replay.Replay(history.definitions, Detector(), Mailbox()).feed(history.stream)

    assert len(seen) > 50
    for access in seen:
        assert isinstance(access.actor, ActorReplay)
        assert {name for name in Access.__slots__ if hasattr(access, name)} == {*Access.__slots__}
