"""trio._channel: what was sent happens before the receipt of that item.

Emits: send and receive for each item; send and receive from each ``close`` of a sender to the
EndOfChannel that says that all are closed.

Whoever had to wait, on either side, is woken by the other side, and that is an edge already.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patches.trio.runs import called_in, protected
from raceway_autopatch.patching import around, contained
from raceway_autopatch.queued import Items

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Async = Callable[..., Awaitable[Any]]
    Plain = Callable[..., Any]

_CHANNEL = "trio._channel"

_status = recorder.status

_items: dict[int, Items] = {}
"""By the address of what the two ends share: the next one there begins anew."""


def forget() -> None:
    """Forget all channels."""
    _items.clear()


def _of(end: Any) -> Items:
    key = id(end._state)
    items = _items.get(key)
    if items is None:
        items = _items[key] = Items()
    return items


def _state_init(original: Plain) -> Plain:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        _items.pop(id(self), None)

    return __init__


@contained
def _sending(end: Any, item: Any) -> int:
    return _of(end).putting(item)


@contained
def _sent(end: Any, item: Any) -> None:
    _of(end).has_put(item)


@contained
def _not_sent(end: Any, item: Any, channel: int) -> None:
    _of(end).not_put(item, channel)


@contained
def _received(end: Any, item: Any) -> None:
    _of(end).got(item)


@contained
def _closing(end: Any) -> None:
    recorder.sync(ops.SEND, _of(end).closed)


@contained
def _ended(end: Any, error: BaseException) -> None:
    if isinstance(error, sys.modules["trio"].EndOfChannel):
        recorder.sync(ops.RECEIVE, _of(end).closed)


def _send_nowait(original: Plain) -> Plain:
    def send_nowait(self: Any, value: Any) -> Any:
        if not _status.active or called_in(_CHANNEL, "send"):
            return original(self, value)
        channel = _sending(self, value)  # before: the receiver is woken inside
        try:
            result = original(self, value)
        except BaseException:
            _not_sent(self, value, channel)
            raise
        _sent(self, value)
        return result

    return protected(send_nowait)  # type: ignore[no-any-return]


def _send(original: Async) -> Async:
    async def send(self: Any, value: Any) -> Any:
        if not _status.active:
            return await original(self, value)
        channel = _sending(self, value)
        try:
            result = await original(self, value)
        except BaseException:
            _not_sent(self, value, channel)
            raise
        _sent(self, value)
        return result

    return protected(send)  # type: ignore[no-any-return]


def _receive_nowait(original: Plain) -> Plain:
    def receive_nowait(self: Any) -> Any:
        if not _status.active or called_in(_CHANNEL, "receive"):
            return original(self)
        try:
            item = original(self)
        except BaseException as error:
            _ended(self, error)
            raise
        _received(self, item)
        return item

    return protected(receive_nowait)  # type: ignore[no-any-return]


def _receive(original: Async) -> Async:
    async def receive(self: Any) -> Any:
        if not _status.active:
            return await original(self)
        try:
            item = await original(self)
        except BaseException as error:
            _ended(self, error)
            raise
        _received(self, item)
        return item

    return protected(receive)  # type: ignore[no-any-return]


def _close(original: Plain) -> Plain:
    def close(self: Any) -> Any:
        if _status.active:
            _closing(self)
        return original(self)

    return protected(close)  # type: ignore[no-any-return]


PATCHES = (
    around("MemoryChannelState.__init__", _state_init),
    around("MemorySendChannel.send_nowait", _send_nowait),
    around("MemorySendChannel.send", _send),
    around("MemorySendChannel.close", _close),
    around("MemoryReceiveChannel.receive_nowait", _receive_nowait),
    around("MemoryReceiveChannel.receive", _receive),
)
