"""Where the program called us: the first frame that is not raceway's own.

Decided by the directory of the package, not by the word "raceway" in a path: a program that lives
in ``~/raceway-shop`` has locations, too.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, FrameType

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OWN = (
    _PACKAGE + os.sep,
    os.path.join(os.path.dirname(_PACKAGE), "raceway_autopatch") + os.sep,
)


class CallSite(NamedTuple):
    """A place in the program.

    Example:
        >>> CallSite("/srv/bank/api.py", 46, "bank.api").location
        '/srv/bank/api.py:46'
    """

    file: str
    line: int
    module: str

    @property
    def location(self) -> str:
        """The place as ``file:line``."""
        return f"{self.file}:{self.line}"


UNKNOWN = CallSite("unknown", 0, "unknown")

_KEPT = 4096
_getframe = sys._getframe
# By code object and instruction; the code object is kept, so that its id stays its own.
_locations: dict[tuple[int, int], tuple[CodeType, str]] = {}


def location() -> str:
    """Return the location that :func:`find` finds, for the caller of who calls this.

    Looked up once for each place: naming a line costs more than the rest of a call.
    """
    frame = _getframe(2)
    code = frame.f_code
    key = (id(code), frame.f_lasti)
    known = _locations.get(key)
    if known is not None:
        return known[1]
    found = find().location
    if not code.co_filename.startswith(_OWN):
        if len(_locations) >= _KEPT:
            _locations.clear()
        _locations[key] = (code, found)
    return found


def find() -> CallSite:
    """Return the place in the program that led to this call.

    Returns:
        The site, or :data:`UNKNOWN` if every frame is ours (an embedding in C).
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_OWN):
            module = frame.f_globals.get("__name__")
            name = module if isinstance(module, str) else "unknown"
            return CallSite(filename, frame.f_lineno or 0, name)
        frame = frame.f_back
    return UNKNOWN
