"""asyncio.queues: what was put happens before the get of that item; task_done before join.

An item is known by its address: it lives as long as it is in the queue, and the kinds of queues
differ in the order in which they give items out.  Where one object is put several times (a None
that ends the work) its puts are taken in order.  A queue that gives out other objects than it was
given (an overridden ``_put`` or ``_get``) hands on its oldest put instead.

The channel of an item is used again for a later one: what is put replaces what was received.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patches.asyncio.locks import receive, send
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

_status = recorder.status


class _Items:
    """The channels of what is in one queue."""

    __slots__ = ("by_item", "unused")

    def __init__(self) -> None:
        self.by_item: dict[int, list[int]] = {}
        self.unused: list[int] = []


def _items(queue: Any) -> _Items:
    items = getattr(queue, "_raceway_items", None)
    if type(items) is not _Items:
        items = queue._raceway_items = _Items()
    return items


@contained
def put(queue: Any, item: Any) -> None:
    """Record that ``item`` is about to be put into ``queue``."""
    items = _items(queue)
    number = items.unused.pop() if items.unused else recorder.next_channel()
    recorder.sync(ops.HANDOFF, number)
    items.by_item.setdefault(id(item), []).append(number)


@contained
def not_put(queue: Any, item: Any) -> None:
    """Take back what was recorded: ``item`` did not get into ``queue``."""
    items = _items(queue)
    waiting = items.by_item.get(id(item))
    if waiting:
        items.unused.append(waiting.pop())
        if not waiting:
            del items.by_item[id(item)]


@contained
def got(queue: Any, item: Any) -> None:
    """Record that ``item`` was taken out of ``queue``."""
    items = _items(queue)
    key = id(item)
    if key not in items.by_item:
        if not items.by_item:
            return  # put before the patches
        key = next(iter(items.by_item))
    waiting = items.by_item[key]
    number = waiting.pop(0)
    if not waiting:
        del items.by_item[key]
    recorder.sync(ops.RECEIVE, number)
    items.unused.append(number)


def _put_nowait(original: Callable[..., None]) -> Callable[..., None]:
    def put_nowait(self: Any, item: Any) -> Any:
        if not _status.active:
            return original(self, item)
        put(self, item)  # before: the getter is woken inside
        try:
            return original(self, item)
        except BaseException:
            not_put(self, item)
            raise

    return put_nowait


def _get_nowait(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_nowait(self: Any) -> Any:
        item = original(self)
        if _status.active:
            got(self, item)
        return item

    return get_nowait


def _get(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def get(self: Any) -> Any:
        item = await original(self)
        if _status.active:
            recorder.might_switch()
        return item

    return get


def _task_done(original: Callable[..., None]) -> Callable[..., None]:
    def task_done(self: Any) -> Any:
        if _status.active:
            send(self)
        return original(self)

    return task_done


def _join(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def join(self: Any) -> Any:
        result = await original(self)
        if _status.active:
            receive(self)
        return result

    return join


PATCHES = (
    around("Queue.put_nowait", _put_nowait),
    around("Queue.get_nowait", _get_nowait),
    around("Queue.get", _get),
    around("Queue.task_done", _task_done),
    around("Queue.join", _join),
)
