"""Capture of values at the moment of the call: plain JSON that no longer changes.

Guarantees: never raises; never changes the value; the result contains only dict with text keys,
list, str, bool, None, ints of 64 bits and finite floats, is nested at most MAX_DEPTH deep and about
``limit`` bytes long.

The value belongs to the program, so its code is run as little as possible. Containers are read by
the methods of the built-in base class even if a subclass overrides them: an overridden
``__iter__`` may block, raise or be instrumented itself. ``isinstance`` is avoided because it asks
``__class__``, which may be a property. Only a class that has a ``__repr__`` of its own is asked for
it, and not while such a ``__repr__`` is already running in this thread; one of a mapping is asked
for its items in place of it, since a text shows secrets that have a name.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from itertools import islice
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from raceway.pipeline import native
from raceway.redaction import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 100
DEFAULT_LIMIT = 64 * 1024
INT_MIN, INT_MAX = -(2**63), 2**64 - 1

_TEXT_LIMIT = 4096
_MAX_KEY = 1024
_UNPRINTABLE = "<unprintable>"
_rendering: Any = native.Local()

# By name, so that nothing is imported for the sake of a type that the program does not use.
_BY_ISOFORMAT = {("datetime", "datetime"), ("datetime", "date"), ("datetime", "time")}
_BY_STR = {
    ("datetime", "timedelta"),
    ("decimal", "Decimal"),
    ("fractions", "Fraction"),
    ("uuid", "UUID"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib", "PurePosixPath"),
    ("pathlib", "PureWindowsPath"),
    ("pathlib._local", "PosixPath"),
    ("pathlib._local", "WindowsPath"),
    ("pathlib._local", "PurePosixPath"),
    ("pathlib._local", "PureWindowsPath"),
}


def capture(
    value: object,
    limit: int = DEFAULT_LIMIT,
    hides: Callable[[str], object] | None = None,
) -> Any:
    """Return a JSON-safe copy of ``value`` as it is now.

    JSON values come back equal. Not-a-number and infinity, ints beyond 64 bits, bytes, dates,
    decimals and anything else that JSON lacks become text; tuples and sets become lists; dataclass
    instances become dicts of their fields (those with ``repr=False`` are left out). What is too
    deep, too long or contains itself is replaced by a marker in angle brackets.

    Args:
        value: Anything.
        limit: Approximate size of the result as JSON, in bytes.
        hides: Whether the value of this key or field is a secret; it is then left out.

    Returns:
        A value that :func:`json.dumps` accepts with ``allow_nan=False``.

    Example:
        >>> capture({1: float("nan"), "when": (1, 2)})
        {'1': 'NaN', 'when': [1, 2]}
    """
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int and INT_MIN <= value <= INT_MAX:  # type: ignore[operator]  # kind says int
        return value
    try:
        return _Capture(limit, hides).value(value, 0)
    except Exception:  # the application's value may do anything
        return _UNPRINTABLE


def text(value: object, limit: int = _TEXT_LIMIT) -> str:
    """Return ``value`` as text that UTF-8 can express. Never raises.

    Args:
        value: Text is kept; anything else is captured and written as text.
        limit: Longest result, in characters.

    Example:
        >>> text("user.balance"), text(7), text(None)
        ('user.balance', '7', 'None')
    """
    try:
        if type(value) is str:
            return _clean(value, limit)
        captured = value if value is None else capture(value, limit)
        return _clean(captured if isinstance(captured, str) else str(captured), limit)
    except Exception:  # as in capture()
        return _UNPRINTABLE


class _Capture:
    """One walk over one value, with what is left of its size limit."""

    __slots__ = ("hides", "left", "path")

    def __init__(self, limit: int, hides: Callable[[str], object] | None = None) -> None:
        self.left = limit
        self.hides = hides
        self.path: set[int] = set()

    def value(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            self.left -= 5
            return value
        if kind is str:
            return self.text(value)
        if kind is int:
            return self.integer(value)
        if kind is float:
            return self.real(value)
        try:
            if issubclass(kind, (dict, list, tuple, set, frozenset, deque)):
                return self.container(value, kind, depth)
            return self.other(value, kind, depth)
        except Exception:  # whatever the class does, the rest of the value is still worth having
            return self.text(_UNPRINTABLE)

    def text(self, value: str) -> str:
        room = max(self.left, 16)
        cleaned = _clean(value, room)
        size = _size(cleaned)
        if size > room + 64:  # written in JSON its characters take up to six bytes each
            cleaned = _clean(value, room // 6 + 1)
            size = _size(cleaned)
        self.left -= 2 + size
        return cleaned

    def integer(self, value: int) -> int | str:
        if INT_MIN <= value <= INT_MAX:
            self.left -= 20
            return value
        # A server would silently turn it into a float. Hexadecimal where decimal would take long
        # or is forbidden (sys.set_int_max_str_digits).
        return self.text(str(value) if value.bit_length() <= 2048 else _clip(hex(value), 600))

    def real(self, value: float) -> float | str:
        if value - value == 0.0:
            self.left -= 24
            return value
        if value != value:  # noqa: PLR0124 - the definition of NaN
            return self.text("NaN")
        return self.text("Infinity" if value > 0 else "-Infinity")

    def container(self, value: Any, kind: type, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return self.text("<nested too deeply>")
        if id(value) in self.path:
            return self.text("<contains itself>")
        self.path.add(id(value))
        try:
            self.left -= 2
            if issubclass(kind, dict):
                return self.mapping(value, depth)
            items = self.sequence(value, kind, depth)
            if issubclass(kind, (set, frozenset)):
                try:
                    items.sort()  # the order of a set says nothing; a stable one compares better
                except TypeError:
                    pass
            return items
        finally:
            self.path.discard(id(value))

    def sequence(self, value: Any, kind: type, depth: int) -> list[Any]:
        room = max(self.left // 2, 0) + 1
        base: Any = next(
            base for base in (list, tuple, set, frozenset, deque) if issubclass(kind, base)
        )
        size = base.__len__(value)
        names = _field_names(kind) if base is tuple and kind is not tuple else ()
        result = []
        for taken, item in enumerate(_snapshot(base.__iter__, value, room)):
            if self.left <= 0:
                result.append(f"<{size - taken} more>")
                return result
            if taken < len(names):
                result.append(self.named(names[taken], item, depth + 1))
            else:
                result.append(self.value(item, depth + 1))
            self.left -= 1
        if size > len(result):
            result.append(f"<{size - len(result)} more>")
        return result

    def mapping(self, value: Any, depth: int) -> dict[str, Any]:
        room = max(self.left // 4, 0) + 1
        size = dict.__len__(value)
        result: dict[str, Any] = {}
        taken = 0
        for key, item in _snapshot(dict.items, value, room):
            if self.left <= 0:
                break
            name = self.key(key)
            if name in result:  # 1 and "1" are two keys here and one in JSON
                name = f"{name} ({type(key).__name__})"
            result[name] = self.named(name, item, depth + 1)
            self.left -= 2
            taken += 1
        if taken < size:
            result["..."] = f"<{size - taken} more>"
        return result

    def named(self, name: str, value: Any, depth: int) -> Any:
        if value is not None and self.hides is not None and self.hides(name):
            return self.text(REDACTED)
        return self.value(value, depth)

    def key(self, key: Any) -> str:
        if type(key) is str:
            name = _clean(key, _MAX_KEY)
        elif key is None or key is True or key is False:
            name = {None: "null", True: "true", False: "false"}[key]
        else:
            # Not through other containers' limits: a key is one short text.
            short = _Capture(min(_MAX_KEY, max(self.left, 16))).value(key, MAX_DEPTH - 3)
            name = _clean(short if isinstance(short, str) else str(short), _MAX_KEY)
        self.left -= 3 + _size(name)
        return name

    def other(self, value: Any, kind: type, depth: int) -> Any:
        if issubclass(kind, str) or issubclass(kind, int) or issubclass(kind, float):
            return self.scalar(value, kind)
        if _is_enum(kind):
            return self.text(f"{kind.__name__}.{object.__getattribute__(value, '_name_')}")
        if issubclass(kind, (bytes, bytearray)):
            base = bytes if issubclass(kind, bytes) else bytearray
            head = bytes(base.__getitem__(value, slice(0, max(self.left // 4, 16))))
            more = base.__len__(value) - len(head)
            return self.text(repr(head) + (f"<{more} more bytes>" if more else ""))
        name = (kind.__module__, kind.__qualname__)
        if name in _BY_ISOFORMAT:
            return self.text(value.isoformat())
        if name in _BY_STR:
            return self.text(str(value))
        if any("__dataclass_fields__" in base.__dict__ for base in kind.__mro__):
            return self.dataclass(value, kind, depth)
        inner = _unwrapped(value, kind)
        if inner is not value:
            return self.value(inner, depth + 1) if depth < MAX_DEPTH else self.text("<proxy>")
        if kind.__repr__ is not object.__repr__ and issubclass(kind, Mapping):
            return self.foreign_mapping(value, kind, depth)
        return self.text(_described(value, kind))

    def foreign_mapping(self, value: Any, kind: type, depth: int) -> Any:
        """Return the items of what is no dict. Its ``repr`` would show them, secrets and all."""
        if getattr(_rendering, "busy", False) or depth >= MAX_DEPTH:
            return self.text(object.__repr__(value))
        if id(value) in self.path:
            return self.text("<contains itself>")
        try:
            items = _items(value, max(self.left // 4, 0) + 1)
        except Exception:  # as in _described()
            return self.text(f"<unprintable {kind.__name__}>")
        self.path.add(id(value))
        try:
            return self.container(items, dict, depth)
        finally:
            self.path.discard(id(value))

    def scalar(self, value: Any, kind: type) -> Any:
        # By the base class: the subclass may have its own __str__ or __index__.
        if issubclass(kind, str):
            return self.text(str.__str__(value))
        if issubclass(kind, int):
            return self.integer(int.__int__(value))
        return self.real(float.__float__(value))

    def dataclass(self, value: Any, kind: Any, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            return self.text("<nested too deeply>")
        if id(value) in self.path:
            return self.text("<contains itself>")
        self.path.add(id(value))
        try:
            result: dict[str, Any] = {}
            # Past the descriptors of the class: a watched object would record a read for each.
            try:
                own = object.__getattribute__(value, "__dict__")
            except AttributeError:
                own = {}
            for name, field in list(kind.__dataclass_fields__.items()):
                # repr=False is how a class hides a secret; "_FIELD" is neither ClassVar nor InitVar
                stored = field._field_type.name == "_FIELD"  # noqa: SLF001 - fields() says it no other way
                if not field.repr or not stored or self.left <= 0:
                    continue
                try:
                    item = own[name] if name in own else object.__getattribute__(value, name)
                except Exception:  # noqa: S112 - a slot that is still empty has no value to show
                    continue
                self.left -= len(name) + 3
                result[name] = self.named(name, item, depth + 1)
            return result
        finally:
            self.path.discard(id(value))


def _snapshot(iterate: Any, value: Any, room: int) -> list[Any]:
    """Return the first items of a container that other threads may be changing."""
    for _attempt in range(3):
        try:
            return list(islice(iterate(value), room))
        except RuntimeError:  # changed size during iteration
            continue
    return []


def _field_names(kind: type) -> tuple[str, ...]:
    """Return how a named tuple calls its items."""
    for base in kind.__mro__:
        names = base.__dict__.get("_fields")
        if type(names) is tuple and all(type(name) is str for name in names):
            return names
    return ()


def _is_enum(kind: type) -> bool:
    module = sys.modules.get("enum")
    return module is not None and issubclass(kind, module.Enum)


def _unwrapped(value: Any, kind: type) -> Any:
    wrapt = sys.modules.get("wrapt")
    proxy = getattr(wrapt, "ObjectProxy", None)
    if proxy is not None and issubclass(kind, proxy):
        return value.__wrapped__
    return value


def _described(value: Any, kind: Any) -> str:
    if kind.__repr__ is object.__repr__ or getattr(_rendering, "busy", False):
        return object.__repr__(value)
    _rendering.busy = True
    try:
        return str.__str__(repr(value))
    except Exception:  # the class is known even if the object cannot say what it is
        return f"<unprintable {kind.__name__}>"
    finally:
        _rendering.busy = False


def _items(value: Any, room: int) -> dict[Any, Any]:
    _rendering.busy = True
    try:
        return dict(islice(value.items(), room))
    finally:
        _rendering.busy = False


def _clip(value: str, limit: int) -> str:
    if len(value) <= limit:
        return value
    return f"{value[:limit]}<{len(value) - limit} more characters>"


def _size(cleaned: str) -> int:
    if cleaned.isascii() and cleaned.isprintable():
        return len(cleaned)  # quotes and backslashes take two bytes: at most twice as much
    return len(encode_basestring(cleaned).encode("utf-8"))


def _clean(value: str, limit: int) -> str:
    clipped = _clip(value, limit)
    if clipped.isascii():
        return clipped
    try:
        clipped.encode("utf-8")
    except UnicodeEncodeError:
        # Lone surrogates are not UTF-8: the server would refuse the whole batch. Pairs are joined.
        return clipped.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return clipped
