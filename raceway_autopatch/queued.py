"""Which put an item in a queue came from.

That is told by the item's identity: items are in the hands of the user's code (comparisons of a
PriorityQueue, overridden ``_put`` and ``_get``, a look at ``queue.queue``), so that they cannot be
wrapped.
"""

from __future__ import annotations

from _collections import deque  # type: ignore[import-not-found]  # the quick way to it

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.primitives import Permits

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_CONTENTS = frozenset({deque, list, set, dict})
"""What ``queue.queue`` can be for its length and its items to be read without a side effect."""


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

    __slots__ = (
        "closed", "common", "done", "getters", "inflight", "more", "newest_first", "pending",
        "puts", "room", "table",
    )  # fmt: skip

    def __init__(self, *, newest_first: bool = False) -> None:
        """Begin with an empty queue.

        Args:
            newest_first: Of equal items, the one that was put last comes out first.
        """
        self.newest_first = newest_first
        self.pending: dict[int, list[int]] = {}  # a list for its identity: channels may be shared
        self.more: dict[int, list[list[int]]] = {}
        """Further puts of objects that are pending already, in order."""
        self.puts: list[None] = []
        """As long as there are puts in the two above: a number that cannot be miscounted."""
        self.inflight: dict[int, int] = {}
        self.getters: list[None] = []
        """As long as there are gets that have not returned."""
        self.common = 0
        self.done = recorder.next_channel()
        """From ``task_done`` to ``join``."""
        self.closed = recorder.next_channel()
        """From ``shutdown`` to those who are told of it."""
        self.room: Permits | None = None
        """For a queue with a maximum size: its free places."""
        self.table: Any = None
        """What the accelerator has in the place of all this, as long as the queue is used as usual;
        then it hands over what it knows, and this is None."""

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
            self.puts.append(None)
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
            self.puts.pop()
        elif self.pending.get(key) == [channel]:
            self._take(key)

    def got(self, item: Any) -> None:
        """Record that an item was received."""
        put = self._take(id(item))
        if put is not None:
            for channel in put:
                recorder.sync(ops.RECEIVE, channel)
            return
        if not self.common:
            self.common = recorder.next_channel()
        left = (self.pending.values(), *self.more.values())
        others = [channel for line in left for put in tuple(line) for channel in put]
        for channel in sorted(others):  # whatever order they are kept in
            recorder.sync(ops.RECEIVE, channel)
        recorder.sync(ops.RECEIVE, self.common)

    def compare(self, contents: Any) -> None:
        """Forget the puts of items that the program itself has taken out of ``queue.queue``.

        While somebody is on the way in or out nothing can be told; then the next one looks.

        Args:
            contents: What ``queue.queue`` is; None for a subclass that keeps its items elsewhere.
        """
        if self.common:
            return
        puts = len(self.puts)
        if type(contents) not in _CONTENTS or len(contents) == puts or self._is_busy():
            return
        known = list(self.pending)
        there = dict.fromkeys(known, 0)
        strangers = 0
        for key in map(id, list(contents)):
            if key in there:
                there[key] += 1
            else:
                strangers += 1
        # Other objects than were put: a subclass wraps what it keeps.
        if strangers or self._is_busy() or len(self.puts) != puts:
            return
        for key in known:
            first = self.pending.get(key)
            if first is None:
                continue  # another thread has taken it meanwhile
            left = [first, *self.more.get(key, ())]
            gone = len(left) - there[key]
            if gone > 0:
                for _ in range(gone):
                    self._take(key)
                # Which of the equal items are left is unknown.
                every = [channel for put in left for channel in put]
                for put in (self.pending.get(key), *self.more.get(key, ())):
                    if put is not None:
                        put[:] = every

    def _is_busy(self) -> bool:
        return bool(self.inflight or self.getters)

    def _take(self, key: int) -> list[int] | None:
        more = self.more.get(key)
        if more and self.newest_first:
            try:
                put = more.pop()
            except IndexError:
                pass
            else:
                self.puts.pop()
                return put
        first = self.pending.pop(key, None)
        if more:
            try:
                following = more.pop(0)
            except IndexError:
                following = None
            if following is not None:
                if first is None:
                    first = following
                elif self.pending.setdefault(key, following) is not following:
                    more.insert(0, following)
        if first is not None:
            self.puts.pop()
        return first
