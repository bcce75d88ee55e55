"""heapq: its C functions work on a list behind the list's methods.

Emits: an update for push and pop, and for pop one of the first item; a write for heapify.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.lock_ops import user_site
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MODULE = "heapq"
SUPPORTS = None


def _touched(heap: Any, op: int, *, top: bool) -> None:
    """Record what is about to happen to a watched list; any other list has no structure."""
    twins = sys.modules.get("raceway.watch.twins")
    if twins is None or not twins.is_generated(type(heap)):
        return  # of the program's own: only our types are asked for more
    structure = getattr(heap, "_raceway_structure", 0)
    if not structure:
        return
    first = heap._raceway_items[0] if top and list.__len__(heap) else 0
    state, code, offset = user_site(3)
    token = state.tok
    seen = (token, structure | op, code, offset)
    recorder.emit((*seen, token, first | op, code, offset) if first else seen)


def _telling(op: int, *, top: bool) -> Callable[..., Any]:
    touched = contained(_touched)

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def changed(heap: Any, *args: Any) -> Any:
            if type(heap) is not list:
                touched(heap, op, top=top)
            return original(heap, *args)

        return changed

    return wrap


PATCHES = (
    around("heappush", _telling(ops.UPDATE, top=False)),
    around("heappop", _telling(ops.UPDATE, top=True)),
    around("heapreplace", _telling(ops.UPDATE, top=True)),
    around("heappushpop", _telling(ops.UPDATE, top=True)),
    around("heapify", _telling(ops.WRITE, top=False)),
)
