"""queue: what was put happens before the get that received that item; task_done before join.

Emits: send on put and task_done, receive on get and join.

Which put an item came from is told by its identity: items are in the hands of the user's code
(comparisons of a PriorityQueue, overridden ``_put`` and ``_get``, a look at ``queue.queue``), so
that they cannot be wrapped.  The send is recorded before the real put, the receive after the real
get.
"""

from __future__ import annotations

import sys
from _queue import SimpleQueue as _RealSimpleQueue

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.internals import is_internal
from raceway_autopatch.patching import around, contained, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

SUPPORTS = None

TRACE = "_raceway"

_getframe = sys._getframe


class Items:
    """Which put each item in a queue came from.

    A channel for each put, found by the item's identity, which is unique as long as the item is
    in the queue.  Puts of the same object (None, a small number) are told apart by their order;
    when they overlap they share a channel, as their order inside the queue is unknown.

    No lock: a SimpleQueue may be used by a finaliser in the middle of any of this.  Each step on
    the dictionaries is atomic, and what a crossing of two threads loses is found nowhere: then
    the queue changes over to one channel for everything (:attr:`common`), which orders too much
    rather than too little.  So does a queue whose ``_get`` gives out other objects than ``_put``
    took in.
    """

    __slots__ = ("common", "done", "inflight", "more", "pending")

    def __init__(self) -> None:
        self.pending: dict[int, list[int]] = {}  # a list for its identity: channels may be shared
        self.more: dict[int, list[list[int]]] = {}
        """Further puts of objects that are pending already, in order."""
        self.inflight: dict[int, int] = {}
        self.common = 0
        self.done = recorder.next_channel()

    def putting(self, item: Any) -> int:
        """Record a put that is about to happen; return its channel."""
        key = id(item)
        op = ops.SEND
        if self.common:
            channel = self.common
        else:
            shared = self.inflight.get(key)
            # One message for one receiver; what overlaps is heard together.
            op = ops.SEND if shared else ops.HANDOFF
            channel = shared or recorder.next_channel()
            self.inflight[key] = channel
            put = [channel]
            if self.pending.setdefault(key, put) is not put:
                self.more.setdefault(key, []).append(put)
        recorder.sync(op, channel)
        return channel

    def has_put(self, item: Any) -> None:
        """Note that a put has returned."""
        self.inflight.pop(id(item), None)

    def not_put(self, item: Any, channel: int) -> None:
        """Forget a put that failed; what was sent does no harm."""
        key = id(item)
        self.inflight.pop(key, None)
        more = self.more.get(key, ())
        if [channel] in more:
            self.more[key].remove([channel])
        elif self.pending.get(key) == [channel]:
            self._take(key)

    def got(self, item: Any) -> None:
        """Record that an item was received."""
        put = self._take(id(item))
        if put is not None:
            recorder.sync(ops.RECEIVE, put[0])
            return
        if not self.common:
            self.common = recorder.next_channel()
        for left in (self.pending.values(), *self.more.values()):
            for other in tuple(left):
                recorder.sync(ops.RECEIVE, other[0])
        recorder.sync(ops.RECEIVE, self.common)

    def _take(self, key: int) -> list[int] | None:
        put = self.pending.pop(key, None)
        more = self.more.get(key)
        if more:
            try:
                following = more.pop(0)
            except IndexError:
                return put
            if put is None:
                return following
            if self.pending.setdefault(key, following) is not following:
                more.insert(0, following)
        return put


def _items_of(queue: Any) -> Items | None:
    items: Items | None
    try:
        items = queue.__dict__[TRACE]
    except KeyError:  # made before it could be seen by whom: then it is a user's
        items = queue.__dict__.setdefault(TRACE, Items())
    return items


# ---------------------------------------------------------------- Queue and its subclasses


def _made(queue: Any, frame: FrameType) -> None:
    queue.__dict__[TRACE] = None if is_internal(frame.f_globals) else Items()


def _init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_made)

    def __init__(self: Any, maxsize: int = 0) -> None:  # noqa: N807 - it becomes the method
        made(self, _getframe(1))  # before: _init() of a subclass may put
        original(self, maxsize)

    return __init__


def _receive_done(items: Items) -> None:
    recorder.sync(ops.RECEIVE, items.done)


def _after_failure(items: Items, error: BaseException) -> None:
    """Order who is told of a shutdown after who has shut the queue down."""
    if type(error).__name__ == "ShutDown":
        _receive_done(items)


def _put(original: Callable[..., Any]) -> Callable[..., Any]:
    items_of, failed = contained(_items_of), contained(_after_failure)
    putting, has_put = contained(Items.putting), contained(Items.has_put)
    not_put = contained(Items.not_put)

    def put(self: Any, item: Any, block: Any = True, timeout: Any = None) -> Any:
        items = items_of(self)
        if items is None:
            return original(self, item, block, timeout)
        channel = putting(items, item)
        try:
            result = original(self, item, block, timeout)
        except BaseException as error:
            not_put(items, item, channel)
            failed(items, error)
            raise
        has_put(items, item)
        return result

    return put


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    items_of, failed, got = contained(_items_of), contained(_after_failure), contained(Items.got)

    def get(self: Any, block: Any = True, timeout: Any = None) -> Any:
        items = items_of(self)
        if items is None:
            return original(self, block, timeout)
        try:
            item = original(self, block, timeout)
        except BaseException as error:
            failed(items, error)
            raise
        got(items, item)
        return item

    return get


def _finishing(queue: Any) -> None:
    items = _items_of(queue)
    if items is not None and queue.unfinished_tasks > 0:
        recorder.sync(ops.SEND, items.done)


def _task_done(original: Callable[..., Any]) -> Callable[..., Any]:
    finishing = contained(_finishing)

    def task_done(self: Any) -> Any:
        finishing(self)
        return original(self)

    return task_done


def _joined(queue: Any) -> None:
    items = _items_of(queue)
    if items is not None:
        _receive_done(items)


def _join(original: Callable[..., Any]) -> Callable[..., Any]:
    joined = contained(_joined)

    def join(self: Any) -> Any:
        result = original(self)
        joined(self)
        return result

    return join


def _shutting_down(queue: Any) -> None:
    items = _items_of(queue)
    if items is not None:
        recorder.sync(ops.SEND, items.done)


def _shutdown(original: Callable[..., Any]) -> Callable[..., Any]:
    before = contained(_shutting_down)

    def shutdown(self: Any, immediate: bool = False) -> Any:
        before(self)
        return original(self, immediate)

    return shutdown


# ---------------------------------------------------------------- SimpleQueue


class _SimpleQueueType(type):
    """Makes the replacement stand for the real class: its instances, its name."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_raceway_stands"):
            internal = is_internal(_getframe(1).f_globals)
            if internal or args or kwargs:  # versions differ in what they say to arguments
                real: Any = _RealSimpleQueue(*args, **kwargs)
                if internal:
                    return real
        return type.__call__(cls, *args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return bool(cls.__dict__.get("_raceway_stands")) and type(instance) is _RealSimpleQueue


def _simple_queue(original: Any) -> Any:
    if original is not _RealSimpleQueue:
        return original  # gevent's, or the pure one of an interpreter without _queue
    items_of, putting = contained(_items_of), contained(Items.putting)
    has_put, got = contained(Items.has_put), contained(Items.got)
    real_put, real_get = original.put, original.get

    class SimpleQueue(original, metaclass=_SimpleQueueType):  # type: ignore[misc]  # a variable
        __doc__ = original.__doc__
        _raceway_stands = True

        def put(self, item: Any, block: Any = True, timeout: Any = None) -> None:
            items = items_of(self)
            putting(items, item)
            real_put(self, item, block, timeout)
            has_put(items, item)

        def get(self, block: Any = True, timeout: Any = None) -> Any:
            item: Any = real_get(self, block, timeout)
            got(items_of(self), item)
            return item

        def put_nowait(self, item: Any) -> None:
            self.put(item, block=False)

        def get_nowait(self) -> Any:
            return self.get(block=False)

        def __reduce_ex__(self, protocol: Any) -> Any:
            message = f"cannot pickle {original.__module__ + '.' + original.__name__!r} object"
            raise TypeError(message)

        put.__doc__, get.__doc__ = original.put.__doc__, original.get.__doc__
        put_nowait.__doc__ = original.put_nowait.__doc__
        get_nowait.__doc__ = original.get_nowait.__doc__

    SimpleQueue.__module__ = original.__module__
    SimpleQueue.__qualname__ = original.__qualname__
    return SimpleQueue


PATCHES = (
    around("Queue.__init__", _init),
    around("Queue.put", _put),
    around("Queue.get", _get),
    around("Queue.task_done", _task_done),
    around("Queue.join", _join),
    around("Queue.shutdown", _shutdown, optional=True),
    replace("SimpleQueue", _simple_queue),
)
