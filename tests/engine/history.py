"""Write a history by hand: actors, accesses and locks in exactly the order of the test's lines.

The ops are recorded with the real recorder, from the lines of the test itself, so that the engine
sees real code objects and real source; only the actors are installed by hand instead of running
in threads.
"""

from __future__ import annotations

import contextlib

from raceway.analysis import Sources
from raceway.engine.analyzer import Analyzer
from raceway.engine.conclusions import Conclusions
from raceway.engine.definitions import Definitions
from raceway.model import ops
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Replay
from raceway.record import recorder
from raceway.record.definer import Definer


class Memory:
    """A sink that keeps everything, with objects replaced by their ids."""

    def __init__(self):
        self.stream = []
        self.definitions = Definitions()
        self.definer = Definer()

    def write(self, chunk, definitions):
        out = []
        packed, fresh = self.definer.define(chunk, definitions, out)
        self.definer.commit(fresh)
        self.stream += packed
        for definition in out:
            self.definitions.add(definition)

    def after_fork(self):
        pass


class Variable:
    """A shared attribute ``n``: every access is recorded at the caller's line."""

    def __init__(self, history, name, value=0):
        self.number = recorder.next_variable()
        recorder.define((ops.DEF_VARIABLE, self.number, 0, name, ops.ROLE_ATTRIBUTE, True, value))
        self._value = value

    def _record(self, op):
        state, code, offset = recorder.site(3)
        recorder.emit((state.tok, self.number << ops.OP_BITS | op, code, offset))
        return state.tok

    @property
    def n(self):
        self._record(ops.READ)
        return self._value

    @n.setter
    def n(self, value):
        token = self._record(ops.WRITE)
        self._value = value
        annotation = self.number << ops.OP_BITS | ops.VALUE
        if value is None or type(value) in ops.SCALARS:
            recorder.emit((token, annotation, None, value))
        else:
            recorder.emit((token, annotation, type(value), None))

    def grow(self):
        self._record(ops.GROW)

    def pop(self):
        self._record(ops.UPDATE)

    def length(self):
        self._record(ops.LENGTH)
        return 0

    def iterate(self):
        self._record(ops.ITERATE)


class Lock:
    """A mutex as replay sees it; nothing is really locked."""

    def __init__(self, name="lock"):
        self.number = recorder.next_lock()
        recorder.define((ops.DEF_LOCK, self.number, "Lock", name, None, 0))

    def __enter__(self):
        recorder.sync_site(ops.ACQUIRE, self.number)
        return self

    def __exit__(self, *error):
        recorder.sync_site(ops.RELEASE, self.number)

    def try_acquire(self):
        recorder.sync_site(ops.TRY_ACQUIRE, self.number)

    def release(self):
        recorder.sync_site(ops.RELEASE, self.number)


class History:
    """One recorded history."""

    def __init__(self):
        self.memory = Memory()
        self._before = recorder.local.__dict__.copy()
        recorder.BUFFER.clear()
        recorder.DEFINITIONS.clear()
        recorder.start(self.memory)
        self.main = self.actor("MainThread")
        recorder.local.s = self.main

    def actor(self, name, kind="thread", group=0):
        return recorder.new_state(name, kind, group)

    def start(self, name, kind="thread", group=0):
        """Make an actor that whoever runs now starts."""
        state = self.actor(name, kind, group)
        recorder.fork_actor(state)
        return state

    @contextlib.contextmanager
    def run(self, state, *, switch=False):
        before = recorder.install(state)
        if switch:
            recorder.switch_to(state)
        try:
            yield
        finally:
            recorder.local.s = before

    def variable(self, name, value=0):
        return Variable(self, name, value)

    def join(self, state):
        recorder.sync(ops.JOIN, state.actor)

    def close(self):
        recorder.stop()
        recorder.local.__dict__.clear()
        recorder.local.__dict__.update(self._before)

    def analyze(self):
        recorder.flush()
        sources = Sources()
        analyzer = Analyzer(self.memory.definitions, sources.text)
        replay = Replay(self.memory.definitions, analyzer, Mailbox())
        replay.feed(self.memory.stream)
        return Conclusions(analyzer, sources.line, ".").findings()

    def found(self):
        """What the engine found: (type, variable, severity, certainty) without info."""
        return [
            (one.type, one.variable, one.severity, one.certainty)
            for one in self.analyze()
            if one.severity != "info"
        ]
