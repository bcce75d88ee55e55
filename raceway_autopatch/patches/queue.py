"""queue: what was put happens before the get that received that item; task_done before join.

Emits: send on put and task_done, receive on get and join.  In a queue with a maximum size each
get also makes room: the put that needs this room comes after it.  Where the program has its own
``_put`` or ``_get``, acquire and release of the mutex: it protects what they touch.

The send is recorded before the real put, the receive after the real get.
"""

from __future__ import annotations

import _thread
import sys
from _collections import deque  # type: ignore[import-not-found]  # the quick way to it

from raceway.model import ops
from raceway.record import recorder
from raceway.record.accelerator import accelerator
from raceway_autopatch import locks
from raceway_autopatch.internals import caller, is_internal
from raceway_autopatch.patching import around, contained, replace
from raceway_autopatch.primitives import Permits
from raceway_autopatch.queued import Items

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

SUPPORTS = None

TRACE = "_raceway"


def _items_of(queue: Any) -> Items | None:
    items: Items | None
    try:
        items = queue.__dict__[TRACE]
    except KeyError:  # made before it could be seen by whom: then it is a user's
        items = queue.__dict__.setdefault(TRACE, Items())
    return items


# ---------------------------------------------------------------- Queue and its subclasses


def _made(queue: Any, frame: FrameType, maxsize: Any, newest_first: Any) -> None:
    items = None
    if not is_internal(frame.f_globals):
        items = Items(newest_first=isinstance(queue, newest_first))
        if type(maxsize) is int and maxsize > 0:
            items.room = Permits(maxsize)
        if accelerator is not None and not items.newest_first:
            room = items.room
            items.table = accelerator.QueueTable(*((room and (room.channel, room.initial)) or ()))
    queue.__dict__[TRACE] = items


_HOOKS = frozenset({"_init", "_qsize", "_put", "_get"})


def _bare_lock() -> Any:
    return _thread.allocate_lock()  # whoever calls decides, and we are nobody's business


def _hooks_are_guarded(
    queue: Any, frame: FrameType, names: dict[str, Any], trace: Callable[..., Any]
) -> None:
    """Let the mutex of a queue be seen, if hooks that are called under it are the program's."""
    own = (names["Queue"], names["LifoQueue"], names["PriorityQueue"])
    for cls in type(queue).__mro__:
        if cls in own:
            return
        if not _HOOKS.isdisjoint(cls.__dict__):
            break
    parts = queue.__dict__
    if parts[TRACE] is None or type(parts["mutex"]) is not type(_bare_lock()):
        return
    parts["mutex"] = mutex = trace(parts["mutex"], "Lock", frame)
    # Their waiting stays unseen: who waits there is ordered by the item that it waits for.
    for name in ("not_empty", "not_full", "all_tasks_done"):
        parts[name].__dict__.update(_lock=mutex, acquire=mutex.acquire, release=mutex.release)


def _init(original: Callable[..., None]) -> Callable[..., None]:
    made, guarded = contained(_made), contained(_hooks_are_guarded)
    # Of this very module: there may be another one of its name, or none.
    names = original.__globals__
    newest_first = names["LifoQueue"]
    _, trace = locks.make_tracer(locks.TracedLock, _bare_lock)

    def __init__(self: Any, maxsize: int = 0) -> None:  # noqa: N807 - it becomes the method
        made(self, caller(), maxsize, newest_first)  # before: _init() of a subclass may put
        original(self, maxsize)
        guarded(self, caller(), names, trace)

    return __init__


def _told_of_shutdown(items: Items, error: BaseException) -> None:
    if type(error).__name__ == "ShutDown":
        recorder.sync(ops.RECEIVE, items.closed)


if accelerator is not None:
    accelerator.configure_queues(
        items=Items,
        permits=Permits,
        deque=deque,
        next_channel=recorder.next_channel,
        send=ops.SEND,
        receive=ops.RECEIVE,
        handoff=ops.HANDOFF,
    )


def _step(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Contain a part of ours, and let the accelerator do it where it is as usual."""
    guarded = contained(function)
    if accelerator is None:
        return guarded
    step: Callable[..., Any] = accelerator.QueueStep(name, guarded)
    return step


def _putting(items: Items, queue: Any, item: Any) -> tuple[int, tuple[int, bool]]:
    items.compare(queue.__dict__.get("queue"))
    return items.putting(item), items.room.enter() if items.room is not None else (0, False)


def _has_put(items: Items, item: Any, put: tuple[int, tuple[int, bool]] | None) -> None:
    items.has_put(item)
    if put is not None and items.room is not None:
        serial, alone = put[1]
        # Of two that wait for an item it is unknown which one will make the room.
        items.room.acquired(serial, alone=alone and len(items.getters) < 2)
        items.room.leave()


def _not_put(items: Items, item: Any, put: tuple[int, tuple[int, bool]] | None) -> None:
    if put is not None:
        items.not_put(item, put[0])
        if items.room is not None:
            items.room.leave()


def _put(original: Callable[..., Any]) -> Callable[..., Any]:
    items_of, putting = contained(_items_of), _step("putting", _putting)
    has_put, not_put = _step("has_put", _has_put), _step("not_put", _not_put)
    told = contained(_told_of_shutdown)

    def put(self: Any, item: Any, block: Any = True, timeout: Any = None) -> Any:
        try:
            items = self.__dict__[TRACE]
        except KeyError:
            items = items_of(self)
        if items is None:
            return original(self, item, block, timeout)
        put = putting(items, self, item)
        try:
            result = original(self, item, block, timeout)
        except BaseException as error:
            not_put(items, item, put)
            told(items, error)
            raise
        has_put(items, item, put)
        return result

    return put


def _getting(items: Items, queue: Any) -> int:
    items.compare(queue.__dict__.get("queue"))
    items.getters.append(None)
    # Before the real get: the put that it makes room for may return at once.
    return items.room.released(1) if items.room is not None else 0


def _got(items: Items, item: Any) -> None:
    items.got(item)
    items.getters.pop()


def _not_got(items: Items, released: int | None) -> None:
    items.getters.pop()
    if released and items.room is not None:
        items.room.not_released(released)


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    items_of, getting = contained(_items_of), _step("getting", _getting)
    got, not_got = _step("got", _got), _step("not_got", _not_got)
    told = contained(_told_of_shutdown)

    def get(self: Any, block: Any = True, timeout: Any = None) -> Any:
        try:
            items = self.__dict__[TRACE]
        except KeyError:
            items = items_of(self)
        if items is None:
            return original(self, block, timeout)
        released = getting(items, self)
        try:
            item = original(self, block, timeout)
        except BaseException as error:
            not_got(items, released)
            told(items, error)
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
        recorder.sync(ops.RECEIVE, items.done)


def _join(original: Callable[..., Any]) -> Callable[..., Any]:
    joined = contained(_joined)

    def join(self: Any) -> Any:
        result = original(self)
        joined(self)
        return result

    return join


def _shutting_down(queue: Any, immediate: bool) -> None:
    items = _items_of(queue)
    if items is not None:
        recorder.sync(ops.SEND, items.closed)
        if immediate:  # the items that are left count as done
            recorder.sync(ops.SEND, items.done)


def _shutdown(original: Callable[..., Any]) -> Callable[..., Any]:
    before = contained(_shutting_down)

    def shutdown(self: Any, immediate: bool = False) -> Any:
        before(self, immediate)
        return original(self, immediate)

    return shutdown


# ---------------------------------------------------------------- SimpleQueue


class _SimpleQueueType(type):
    """Makes the replacement stand for the real class: its instances, its name."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        real = cls.__dict__.get("_raceway_original")
        if real is not None:
            internal = is_internal(caller().f_globals)
            if internal or args or kwargs:  # versions differ in what they say to arguments
                made = real(*args, **kwargs)
                if internal:
                    return made
        return type.__call__(cls, *args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return type(instance) is cls.__dict__.get("_raceway_original")


def _simple_queue(original: Any) -> Any:
    native: Any = sys.modules.get("_queue")
    if native is None or original is not native.SimpleQueue:
        return original  # gevent's, or the pure one of an interpreter without _queue
    items_of, putting = contained(_items_of), contained(Items.putting)
    has_put, got = contained(Items.has_put), contained(Items.got)
    real_put, real_get = original.put, original.get

    class SimpleQueue(original, metaclass=_SimpleQueueType):  # type: ignore[misc]  # a variable
        __doc__ = original.__doc__
        _raceway_original = original

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

    if accelerator is not None:
        SimpleQueue.put = accelerator.QueuePut(  # type: ignore[method-assign]
            SimpleQueue.put, real_put, TRACE, recorder.next_channel, Items,
            ops.OP_BITS, ops.HANDOFF,
        )  # fmt: skip
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
