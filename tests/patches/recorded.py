"""Runs programs in child processes, patched or bare, and tells what was recorded.

Not a test module: the tests import it.  As a program it is the child::

    python recorded.py ours|bare RESULT < program
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HARD = {"SEND", "RECEIVE", "HANDOFF", "FORK", "JOIN"}


class Run:
    """A program that has ended.

    Attributes:
        out: What it has printed.
        ops: ``(actor name, op name, subject, function)``; the subject is the serial number of a
            lock, the name of an actor or, for channels, a letter in order of appearance.
        definitions: As recorded, without code objects.
    """

    def __init__(self, out: str, raw: dict) -> None:
        self.out = out
        self.definitions = raw["definitions"]
        self.errors = raw["errors"]
        actors = {d[1]: d[2] for d in self.definitions if d[0] == "actor"}
        channels: dict[int, str] = {}
        self.ops = []
        clocks: dict[int, dict[int, int]] = {}
        sent: dict[int, dict[int, int]] = {}
        self.marks: dict[str, tuple[int, dict[int, int]]] = {}
        for actor, op, subject, function, argument in raw["ops"]:
            clock = clocks.setdefault(actor, {})
            clock[actor] = clock.get(actor, 0) + 1
            if op == "WRITE":
                self.marks[argument] = actor, dict(clock)
                continue
            shown = subject
            if op in {"SEND", "RECEIVE", "HANDOFF"}:
                shown = channels.setdefault(subject, chr(97 + len(channels) % 26))
            if op in {"FORK", "JOIN", "END"}:
                shown = actors[subject]
            if op == "SEND":
                _join(sent.setdefault(subject, {}), clock)
            elif op == "HANDOFF":
                sent[subject] = dict(clock)
            elif op == "RECEIVE":
                _join(clock, sent.get(subject, {}))
            elif op == "FORK":
                _join(clocks.setdefault(subject, {}), clock)
            elif op == "JOIN":
                _join(clock, clocks.get(subject, {}))
            self.ops.append((actors[actor], op, shown, function))

    def of(self, actor: str, *names: str) -> list[str]:
        """Return what ``actor`` did, as ``OP subject``; only the ops of these names."""
        return [
            f"{op} {subject}"
            for who, op, subject, _ in self.ops
            if who == actor and (not names or op in names)
        ]

    def lock_ops(self) -> list[str]:
        """Return all that happened to locks, as ``actor OP lock``, but for the waiting."""
        return [
            f"{who} {op} {subject}"
            for who, op, subject, _ in self.ops
            if op not in HARD | {"END", "SWITCH", "EVENT"}
        ]

    def before(self, first: str, second: str) -> bool:
        """Return whether mark ``first`` happens before ``second``, mutexes left aside."""
        actor, clock = self.marks[first]
        return self.marks[second][1].get(actor, 0) >= clock[actor]

    def concurrent(self, first: str, second: str) -> bool:
        """Return whether nothing orders the two marks."""
        return not self.before(first, second) and not self.before(second, first)


def _join(into: dict[int, int], other: dict[int, int]) -> None:
    for actor, value in other.items():
        into[actor] = max(into.get(actor, 0), value)


def run(program: str, mode: str = "ours", *, timeout: float = 60) -> Run:
    """Run ``program``, which may call ``mark(name)``; fail if it writes to stderr."""
    descriptor, path = tempfile.mkstemp(suffix=".json")
    os.close(descriptor)
    try:
        child = subprocess.run(
            [sys.executable, os.path.abspath(__file__), mode, path],
            input=textwrap.dedent(program),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert child.stderr == ""
        assert child.returncode == 0
        with open(path, encoding="utf-8") as file:
            result = Run(child.stdout, json.load(file))
    finally:
        os.unlink(path)
    assert result.errors == {}
    return result


def same(program: str) -> str:
    """Assert that ``program`` prints the same with and without us, and return it."""
    bare = run(program, "bare").out
    assert run(program).out == bare
    assert bare
    return bare


# ---------------------------------------------------------------- the child


class _Sink:
    def __init__(self) -> None:
        self.items: list = []
        self.definitions: list = []

    def write(self, chunk: list, definitions: list) -> None:
        self.items += chunk
        self.definitions += definitions

    def after_fork(self) -> None:
        self.items, self.definitions = [], []


def _probe(function):
    """Return what ``function`` returns or raises, as text without addresses."""
    import re

    try:
        result = f"{function()!r}"
    except BaseException as error:
        result = f"{type(error).__name__}: {error}"
    return re.sub(r"0x[0-9a-f]+|owner=[1-9]\d+", "0x", result)


def _main() -> None:
    # `-m` and scripts put their folder first on the path: not the program's business.
    sys.path[0] = ROOT
    mode, path = sys.argv[1:]
    from raceway.model import ops
    from raceway.record import recorder

    if mode == "ours":
        from raceway_autopatch.registry import Registry

        sink = _Sink()
        recorder.start(sink)
        recorder.current()
        names = "threading", "raw_threads", "queue", "concurrent_futures", "socketserver", "sched"
        Registry(names).install()

    def mark(name):
        if mode == "ours":
            recorder.emit((recorder.current().tok, 1 << ops.OP_BITS | ops.WRITE, None, name))

    def probe(*functions):
        for function in functions:
            print(_probe(function))

    result = {"ops": [], "definitions": [], "errors": {}}
    try:
        code = compile(sys.stdin.read(), "<program>", "exec")
        exec(code, {"__name__": "__main__", "mark": mark, "probe": probe})
    finally:
        if mode == "ours":
            result["errors"] = dict(recorder.status.errors)
            recorder.stop()
            items = sink.items
            for at in range(0, len(items), ops.STRIDE):
                token, what, code, argument = items[at : at + ops.STRIDE]
                op = ops.NAMES[what & ops.OP_MASK]
                if op != "FRAME":
                    name = getattr(code, "co_name", None)
                    result["ops"].append(
                        (token >> ops.EPOCH_BITS, op, what >> ops.OP_BITS, name, argument)
                    )
            for definition in sink.definitions:
                result["definitions"].append(
                    [getattr(item, "co_name", item) for item in definition]
                )
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file)


if __name__ == "__main__":
    _main()
