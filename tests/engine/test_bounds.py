"""What is forgotten changes no finding; where it has to be guessed, nobody is accused for it."""

import contextlib
import os
from unittest import mock

from history import History, Lock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raceway.analysis import Sources
from raceway.engine import analyzer as analyzer_module
from raceway.engine import races, shadow
from raceway.engine.analyzer import Analyzer
from raceway.model import ops
from raceway.pipeline import conflicts, messages, replay, retirement
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Replay
from raceway.record import recorder

ACTORS, VARIABLES, LOCKS, CHANNELS = 4, 3, 2, 3


def reads(x):
    return x.n


def writes(x):
    x.n = 1


def bumps(x):
    x.n += 1


def checks(x):
    if x.n:
        x.n = 0


def looks(x):
    return x.length()


def grows(x):
    x.grow()


ACTIONS = [reads, writes, bumps, checks, looks, grows]
STEPS = st.one_of(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, VARIABLES - 1)),
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, VARIABLES - 1)),
    st.tuples(st.just("lock"), st.integers(0, LOCKS - 1)),
    st.tuples(st.sampled_from(["send", "receive", "hand"]), st.integers(0, CHANNELS - 1)),
    st.tuples(st.sampled_from(["fork", "end", "join"]), st.integers(0, 3)),
)
HISTORIES = st.lists(st.tuples(st.integers(0, ACTORS), STEPS), min_size=20, max_size=120)


class Player:
    """Plays random steps of whoever lives."""

    def __init__(self, history):
        self.history = history
        self.living = [history.main, *(history.start(f"actor {n}") for n in range(ACTORS - 1))]
        self.over = []
        self.variables = [history.variable(f"x{n}") for n in range(VARIABLES)]
        self.locks = [Lock(f"lock{n}") for n in range(LOCKS)]
        self.channels = [recorder.next_channel() for _ in range(CHANNELS)]
        self.held = {}

    def play(self, steps):
        for who, (what, which) in steps:
            state = self.living[who % len(self.living)]
            with self.history.run(state):
                self.step(state, what, which)

    def step(self, state, what, which):
        if callable(what):
            what(self.variables[which])
        elif what == "lock":
            self.lock(state, which)
        elif what == "fork" or (what == "end" and len(self.living) == 1):
            self.living.append(self.history.start("actor"))
        elif what == "end":
            if state is not self.history.main and state not in self.held.values():
                recorder.sync(ops.END, state.actor)
                self.living.remove(state)
                self.over.append(state)
        elif what == "join":
            if self.over:
                self.history.join(self.over[-1 - which % len(self.over)])
        else:
            op = {"send": ops.SEND, "receive": ops.RECEIVE, "hand": ops.HANDOFF}[what]
            recorder.sync(op, self.channels[which])

    def lock(self, state, which):
        holder = self.held.get(which)
        if holder is None:
            self.held[which] = state
            self.locks[which].__enter__()
        elif holder is state:
            del self.held[which]
            self.locks[which].__exit__()


WAYS = ["send", "hand", "fork", "join", "sections"]
CHAINS = st.lists(
    st.tuples(st.integers(0, VARIABLES - 1), st.sampled_from(WAYS), st.booleans(), st.booleans()),
    min_size=5,
    max_size=60,
)


class Chain:
    """Hands variables from actor to actor, in ways that all order; so nothing can be found."""

    def __init__(self, history):
        self.history = history
        # By variable: who has it, and what its next owner has to do before.
        self.owners = [self.born(history) for _ in range(VARIABLES)]
        self.variables = [history.variable(f"x{n}") for n in range(VARIABLES)]

    @staticmethod
    def born(history):
        return history.start("actor")

    def play(self, steps):
        takers = [None] * VARIABLES
        for which, way, ends, waits in steps:
            if takers[which] is not None:
                self.owners[which] = takers[which]()
            owner = self.owners[which]
            with self.history.run(owner):
                bumps(self.variables[which])
                takers[which] = self.give(owner, way, ends)
            if not waits:
                self.owners[which] = takers[which]()
                takers[which] = None

    def give(self, owner, way, ends):
        """Let ``owner`` give its variable away; return what makes and returns the next owner."""
        history = self.history
        if way == "fork":
            child = self.born(history)
            return lambda: child
        after = None
        if way in {"send", "hand"}:
            channel = recorder.next_channel()
            recorder.sync(ops.SEND if way == "send" else ops.HANDOFF, channel)
            after = lambda: recorder.sync(ops.RECEIVE, channel)  # noqa: E731
        elif way == "sections":
            lock, flag = Lock(), history.variable("flag")
            with lock:
                bumps(flag)

            def after():
                with lock:
                    bumps(flag)

        if ends or way == "join":
            recorder.sync(ops.END, owner.actor)
        if way == "join":
            after = lambda: history.join(owner)  # noqa: E731

        def take():
            taker = self.born(history)
            with history.run(taker):
                after()
            return taker

        return take


def analyzed(history, **limits):
    """Return the evidence that is found under the given limits."""
    with contextlib.ExitStack() as stack:
        for name, value in limits.items():
            stack.enter_context(mock.patch.object(LIMITS[name], name, value))
        recorder.flush()
        analyzer = Analyzer(history.memory.definitions, Sources().text)
        replayed = Replay(history.memory.definitions, analyzer, Mailbox())
        replayed.feed(history.memory.stream)
    found = {}
    for key, race in analyzer.races.items():
        found["race", key] = (race.observed, race.count, race.severity)
    for key, violation in analyzer.violations.items():
        found["violation", key] = (violation.observed, violation.count, violation.severity)
    return found


LIMITS = {
    "FEWEST": retirement,
    "ENDED_KEPT": retirement,
    "LIVING_KEPT": retirement,
    "CHANNELS_KEPT": messages,
    "SENDERS_KEPT": messages,
    "LOCKS_KEPT": replay,
    "VARIABLES_KEPT": conflicts,
    "ACTORS_KEPT": conflicts,
    "SHADOWS_KEPT": analyzer_module,
    "TRAILS_KEPT": shadow,
    "PLACES_KEPT": shadow,
    "_is_repeated": races,
}
NEVER = 1_000_000


@contextlib.contextmanager
def played(kind, steps):
    history = History()
    try:
        kind(history).play(steps)
        yield history
    finally:
        history.close()


relaxed = settings(
    max_examples=400 if os.environ.get("RACEWAY_SLOW_TESTS") else 40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)


@relaxed
@given(HISTORIES)
def test_retirement_of_those_that_everybody_knows_changes_nothing(steps):
    with played(Player, steps) as history:
        expected = analyzed(history, FEWEST=NEVER)

        assert analyzed(history, FEWEST=1, ENDED_KEPT=NEVER) == expected


@relaxed
@given(HISTORIES)
def test_repeated_accesses_need_no_second_look(steps):
    with played(Player, steps) as history:
        expected = analyzed(history, _is_repeated=lambda *_: False)

        assert analyzed(history) == expected


TIGHT = [
    {"FEWEST": 1, "ENDED_KEPT": 0},
    {"CHANNELS_KEPT": 1},
    {"SENDERS_KEPT": 1},
    {"LOCKS_KEPT": 1},
    {"VARIABLES_KEPT": 1},
    {"ACTORS_KEPT": 1},
    {"SHADOWS_KEPT": 1},
    {"PLACES_KEPT": 1},
    {"FEWEST": 1, "ENDED_KEPT": 0, "CHANNELS_KEPT": 1, "SENDERS_KEPT": 1, "LOCKS_KEPT": 1},
]


@relaxed
@given(HISTORIES, st.sampled_from(TIGHT))
def test_what_has_to_be_forgotten_accuses_nobody(steps, limits):
    with played(Player, steps) as history:
        expected = analyzed(history, FEWEST=NEVER)

        assert analyzed(history, **limits).keys() <= expected.keys()


@relaxed
@given(CHAINS)
def test_what_is_handed_on_stays_ordered_whatever_is_forgotten(steps):
    with played(Chain, steps) as history:
        assert analyzed(history, FEWEST=NEVER) == {}
        for limits in TIGHT:
            assert (limits, analyzed(history, **limits)) == (limits, {})


class Streamed:
    """A sink that analyses at once what it gets, as a run does."""

    def __init__(self, history):
        self.memory = history.memory
        self.definitions = self.memory.definitions
        self.analyzer = Analyzer(self.definitions, Sources().text)
        self.replay = Replay(self.definitions, self.analyzer, Mailbox())
        self.largest = 0

    def write(self, chunk, definitions):
        self.memory.write(chunk, definitions)
        self.replay.feed(self.memory.stream)
        self.memory.stream = []
        self.largest = max(self.largest, self.size())

    def size(self):
        """Return the number of components, actors, trails and messages that are kept."""
        clocks = {}
        for actor in self.replay.actors.values():
            for clock in (actor.life, actor.base, actor.hard, actor.full):
                clocks[id(clock)] = len(clock)
        trails = sum(len(shadow.trails) for shadow in self.analyzer.shadows.values())
        touched = sum(map(len, self.analyzer._touched.values()))
        return max([*clocks.values(), len(self.replay.actors), trails, touched])

    def after_fork(self):
        pass


def test_ten_thousand_short_actors_stay_within_bounds(history, monkeypatch):
    monkeypatch.setattr(retirement, "ENDED_KEPT", 16)
    monkeypatch.setattr(retirement, "FEWEST", 16)
    sink = Streamed(history)
    recorder.start(sink)
    x, lines = history.variable("x"), history.variable("lines")
    logger = history.start("logger")
    with history.run(logger):
        bumps(lines)  # it never learns of anybody's end
    for number in range(10_000):
        short = history.start("short")
        with history.run(short):
            reads(x)
            recorder.sync(ops.END, short.actor)
        if number % 2:
            history.join(short)
    recorder.flush()

    assert sink.replay.actors_seen == 10_002
    assert sink.largest <= 2 * (retirement.ENDED_KEPT + retirement.FEWEST)
    with history.run(logger):
        bumps(x)
    recorder.flush()
    assert {race.first.actor.name for race in sink.analyzer.races.values()} == {"short"}


def test_objects_that_are_long_unused_are_forgotten(history, monkeypatch):
    monkeypatch.setattr(analyzer_module, "SHADOWS_KEPT", 100)
    sink = Streamed(history)
    recorder.start(sink)
    first = history.variable("first")
    writes(first)
    for _ in range(1000):
        bumps(history.variable("object"))
    with history.run(history.start("one")):
        bumps(first)
    recorder.flush()

    assert len(sink.analyzer.shadows) <= 200
    assert len(sink.analyzer._touched[history.main.actor]) <= 200
    assert sink.analyzer.variables >= 1001
    assert sink.analyzer.races == {}
