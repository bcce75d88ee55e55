"""gevent.event, gevent.lock, gevent.queue: signals and mutual exclusion between greenlets.

Emits: send and receive for events, results, semaphores that let several in and queues (for the
item that was got); acquire and release for semaphores that let one in, ``RLock`` by the one that it
is made of.

What gevent makes for itself is left out: the semaphores of its pools, and the locks that stand for
those of ``threading`` after ``monkey.patch_all()``, which are somebody else's to watch.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.greenlets import in_hub, known_state
from raceway_autopatch.patches.gevent.links import linked
from raceway_autopatch.patching import contained, replace, unseen
from raceway_autopatch.primitives import Permits
from raceway_autopatch.substitutes import Substitutes

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

substitutes = Substitutes("gevent")
"""What stands for classes and functions of gevent."""

_status = recorder.status
_SILENT = 0
"""The number of a primitive that is gevent's own."""


def _user_frame() -> tuple[FrameType, int]:
    """Return the code of the program, and the depth for the recorder, for the caller."""
    depth = 2
    frame = sys._getframe(2)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__"))
        if name != "gevent.lock" and not name.startswith("raceway_autopatch."):
            break
        frame = frame.f_back
        depth += 1
    return frame, depth


def _number(primitive: Any) -> int:
    """Return the channel of an event, result or semaphore; its slot is empty at first."""
    try:
        number: int = primitive._raceway_number
    except AttributeError:
        number = primitive._raceway_number = recorder.next_channel()
    return number


@contained
def _send(primitive: Any) -> None:
    number = _number(primitive)
    if number:
        recorder.sync(ops.SEND, number)


@contained
def _receive(primitive: Any) -> None:
    number = _number(primitive)
    if number:
        sync_once(ops.RECEIVE, number)
    source = getattr(primitive, "_raceway_source", 0)
    if source:
        sync_once(ops.JOIN, source)


def sync_once(op: int, subject: int) -> None:
    """Record what is known, unless that is what was recorded last.

    gevent's methods ask each other, and each of them is ours: a ``get()`` asks ``ready()``.

    Args:
        op: RECEIVE or JOIN.
        subject: Channel or actor.
    """
    try:
        if in_hub():
            return
        last = recorder.BUFFER[-ops.STRIDE : -2]
        if last != [recorder.current().tok - 1, subject << ops.OP_BITS | op]:
            recorder.sync(op, subject)
    except BaseException as error:
        recorder.lost("synchronisation", error)


@contained
def send_for(greenlet: Any, channel: int) -> None:
    """Send on behalf of a greenlet that has ended.

    Who runs is the hub, and may not learn what any of its greenlets did.

    Args:
        greenlet: It has ended.
        channel: Where to.
    """
    state = known_state(greenlet)
    if state is not None:
        recorder.emit((state.tok, channel << ops.OP_BITS | ops.SEND, None, None))
        state.tok += 1


@contained
def _outcome(result: Any, greenlet: Any) -> None:
    send_for(greenlet, _number(result))


# ---------------------------------------------------------------- Event, AsyncResult


def _sends(original: Any, name: str) -> Any:
    method = getattr(original, name)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _status.active:
            _send(self)
        return method(self, *args, **kwargs)

    return call


def _asks(original: Any, name: str) -> Any:
    method, ready = getattr(original, name), original.ready

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            if _status.active and ready(self):
                _receive(self)

    return call


def _rawlink(original: Any) -> Any:
    def rawlink(self: Any, callback: Any) -> Any:
        if _status.active:
            callback = linked(callback, _receive) or callback
        return original.rawlink(self, callback)

    return rawlink


def _event_class(original: Any) -> Any:
    methods = {"set": _sends(original, "set")}
    methods |= {name: _asks(original, name) for name in ("wait", "is_set", "isSet", "ready")}
    methods["rawlink"] = _rawlink(original)
    return substitutes.subclass(original, methods, ("_raceway_number",))


def _result_class(original: Any) -> Any:
    sends = [name for name in ("set", "set_exception", "set_result") if hasattr(original, name)]
    asks = ("wait", "get", "get_nowait", "ready", "successful")

    def __call__(self: Any, source: Any) -> Any:  # noqa: N807 - it replaces one
        if _status.active:
            _outcome(self, source)
        return original.__call__(self, source)

    methods = {name: _sends(original, name) for name in sends}
    methods |= {"__call__": __call__, "rawlink": _rawlink(original)}
    methods |= {name: _asks(original, name) for name in asks}
    return substitutes.subclass(original, methods, ("_raceway_number", "_raceway_source"))


# ---------------------------------------------------------------- semaphores


@contained
def _begin(semaphore: Any, kind: str) -> None:
    frame, depth = _user_frame()
    if str(frame.f_globals.get("__name__")).startswith("gevent."):
        semaphore._raceway_number = _SILENT
    elif semaphore.counter == 1:
        semaphore._raceway_number = number = recorder.next_lock()
        semaphore._raceway_mutex = True
        _, code, offset = recorder.site(depth)
        recorder.define((ops.DEF_LOCK, number, kind, "", code, offset))
    else:
        semaphore._raceway_permits = Permits(semaphore.counter)


@contained
def _acquiring(semaphore: Any) -> tuple[int, bool] | None:
    permits = getattr(semaphore, "_raceway_permits", None)
    return permits.enter() if permits is not None else None


@contained
def _acquired(semaphore: Any, began: tuple[int, bool] | None, *, waited: bool) -> None:
    if getattr(semaphore, "_raceway_mutex", False):
        op = ops.ACQUIRE if waited else ops.TRY_ACQUIRE
        recorder.sync_site(op, semaphore._raceway_number, _user_frame()[1])
    elif began is not None:
        semaphore._raceway_permits.acquired(began[0], alone=began[1])


@contained
def _left(semaphore: Any) -> None:
    semaphore._raceway_permits.leave()


@contained
def _released(semaphore: Any) -> None:
    permits = getattr(semaphore, "_raceway_permits", None)
    if permits is not None:
        permits.enter()
        permits.released(1)
        permits.leave()
    elif getattr(semaphore, "_raceway_mutex", False):
        recorder.sync_site(ops.RELEASE, semaphore._raceway_number, _user_frame()[1])


def _semaphore_class(original: Any) -> Any:
    kind = f"gevent.{original.__name__}"

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original.__init__(self, *args, **kwargs)
        if _status.active:
            _begin(self, kind)

    def take(self: Any, waited: bool, *args: Any) -> Any:
        began = _acquiring(self)
        try:
            taken = original.acquire(self, *args)
            if taken:
                _acquired(self, began, waited=waited)
        finally:
            if began is not None:
                _left(self)
        return taken

    def acquire(self: Any, blocking: Any = True, timeout: Any = None) -> Any:
        if not _status.active:
            return original.acquire(self, blocking, timeout)
        return take(self, bool(blocking) and timeout is None, blocking, timeout)

    def release(self: Any) -> Any:
        if _status.active and _may_release(self):
            _released(self)
        return original.release(self)

    def __enter__(self: Any) -> Any:  # noqa: N807 - it replaces one
        acquire(self)

    def __exit__(self: Any, kind: Any, value: Any, traceback: Any) -> Any:  # noqa: N807
        release(self)

    methods: dict[str, Any] = {"acquire": acquire, "release": unseen(release)}
    # What a trace function that was set in the block would be called with first.
    methods |= {"__enter__": __enter__, "__exit__": unseen(__exit__), "__init__": __init__}
    return substitutes.subclass(
        original, methods, ("_raceway_mutex", "_raceway_number", "_raceway_permits")
    )


@contained
def _may_release(semaphore: Any) -> bool:
    # A bounded one that is not taken raises.
    initial = getattr(semaphore, "_initial_value", None)
    return initial is None or bool(semaphore.counter < initial)


# ---------------------------------------------------------------- queues


@contained
def _put(queue: Any, item: Any) -> int:
    items, unused = _channels(queue)
    number = unused.pop() if unused else recorder.next_channel()
    recorder.sync(ops.HANDOFF, number)
    items.setdefault(id(item), []).append(number)
    return number


def _channels(queue: Any) -> tuple[dict[int, list[int]], list[int]]:
    try:
        kept: tuple[dict[int, list[int]], list[int]] = queue._raceway_items
    except AttributeError:
        kept = queue._raceway_items = ({}, [])
    return kept


@contained
def _not_put(queue: Any, item: Any, number: int) -> None:
    items, unused = _channels(queue)
    waiting = items.get(id(item), [])
    if number in waiting:
        waiting.remove(number)
        unused.append(number)
        if not waiting:
            del items[id(item)]


@contained
def _got(queue: Any, item: Any) -> None:
    items, unused = _channels(queue)
    waiting = items.get(id(item))
    if waiting is None:
        return  # put before the patches, or made by an own _put() or _get()
    number = waiting.pop(0)
    if not waiting:
        del items[id(item)]
    recorder.sync(ops.RECEIVE, number)
    unused.append(number)


@contained
def _peeked(queue: Any, item: Any) -> None:
    waiting = _channels(queue)[0].get(id(item))
    if waiting:
        recorder.sync(ops.RECEIVE, waiting[0])


@contained
def _born_with(queue: Any, items: Any) -> None:
    for item in list(items)[: queue.qsize()]:
        _put(queue, item)


def _queue_class(original: Any) -> Any:
    known = substitutes.get(original)
    if known is not None:
        return known

    rendezvous = original.__name__ == "Channel"

    def put(self: Any, item: Any, *args: Any, **kwargs: Any) -> Any:
        if not _status.active:
            return original.put(self, item, *args, **kwargs)
        number = _put(self, item)  # before: the getter may run inside
        try:
            result = original.put(self, item, *args, **kwargs)
        except BaseException:
            _not_put(self, item, number)
            raise
        if rendezvous:
            _receive(self)
        return result

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        if rendezvous and _status.active:
            _send(self)
        item = original.get(self, *args, **kwargs)
        if _status.active:
            _got(self, item)
        return item

    methods: dict[str, Any] = {"put": put, "get": get}
    slots: tuple[str, ...] = ("_raceway_items",)
    if rendezvous:
        slots += ("_raceway_number",)
    else:

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
            original.__init__(self, *args, **kwargs)
            items = args[1] if len(args) > 1 else kwargs.get("items")
            if items and _status.active:
                _born_with(self, items)

        def peek(self: Any, *args: Any, **kwargs: Any) -> Any:
            item = original.peek(self, *args, **kwargs)
            if _status.active:
                _peeked(self, item)
            return item

        methods |= {"__init__": __init__, "peek": peek}
    if hasattr(original, "task_done"):

        def join(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original.join(self, *args, **kwargs)
            if _status.active and not self.unfinished_tasks:
                _receive(self)
            return result

        methods |= {"task_done": _sends(original, "task_done"), "join": join}
        slots += ("_raceway_number",)
    return substitutes.subclass(original, methods, slots)


EVENT = (
    replace("Event", _event_class, optional=True),
    replace("AsyncResult", _result_class, optional=True),
)
LOCK = (
    replace("Semaphore", _semaphore_class, optional=True),
    replace("BoundedSemaphore", _semaphore_class, optional=True),
)
QUEUE = tuple(
    replace(name, _queue_class, optional=True)
    for name in (
        "SimpleQueue", "Queue", "JoinableQueue", "UnboundQueue", "PriorityQueue", "LifoQueue",
        "Channel",
    )
)  # fmt: skip
