"""multiprocessing.shared_memory: the items of a ``ShareableList`` are watched variables.

Emits: reads and writes of items.  A ``SharedMemory.buf`` is a memoryview, which cannot be watched.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record.naming import assigned_name
from raceway_autopatch.patches.multiprocessing.sites import user_frame
from raceway_autopatch.patches.multiprocessing.variables import ITEMS, Items, record
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _made(shareable: Any) -> None:
    frame = user_frame(3)
    label = assigned_name(frame.f_code, frame.f_lasti) or "ShareableList"
    items = Items(f"list {shareable.shm.name}", label, ops.ROLE_CONTAINER)
    shareable.__dict__[ITEMS] = items
    # What raceway.watch() calls; it is pickled by its name, and made anew.
    shareable.__dict__["_raceway_named"] = items.rename


def _init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_made)

    def __init__(self: Any, sequence: Any = None, *, name: Any = None) -> None:  # noqa: N807 - it becomes the method
        original(self, sequence, name=name)
        made(self)

    return __init__


def _reading(shareable: Any, position: Any) -> None:
    items = shareable.__dict__.get(ITEMS)
    length = len(shareable)
    if items is not None and type(position) is int and -length <= position < length:
        record(items, position % length, ops.READ)


def _getitem(original: Callable[..., Any]) -> Callable[..., Any]:
    reading = contained(_reading)

    def __getitem__(self: Any, position: Any) -> Any:  # noqa: N807 - it becomes the method
        reading(self, position)
        return original(self, position)

    return __getitem__


def _writing(shareable: Any, position: Any, value: Any) -> None:
    items = shareable.__dict__.get(ITEMS)
    length = len(shareable)
    if items is not None and type(position) is int and -length <= position < length:
        record(items, position % length, ops.WRITE, value, valued=True)


def _setitem(original: Callable[..., Any]) -> Callable[..., Any]:
    writing = contained(_writing)

    def __setitem__(self: Any, position: Any, value: Any) -> Any:  # noqa: N807 - it becomes the method
        writing(self, position, value)
        return original(self, position, value)

    return __setitem__


PATCHES = (
    around("ShareableList.__init__", _init),
    around("ShareableList.__getitem__", _getitem),
    around("ShareableList.__setitem__", _setitem),
)
