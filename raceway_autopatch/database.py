"""Statements that the program executes: what all patches of databases have in common.

A server is told of them, a local analysis has no use for them: there, nothing is patched.  The
statement is recorded as it is passed, without its parameters.

Libraries call each other: SQLAlchemy calls sqlite3, perhaps in another thread.  Whoever is further
up notes down the statement, the very string, and whoever gets the same one leaves it alone.
"""

from __future__ import annotations

import time
from _thread import get_ident

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_TEXT_LIMIT = 4096
"""Characters of a statement that are kept."""

_above: dict[object, list[object]] = {}
"""By address of a statement, and thread where only that one is meant: the executions that have
begun further up, and not ended.  An empty list stays: removing it would race with who has it."""
_LISTS_KEPT = 1024


def is_wanted() -> bool:
    """Return whether anybody is told of statements: a server is, a local analysis is not."""
    sink = recorder.status.sink
    local = getattr(sink, "analysed_locally", False) and not getattr(sink, "sends_events", False)
    return recorder.status.active and not local


def is_for_nobody() -> bool:
    """Return whether it is certain that nobody will be told of statements."""
    return recorder.status.active and not is_wanted()


class Execution:
    """One execution of a statement; it has begun when this is made.

    Args:
        statement: As it is passed to the database's module.
        database: Its kind and, if known, its name.
        anywhere: Libraries further down may run in another thread.
    """

    __slots__ = ("_began", "_database", "_others", "_statement")

    def __init__(self, statement: object, database: str, *, anywhere: bool) -> None:
        self._statement = statement
        self._database = database
        if len(_above) > _LISTS_KEPT:
            for key in [key for key, others in tuple(_above.items()) if not others]:
                _above.pop(key, None)
        key = id(statement) if anywhere else (get_ident(), id(statement))
        self._others = _above.setdefault(key, [])
        self._others.append(self)
        self._began = time.monotonic()

    @contained
    def end(self, rows: object) -> None:
        """Record it with its result.

        Args:
            rows: Number of rows, -1 if it is not known; None if the database raised.
        """
        duration = (time.monotonic() - self._began) * 1000
        if self in self._others:
            self._others.remove(self)
        text = _text(self._statement)[:_TEXT_LIMIT]
        recorder.sync(ops.EVENT, ops.EVENT_QUERY, (text, self._database, duration))
        if rows is not None:
            count = rows if isinstance(rows, int) else -1
            recorder.sync(ops.EVENT, ops.EVENT_ROWS, (max(count, 0),))


@contained
def begin(statement: Any, database: str) -> Execution | None:
    """Return the execution that begins now; None if it is not to be recorded, or known already.

    Args:
        statement: As it is passed.
        database: Its kind and, if known, its name.
    """
    if not is_wanted():
        return None
    key = id(statement)
    if _above.get(key) or _above.get((get_ident(), key)):
        return None
    return Execution(statement, database, anywhere=False)


def _text(statement: object) -> str:
    if isinstance(statement, bytes):
        return statement.decode("utf-8", "replace")
    return statement if isinstance(statement, str) else repr(statement)
