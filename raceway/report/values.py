"""Values of the program: bounded, and never the cause of an error in a report.

The recorder keeps scalars only, but a subclass of ``int`` may still have a ``__repr__`` that
raises, and an ``int`` may have a million digits, which ``str()`` refuses.  So types are compared
with ``is``: a subclass is taken for what it is, something unknown.
"""

from __future__ import annotations

from math import isfinite
from typing import Final

_JSON_INT_BITS: Final = 63
"""Beyond it, many readers of JSON silently lose digits or refuse the document."""
_TEXT_INT_BITS: Final = 256
_JSON_TEXT: Final = 1000


def value_text(value: object, limit: int = 40) -> str:
    """Show a value as source code would, in about ``limit`` characters; not yet cleaned."""
    if type(value) is str or type(value) is bytes:
        return repr(value[:limit]) + ("..." if len(value) > limit else "")
    if type(value) is int and value.bit_length() > _TEXT_INT_BITS:
        return f"<int of {value.bit_length()} bits>"
    try:
        return _cut(repr(value), limit)
    except Exception:
        return f"<{type(value).__name__}>"


def json_value(value: object) -> str | int | float | bool | None:
    """Return the value itself if JSON has it, otherwise its text."""
    if value is None or type(value) is bool:
        return value
    if type(value) is int and value.bit_length() <= _JSON_INT_BITS:
        return value
    if type(value) is float and isfinite(value):
        return value
    if type(value) is str:
        return json_text(_cut(value, _JSON_TEXT))
    return json_text(value_text(value, 200))


def json_text(text: str) -> str:
    """Return the text without lone surrogates, which many readers of JSON refuse."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
