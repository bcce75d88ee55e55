"""sqlalchemy: statements of all engines, for a server.

Emits: statement and result of each execution.  Nothing is patched: engines have events.  The module
of the database that executes it, which may be patched too, leaves it alone.
"""

from __future__ import annotations

import sys

from raceway_autopatch import database
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "sqlalchemy>=1.4"
PATCHES = ()

_running: dict[int, database.Execution] = {}
"""By address of a cursor: what it executes."""


@contained
def _begin(connection: Any, cursor: Any, statement: Any) -> None:
    if database.is_wanted():
        name = f"{connection.dialect.name}:{connection.engine.url.database or ''}"
        _running[id(cursor)] = database.Execution(statement, name, anywhere=True)


@contained
def _end(cursor: Any, *, failed: bool) -> None:
    execution = _running.pop(id(cursor), None)
    if execution is not None:
        execution.end(None if failed else getattr(cursor, "rowcount", -1))


def _before(connection: Any, cursor: Any, statement: Any, *_more: Any) -> None:
    _begin(connection, cursor, statement)


def _after(_connection: Any, cursor: Any, *_more: Any) -> None:
    _end(cursor, failed=False)


def _error(context: Any) -> None:
    _end(context.cursor, failed=True)


_LISTENERS = (
    ("before_cursor_execute", _before),
    ("after_cursor_execute", _after),
    ("handle_error", _error),
)


def setup() -> None:
    """Listen, if there is a server to be told."""
    if database.is_wanted():
        engine = sys.modules["sqlalchemy.engine"].Engine
        for name, listener in _LISTENERS:
            sys.modules["sqlalchemy.event"].listen(engine, name, listener)


def teardown() -> None:
    """Listen no more."""
    event = sys.modules["sqlalchemy.event"]
    engine = sys.modules["sqlalchemy.engine"].Engine
    for name, listener in _LISTENERS:
        if event.contains(engine, name, listener):
            event.remove(engine, name, listener)
    _running.clear()
