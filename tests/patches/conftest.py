"""Fixtures for the tests of patch files: patches on, ops into memory, everything off again."""

from __future__ import annotations

import sys

import pytest

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.registry import Registry


class Op:
    """One op, decoded."""

    def __init__(self, token, subject, thing, argument):
        self.actor = token >> ops.EPOCH_BITS
        self.epoch = token & ops.EPOCH_MASK
        self.name = ops.NAMES[subject & ops.OP_MASK]
        self.subject = subject >> ops.OP_BITS
        self.thing = thing
        self.argument = argument

    def __repr__(self):
        return f"{self.actor}:{self.name}:{self.subject:x}"


class Recording:
    """What was recorded, and the order that follows from it."""

    def __init__(self):
        self.raw = []
        self.definitions = []

    def write(self, chunk, definitions):
        self.raw += chunk
        self.definitions += definitions

    def after_fork(self):
        pass

    def flush(self):
        recorder.flush()
        return self

    @property
    def ops(self):
        self.flush()
        every = [Op(*self.raw[at : at + 4]) for at in range(0, len(self.raw), 4)]
        return [op for op in every if op.name != "FRAME"]

    def actors(self, kind=None):
        """Names of the actors, of one kind, in the order of their birth."""
        self.flush()
        return [d[2] for d in self.definitions if d[0] == ops.DEF_ACTOR and kind in (None, d[3])]

    def errors(self):
        self.flush()
        return [d for d in self.definitions if d[0] == ops.DEF_ERROR]

    def actor(self, name):
        """Return the number of the only actor whose name contains ``name``."""
        self.flush()
        found = {d[1] for d in self.definitions if d[0] == ops.DEF_ACTOR and name in d[2]}
        assert len(found) == 1, (name, self.definitions)
        return found.pop()

    def definition(self, number):
        return [d for d in self.definitions if d[:2] == (ops.DEF_ACTOR, number)][-1]

    def clocks(self):
        """Replay happens-before: the label of each mark, and the labels that come before it.

        A mark is a WRITE op whose argument is its label (see :meth:`mark`).
        """
        known, channels, remote, before = {}, {}, {}, {}
        for op in self.ops:
            mine = known.setdefault(op.actor, set())
            if op.name == "WRITE":
                before[op.argument] = set(mine)
                mine.add(op.argument)
            elif op.name == "SEND":
                channels.setdefault(op.subject, set()).update(mine)
            elif op.name == "HANDOFF":
                channels[op.subject] = set(mine)
            elif op.name == "RECEIVE":
                mine |= channels.get(op.subject, set())
            elif op.name == "FORK":
                known.setdefault(op.subject, set()).update(mine)
            elif op.name == "JOIN":
                mine |= known.get(op.subject, set())
            elif op.name == "REMOTE_SEND":
                remote[op.argument] = set(mine)
            elif op.name == "REMOTE_RECEIVE":
                mine |= remote.get(op.argument, set())
        return before

    def ordered(self, first, second):
        """Whether the mark ``first`` happens before the mark ``second``."""
        clocks = self.clocks()
        assert first in clocks, f"{first} was not reached"
        return first in clocks[second]

    def held(self):
        """Return what each mark was made under: the numbers of the locks of its actor."""
        locks, marks = {}, {}
        for op in self.ops:
            mine = locks.setdefault(op.actor, [])
            if op.name in ("ACQUIRE", "TRY_ACQUIRE"):
                mine.append(op.subject)
            elif op.name == "RELEASE":
                mine.remove(op.subject)
            elif op.name == "WRITE":
                marks[op.argument] = tuple(mine)
        return marks

    def who(self, label):
        """Return the name of the actor that made a mark."""
        number = next(op.actor for op in self.ops if op.argument == label and op.name == "WRITE")
        return self.definition(number)[2]


def mark(label):
    """Stand for an access of the program: whoever runs here was here."""
    state = recorder.current()
    recorder.emit((state.tok, 1 << ops.OP_BITS | ops.WRITE, None, label))


def _recording(*names):
    registry = Registry(order=names, selection="")
    saved = dict(recorder.local.__dict__)
    recorder.local.__dict__.clear()
    sink = Recording()
    registry.install()
    recorder.start(sink)
    try:
        yield sink
    finally:
        recorder.stop()
        registry.uninstall()
        recorder.local.__dict__.clear()
        recorder.local.__dict__.update(saved)
    assert sink.errors() == []


@pytest.fixture
def asyncio_recording():
    """Record with the patches of asyncio."""
    yield from _recording("asyncio")


@pytest.fixture
def mixed_recording():
    """Record with all patches of the standard library."""
    yield from _recording("threading", "queue", "concurrent_futures", "asyncio")


@pytest.fixture
def http_recording():
    """Record with the patches of HTTP clients and web frameworks."""
    yield from _recording(
        "http_client", "urllib3", "requests", "httpx", "aiohttp", "flask", "starlette", "django"
    )


@pytest.fixture
def database_recording():
    """Record with the patches of databases."""
    yield from _recording("sqlite3", "psycopg", "sqlalchemy")


@pytest.fixture(scope="module")
def celery_recording():
    """Record with the patches that Celery and its workers need, all tests of a module."""
    yield from _recording("threading", "queue", "concurrent_futures", "celery")


@pytest.fixture
def socket_recording():
    """Record connections, and the threads at their ends."""
    yield from _recording("threading", "socket")


@pytest.fixture
def pipe_recording():
    """Record pipes, and the threads at their ends."""
    yield from _recording("threading", "pipes")


@pytest.fixture
def anyio_recording():
    """Record with the patches that anyio's worker threads need."""
    yield from _recording("threading", "asyncio", "anyio")


@pytest.fixture
def trio_recording():
    """Record with the patches of trio, and of its threads."""
    yield from _recording("threading", "queue", "trio")


@pytest.fixture(scope="session")
def marker():
    """Return the function that makes marks."""
    return mark


@pytest.fixture
def python():
    """Return this interpreter."""
    return sys.executable
