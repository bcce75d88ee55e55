"""anyio on asyncio: locks, semaphores, memory object streams and task groups.

Most of anyio is made of asyncio's events and futures and needs no patch.  Emits: acquire and
release for Lock, Semaphore(1) and CapacityLimiter(1); send and receive for other semaphores and
for the items of memory object streams; the end of all children for task groups.

A limiter of several tokens orders nothing, since it is there to let several in.  What runs in
anyio's worker threads belongs to a patch of its own.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patches.asyncio.actors import learn_end
from raceway_autopatch.patches.asyncio.locks import mutex, permitted, permitting
from raceway_autopatch.patches.asyncio.queues import got, not_put, put
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    Async = Callable[..., Awaitable[Any]]

_status = recorder.status


# ---------------------------------------------------------------- mutual exclusion


class _Known:
    """What is known about a primitive that has no place for it, because its class has slots."""

    def __init__(self, permits: Any) -> None:
        self.mutex = permits == 1
        self.taken = False
        self._raceway_initial = permits if isinstance(permits, int | float) else 0


_known: dict[int, _Known] = {}
"""By address: whoever is made there next begins anew."""


def _made(permits: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what wraps ``__init__``; ``permits`` is the default of its first argument."""

    def init(original: Callable[..., None]) -> Callable[..., None]:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is one
            original(self, *args, **kwargs)
            _known[id(self)] = _Known(args[0] if args else permits)

        return __init__

    return init


@contained
def _acquired(owner: Any, op: int, kind: str) -> None:
    known = _known.get(id(owner))
    if known is None:  # made before the patches
        return
    if known.mutex:
        mutex(op, known, kind)
        known.taken = True
    elif kind == _SEMAPHORE:
        permitted(known)


@contained
def _released(owner: Any, kind: str) -> None:
    known = _known.get(id(owner))
    if known is None:
        return
    # A cancelled acquire() releases what nobody has seen it take.
    if known.taken:
        known.taken = False
        mutex(ops.RELEASE, known, kind)
    elif kind == _SEMAPHORE and not known.mutex:
        permitting(known)


_SEMAPHORE = "anyio.Semaphore"


def _acquire(kind: str) -> Callable[[Async], Async]:
    def factory(original: Async) -> Async:
        async def acquire(self: Any, *args: Any) -> Any:
            result = await original(self, *args)
            if _status.active:
                _acquired(self, ops.ACQUIRE, kind)
            return result

        return acquire

    return factory


def _acquire_nowait(kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def factory(original: Callable[..., Any]) -> Callable[..., Any]:
        def acquire_nowait(self: Any, *args: Any) -> Any:
            result = original(self, *args)
            # The limiter's acquire_on_behalf_of() is made of it.
            if _status.active and sys._getframe(1).f_code.co_name != "acquire_on_behalf_of":
                _acquired(self, ops.TRY_ACQUIRE, kind)
            return result

        return acquire_nowait

    return factory


def _release(kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def factory(original: Callable[..., Any]) -> Callable[..., Any]:
        def release(self: Any, *args: Any) -> Any:
            if _status.active:
                _released(self, kind)
            return original(self, *args)

        return release

    return factory


_PRIMITIVES = (
    ("Lock", "acquire", "release", 1),
    ("Semaphore", "acquire", "release", None),
    ("CapacityLimiter", "acquire_on_behalf_of", "release_on_behalf_of", None),
)
"""Class, its methods, and how many it lets in, if its first argument does not say."""


# ---------------------------------------------------------------- memory object streams


def _send_nowait(original: Callable[..., None]) -> Callable[..., None]:
    def send_nowait(self: Any, item: Any) -> Any:
        if not _status.active or sys._getframe(1).f_code.co_name == "send":
            return original(self, item)
        put(self._state, item)
        try:
            return original(self, item)
        except BaseException:
            not_put(self._state, item)
            raise

    return send_nowait


def _send(original: Async) -> Async:
    async def send(self: Any, item: Any) -> Any:
        if not _status.active:
            return await original(self, item)
        put(self._state, item)
        try:
            return await original(self, item)
        except BaseException:
            not_put(self._state, item)
            raise

    return send


def _receive_nowait(original: Callable[..., Any]) -> Callable[..., Any]:
    def receive_nowait(self: Any) -> Any:
        item = original(self)
        if _status.active and sys._getframe(1).f_code.co_name != "receive":
            got(self._state, item)
        return item

    return receive_nowait


def _receive(original: Async) -> Async:
    async def receive(self: Any) -> Any:
        item = await original(self)
        if _status.active:
            got(self._state, item)
        return item

    return receive


# ---------------------------------------------------------------- task groups


def _group_exit(original: Async) -> Async:
    learn = contained(learn_end, "anyio.TaskGroup")

    async def __aexit__(self: Any, *error: Any) -> Any:  # noqa: N807 - it replaces one
        try:
            return await original(self, *error)
        finally:
            if _status.active:
                learn(self)  # the actor of its callbacks, which has learned of each end

    return __aexit__


PATCHES = {
    "anyio._backends._asyncio": (
        *(
            around(f"{name}.{method}", factory, optional=True)
            for name, acquire, release, permits in _PRIMITIVES
            for method, factory in (
                ("__init__", _made(permits)),
                (acquire, _acquire(f"anyio.{name}")),
                (f"{acquire}_nowait", _acquire_nowait(f"anyio.{name}")),
                (release, _release(f"anyio.{name}")),
            )
        ),
        around("TaskGroup.__aexit__", _group_exit, optional=True),
    ),
    "anyio.streams.memory": (
        around("MemoryObjectSendStream.send_nowait", _send_nowait),
        around("MemoryObjectSendStream.send", _send),
        around("MemoryObjectReceiveStream.receive_nowait", _receive_nowait),
        around("MemoryObjectReceiveStream.receive", _receive),
    ),
}
