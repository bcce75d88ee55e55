from __future__ import annotations

import pytest

from raceway.model import ops
from raceway.record import recorder
from raceway.watch import variables


class Sink:
    def __init__(self) -> None:
        self.items: list = []
        self.definitions: list = []

    def write(self, chunk, definitions) -> None:
        self.items += chunk
        self.definitions += definitions

    def after_fork(self) -> None:
        pass


class Recording:
    """The ops of the test so far, by the names that a report would use."""

    def __init__(self, sink) -> None:
        self.sink = sink
        self.names: dict[int, str] = {}

    def flush(self) -> None:
        recorder.flush()
        for definition in self.sink.definitions:
            if definition[0] == ops.DEF_VARIABLE:
                _, variable, parent, text, role, *_ = definition
                before = self.names.get(parent, "")
                if role == ops.ROLE_ITEM:
                    name = f"{before}[{text}]"
                elif role == ops.ROLE_ATTRIBUTE:
                    name = f"{before}.{text}"
                else:
                    name = before or text
                self.names[variable] = name

    def ops(self) -> list[tuple]:
        self.flush()
        items, self.sink.items = self.sink.items, []
        found = []
        for position in range(0, len(items), ops.STRIDE):
            _, subject, code, argument = items[position : position + ops.STRIDE]
            op = subject & ops.OP_MASK
            if op != ops.FRAME:
                found.append(
                    (ops.NAMES[op], self.names.get(subject >> ops.OP_BITS), code, argument)
                )
        return found

    def short(self) -> list[str]:
        """The accesses as "READ acct.balance", without annotations."""
        return [f"{op} {name}" for op, name, *_ in self.ops() if op != "VALUE"]

    def clear(self) -> None:
        self.ops()

    def notes(self) -> list[str]:
        self.flush()
        return [text for kind, text, *_ in self.sink.definitions if kind == ops.DEF_NOTE]


@pytest.fixture
def rec():
    recorder.flush()
    recorder.BUFFER.clear()
    recorder.DEFINITIONS.clear()
    variables.forget_notes()
    recorder.local.__dict__.clear()
    sink = Sink()
    recorder.start(sink)
    yield Recording(sink)
    recorder.stop()
    recorder.BUFFER.clear()
    recorder.DEFINITIONS.clear()
