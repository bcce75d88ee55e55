"""socketserver: the end of serve_forever() happens before the return of shutdown().

Emits: nothing itself; the event by which the two talk is made one of the program's.  The threads
of requests are threads like any other.
"""

from __future__ import annotations

from raceway_autopatch.patching import around, contained
from raceway_autopatch.primitives import watch_event

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SUPPORTS = None


def _made(server: Any) -> None:
    watch_event(server.__dict__["_BaseServer__is_shut_down"])


def _init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_made)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - becomes it
        original(self, *args, **kwargs)
        made(self)

    return __init__


PATCHES = (around("BaseServer.__init__", _init),)
