"""sqlite3: statements, for a server.

Emits: statement and result of each ``execute``, ``executemany`` and ``executescript``.

The classes are written in C and cannot be changed: what ``connect`` and ``cursor`` return are
instances of subclasses that say they are what they stand for.  Where there is no server they return
what they always do.
"""

from __future__ import annotations

import os
import sys

from raceway_autopatch import database
from raceway_autopatch.patching import around, contained, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SUPPORTS = None

_FACTORY_AT = 5  # among the positional arguments of connect()
_CLASSES_KEPT = 64

_traced: dict[tuple[type, str], type] = {}
"""By class and what it stands for: the subclass of it."""


def _subclass(base: type, kind: str, make: Callable[[Any], type]) -> type:
    """Return the subclass of ``base`` that is recorded; itself if it is one."""
    if base in _traced.values():
        return base
    found = _traced.get((base, kind))
    if found is None:
        found = make(base)
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(found, name, getattr(base, name))
        while len(_traced) >= _CLASSES_KEPT:
            _traced.pop(next(iter(_traced)), None)
        _traced[base, kind] = found
    return found


def _make_connection(base: Any) -> type:
    class Connection(base):  # type: ignore[misc]  # a class that the program may have made
        __slots__ = ("_raceway_database",)
        __class__ = property(lambda _: base)  # isinstance asks it

        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            given = _with_cursor(args, kwargs)
            if given is not None:
                args, kwargs = given
            return base.cursor(self, *args, **kwargs)

    _add_methods(Connection, base)
    return Connection


def _make_cursor(base: Any) -> type:
    class Cursor(base):  # type: ignore[misc]  # as above
        __slots__ = ()
        __class__ = property(lambda _: base)

    _add_methods(Cursor, base)
    return Cursor


def _add_methods(cls: type, base: Any) -> None:
    """Override what executes: in a connection, too, which may make its cursors without asking."""
    for name in ("execute", "executemany", "executescript"):
        setattr(cls, name, _executing(getattr(base, name)))


def _executing(original: Any) -> Any:
    def execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        execution = _begin(self, args)
        if execution is None:
            return original(self, *args, **kwargs)
        try:
            result = original(self, *args, **kwargs)
        except BaseException:
            execution.end(None)
            raise
        execution.end(getattr(result, "rowcount", -1))
        return result

    execute.__name__ = original.__name__
    execute.__qualname__ = original.__qualname__
    execute.__doc__ = original.__doc__
    return execute


@contained
def _begin(thing: Any, args: Any) -> database.Execution | None:
    if not args:
        return None
    connection = getattr(thing, "connection", thing)
    name = getattr(connection, "_raceway_database", "sqlite")
    begun: database.Execution | None = database.begin(args[0], name)
    return begun


@contained
def _with_connection(args: Any, kwargs: Any) -> tuple[Any, Any] | None:
    if not database.is_wanted():
        return None
    positional = len(args) > _FACTORY_AT
    factory = args[_FACTORY_AT] if positional else kwargs.get("factory", _native("Connection"))
    if not isinstance(factory, type):
        return None  # a function: whatever it returns
    factory = _subclass(factory, "connection", _make_connection)
    if positional:
        return (*args[:_FACTORY_AT], factory, *args[_FACTORY_AT + 1 :]), kwargs
    return args, {**kwargs, "factory": factory}


@contained
def _with_cursor(args: Any, kwargs: Any) -> tuple[Any, Any] | None:
    factory = args[0] if args else kwargs.get("factory", _native("Cursor"))
    if not isinstance(factory, type) or not database.is_wanted():
        return None
    return (_subclass(factory, "cursor", _make_cursor), *args[1:]), {
        name: value for name, value in kwargs.items() if name != "factory"
    }


def _native(name: str) -> Any:
    return getattr(sys.modules["_sqlite3"], name)


@contained
def _name(connection: Any, args: Any, kwargs: Any) -> None:
    path = os.fspath(args[0] if args else kwargs["database"])
    shown = path.decode("utf-8", "replace") if isinstance(path, bytes) else path
    connection._raceway_database = f"sqlite:{shown.partition('?')[0]}"


def _connect(original: Callable[..., Any]) -> Callable[..., Any]:
    if database.is_for_nobody():
        return original  # a frame of ours would be seen: some warnings name their caller's file

    def connect(*args: Any, **kwargs: Any) -> Any:
        given = _with_connection(args, kwargs)
        if given is None:
            return original(*args, **kwargs)
        connection = original(*given[0], **given[1])
        _name(connection, args, kwargs)
        return connection

    return connect


def _same(_original: Any) -> Any:
    return sys.modules["sqlite3.dbapi2"].connect


PATCHES = {
    "sqlite3.dbapi2": (around("connect", _connect),),
    # It has taken the function from there, perhaps before it was patched.
    "sqlite3": (replace("connect", _same),),
}
