"""psycopg: statements, for a server.

Emits: statement and result of each ``execute`` and ``executemany``, of cursors that block and of
those that are awaited.
"""

from __future__ import annotations

from raceway_autopatch import database
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "psycopg>=3"


@contained
def _begin(cursor: Any, args: Any, kwargs: Any) -> database.Execution | None:
    if not database.is_wanted():
        return None
    query = args[0] if args else kwargs.get("query")
    # A composed one: only psycopg can tell what it is.
    compose = getattr(query, "as_string", None)
    text = query if compose is None else compose(cursor)
    name = cursor.connection.info.dbname
    begun: database.Execution | None = database.begin(text, f"postgresql:{name}")
    return begun


def _execute(wrapped: Any, cursor: Any, args: Any, kwargs: Any) -> Any:
    execution = _begin(cursor, args, kwargs)
    if execution is None:
        return wrapped(*args, **kwargs)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException:
        execution.end(None)
        raise
    execution.end(cursor.rowcount)
    return result


async def _execute_async(wrapped: Any, cursor: Any, args: Any, kwargs: Any) -> Any:
    execution = _begin(cursor, args, kwargs)
    if execution is None:
        return await wrapped(*args, **kwargs)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException:
        execution.end(None)
        raise
    execution.end(cursor.rowcount)
    return result


PATCHES = {
    "psycopg.cursor": (
        wrap("Cursor.execute", _execute),
        wrap("Cursor.executemany", _execute),
    ),
    "psycopg.cursor_async": (
        wrap("AsyncCursor.execute", _execute_async),
        wrap("AsyncCursor.executemany", _execute_async),
    ),
}
