"""multiprocessing.queues: what was put happens before the ``get`` that got it; task_done, join.

Between ``put`` and the pipe there is a buffer and a thread that empties it.  The buffer notes which
put each item came from, and the thread passes on what that one knew; what it knows of other puts
is none of the receiver's business.
"""

from __future__ import annotations

from collections import deque

from raceway.model import ops
from raceway.record import recorder, shared
from raceway_autopatch.patches.multiprocessing.messages import passing, pipe_of, rest
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _put() -> int:
    channel = recorder.next_channel()
    recorder.sync(ops.HANDOFF, channel)
    return channel


_putting = contained(_put, "queue put")


class _Buffer(deque):  # type: ignore[type-arg]  # items of any kind, and no typing at run time
    """The items that wait to be sent, and the channels of their puts; guarded by the queue."""

    def __init__(self) -> None:
        self.channels: deque[int | None] = deque()

    def append(self, item: Any) -> None:
        """Take an item from ``put``."""
        self.channels.append(_putting())
        deque.append(self, item)

    def popleft(self) -> Any:
        """Give the oldest item to the thread that sends it."""
        item = deque.popleft(self)
        passing.channel = self.channels.popleft() or 0
        return item

    def clear(self) -> None:
        """Forget everything."""
        self.channels.clear()
        deque.clear(self)


def _replace_buffer(queue: Any) -> None:
    if type(queue._buffer) is deque:
        queue._buffer = _Buffer()


def _reset(original: Callable[..., Any]) -> Callable[..., Any]:
    replace_buffer = contained(_replace_buffer)

    def _reset(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        replace_buffer(self)
        return result

    return _reset


def _done_op(op: int) -> Callable[[Any], None]:
    def step(queue: Any) -> None:
        shared.sync(op, shared.channel(pipe_of(queue._reader) + " done"))

    return step


def _task_done(original: Callable[..., Any]) -> Callable[..., Any]:
    finishing = contained(_done_op(ops.SEND), "task_done")

    def task_done(self: Any) -> Any:
        finishing(self)
        return original(self)

    return task_done


def _join(original: Callable[..., Any]) -> Callable[..., Any]:
    joined = contained(_done_op(ops.RECEIVE), "queue join")

    def join(self: Any) -> Any:
        result = original(self)
        joined(self)
        return result

    return join


def _rest(queue: Any) -> None:
    rest(queue._reader)


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    resting = contained(_rest, "queue get")

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        resting(self)  # of those that wait, one waits for the message, the others for a lock
        return original(self, *args, **kwargs)

    return get


PATCHES = (
    around("Queue.get", _get),
    around("SimpleQueue.get", _get),
    around("Queue._reset", _reset),
    around("JoinableQueue.task_done", _task_done),
    around("JoinableQueue.join", _join),
)
