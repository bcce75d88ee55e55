"""What replay makes of the op stream: accesses and lock acquisitions that know their order.

These are the objects that the engine works on.  They are made once for each op, so they are
plain slotted classes, and everything in them that repeats is shared.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from raceway.model.clocks import EMPTY, Clock, join

CONDITION = -1
"""In the place of a variable: two critical sections of the lock of a condition."""
INSERTION = -2
"""In the place of a variable: a container to which an insertion added something, unseen."""
UNWATCHED = -3
"""In the place of a variable: what nobody watches and a critical section asks for."""
READ_BIT = 1
WRITE_BIT = 2
GROW_BIT = 4
"""What was done to a variable in a critical section, in bits."""
FLAG_LOCKS = 1 << 60
"""Locks with higher numbers are variables: see :mod:`raceway.engine.flags`."""
OPEN_KEPT = 16
"""Open sections of a message that was made of several."""


class Site:
    """A place in the program, with the callers under which it was reached.

    Attributes:
        number: Serial number, unique in a process.
        frames: ``(code id, offset)``, innermost first.
        flags: Whether an access here may be to a flag; None before that was asked.
        sets: For a place where a lock is taken, what the section sets that nobody watches; None
            before that is known.
    """

    __slots__ = ("flags", "frames", "number", "sets")

    def __init__(self, number: int, frames: tuple[tuple[int, int], ...]) -> None:
        self.number = number
        self.frames = frames
        self.flags: bool | None = None
        self.sets: frozenset[str] | None = None


Sleepers = dict[int, int]
"""Who has held a lock while others of its group ran, and the epoch until when."""


class Stack:
    """Callers, innermost first, and the sites that were reached from them.

    Attributes:
        frames: ``(code id, offset)`` of each caller.
        sites: Sites by code id and offset of the access itself.
    """

    __slots__ = ("frames", "sites")

    def __init__(self, frames: tuple[tuple[int, int], ...]) -> None:
        self.frames = frames
        self.sites: dict[tuple[int, int], Site] = {}


class Message:
    """What a receiver learns: everything that ``actor`` knew at ``epoch``.

    Attributes:
        actor: Who says it; None where the clocks are all there is to know.
        open: Sections of which it tells the beginning and not the end.
        origin: What ``actor`` learned from whoever started it.  As long as a clock is still that
            one, it says nothing to those who know the origin.
    """

    __slots__ = ("actor", "base", "epoch", "full", "hard", "life", "open", "origin")

    def __init__(
        self,
        actor: Any,
        epoch: int,
        life: Clock,
        base: Clock,
        hard: Clock,
        full: Clock,
        open_: tuple[Section, ...] = (),
        origin: Message | None = None,
    ) -> None:
        self.actor = actor
        self.epoch = epoch
        self.life = life
        self.base = base
        self.hard = hard
        self.full = full
        self.open = open_
        self.origin = origin

    def and_also(self, other: Message) -> Message:
        """Return this message with what ``other`` says, and that it was said."""
        sender, epoch = other.actor, other.epoch
        life = join(self.life, other.life, sender, epoch)
        # Mostly several clocks of either one are one object.
        base = hard = full = life
        if self.base is not self.life or other.base is not other.life:
            base = hard = full = join(self.base, other.base, sender, epoch)
        if self.hard is not self.base or other.hard is not other.base:
            hard = full = join(self.hard, other.hard, sender, epoch)
        if self.full is not self.hard or other.full is not other.hard:
            full = join(self.full, other.full, sender, epoch)
        open_ = self.open
        if open_ or other.open:
            open_ = tuple(dict.fromkeys((*open_, *other.open)))[-OPEN_KEPT:]
        return Message(self.actor, self.epoch, life, base, hard, full, open_)


class Section:
    """Something that no other one of its kind can overlap with: a critical section, or a turn.

    Attributes:
        lock: Number of the lock; for a turn, the number of the group with a minus sign.
        actor: Whose it is.
        start: What its actor says in it has a later epoch than this.
        end: What its actor knew at the end.
    """

    __slots__ = ("actor", "end", "lock", "start")

    def __init__(self, lock: int, actor: ActorReplay, start: int) -> None:
        self.lock = lock
        self.actor = actor
        self.start = start
        self.end: Message | None = None


class Held(Section):
    """One lock in the hands of one actor: a critical section.

    Attributes:
        guard: What replay knows of the lock.
        serial: Tells this critical section from the next one of the same lock.
        count: Recursion depth.
        site: Where it was taken.
        done: What was done in it, in bits, by variable.
        segment: The holder's, when it took the lock.
        lent: Actors that were started inside of it.
        leaked: Whether it was released before all that those did inside of it was over.
        under: The sections of other locks in which it was taken.
        passive: Whether the holder had waited for the condition of the lock, and notified nobody.
    """

    __slots__ = (
        "count", "done", "guard", "leaked", "lent", "passive", "segment", "serial", "site",
        "under",
    )  # fmt: skip

    def __init__(
        self, lock: int, actor: ActorReplay, serial: int, site: Site, guard: Any = None
    ) -> None:
        self.lock = lock  # as super().__init__() would: one is made for each lock that is taken
        self.actor = actor
        self.start = actor.epoch
        self.end = None
        self.guard = guard
        self.serial = serial
        self.count = 1
        self.site = site
        self.done: dict[int, int] = {}
        self.segment = 0
        self.lent: list[ActorReplay] = []
        self.leaked = False
        self.passive = False
        self.under = actor.sections


class Cause(NamedTuple):
    """A conflict of two critical sections, by which one comes before the other.

    Attributes:
        variable: On which they conflict; CONDITION, INSERTION or UNWATCHED; 0 for several.
        released: Epoch of the first one's end.
        taken: Epoch of the access in the second one.
        site: Where that one reads; None if it only writes, or for several.
        reads: Whether it may have seen what the first one did.
    """

    variable: int
    released: int
    taken: int
    site: Site | None = None
    reads: bool = True


class ActorReplay:
    """An actor while its ops are replayed.

    Attributes:
        number: Actor number in its process.
        epoch: Epoch of its last op.
        last: Epoch of the last op that was more than a send: who knows it knows all that it did.
        ended: Whether it said that it ends.
        life: Clock by program order, fork and join, send and receive.
        base: ``life``, and the locks of conditions.
        hard: ``base`` and, in addition, the order of critical sections that conflict.
        full: Classic happens-before: every release before the next acquire.
        held: Locks by number.
        locks: The numbers of ``held``.
        sections: ``(lock, serial)`` of ``held``.
        borrowed: Locks that others held when they started this actor.  As long as they wait for
            it, it works in their critical sections.
        accessed: Epoch of the last access with a borrowed lock.
        segment: Goes up whenever other actors of its group may have run.
        news: Whether its last RECEIVE or JOIN told it anything.
        waits: Locks that it took in this segment without having to wait, and when.
        latest: Its latest access at each place, whatever the variable.
        caused: For each other actor, the conflicts that ordered it before this one.
        parent: Name of who started it.
        origin: What it learned from whoever started it.
        stack: The callers that its accesses have.
        stack_open: Callers that are being told, innermost first.
        retired: The first lock-order edge that came after its retirement; 0 if it has not retired.
        worker: Of a job that a process runs among others, one at a time: the group of that process.
            What is in the memory of one process never has two of them at it.
        turn: If it takes turns with others, the one since its last switch point.
        begun: Sections of others of which it knows the beginning and maybe not the end.
    """

    __slots__ = (
        "accessed", "base", "begun", "borrowed", "caused", "ended", "epoch", "fork_site", "full",
        "group", "hard", "held", "kind", "last", "latest", "life", "locks", "name", "news",
        "number", "origin", "parent", "retired", "saved", "sections", "segment", "stack",
        "stack_open", "turn", "waits", "worker",
    )  # fmt: skip

    def __init__(self, number: int, name: str, kind: str, group: int) -> None:
        self.number = number
        self.name = name
        self.kind = kind
        self.group = group
        self.worker = 0
        self.epoch = 0
        self.last = -1
        self.ended = False
        self.life: Clock = EMPTY
        self.base: Clock = EMPTY
        self.hard: Clock = EMPTY
        self.full: Clock = EMPTY
        self.held: dict[int, Held] = {}
        self.borrowed: tuple[Held, ...] = ()
        self.accessed = -1
        self.saved: dict[int, int] = {}
        self.locks: frozenset[int] = frozenset()
        self.sections: frozenset[tuple[int, int]] = frozenset()
        self.segment = 0
        self.news = False
        self.waits: tuple[tuple[int, Sleepers], ...] = ()
        self.stack: Stack | None = None
        self.stack_open: list[tuple[int, int]] | None = None
        self.parent = ""
        self.origin: Message | None = None
        self.retired = 0
        self.fork_site: Site | None = None
        self.caused: dict[int, list[Cause]] = {}
        self.turn: Section | None = None
        self.latest: dict[int, Access] = {}
        self.begun: tuple[Section, ...] = ()

    def know_nothing(self) -> None:
        """Let go of what others are not to be kept alive for, who were here before."""
        self.life = self.base = self.hard = self.full = EMPTY
        self.caused = {}
        self.latest = {}
        self.begun = ()
        self.borrowed = ()
        self.waits = ()
        self.origin = None


class Access:
    """One stamped access.

    Attributes:
        index: Position in the history of its process.
        kind: Access op of :mod:`raceway.model.ops`.
        unchanged: A write of the value that was there already.
        restores: A write of the very object that was there already, as ``self.items += [x]`` does.
        update_of: For a write, the read of the same actor that it was computed from.
        waits: Locks that the actor took in this segment without having to wait, and when.
        borrowed: Those of the locks that belong to whoever started the actor.
        has_value: Whether ``value`` is known; ``type_name`` is set when it is no scalar.
    """

    __slots__ = (
        "actor",
        "base",
        "borrowed",
        "epoch",
        "full",
        "hard",
        "has_value",
        "held",
        "index",
        "kind",
        "locks",
        "restores",
        "sections",
        "segment",
        "site",
        "type_name",
        "unchanged",
        "update_of",
        "value",
        "variable",
        "waits",
    )  # fmt: skip

    def __init__(
        self, index: int, kind: int, variable: int, actor: ActorReplay, epoch: int, site: Site
    ) -> None:
        self.index = index
        self.kind = kind
        self.variable = variable
        self.actor = actor
        self.epoch = epoch
        self.site = site
        self.base = actor.base
        self.hard = actor.hard
        self.full = actor.full
        self.locks = actor.locks
        self.sections = actor.sections
        self.segment = actor.segment
        self.waits = actor.waits
        self.held: tuple[Held, ...] = ()
        self.borrowed: tuple[Held, ...] = ()
        self.value: Any = None
        self.has_value = False
        self.type_name = ""
        self.unchanged = False
        self.restores = False
        self.update_of: Access | None = None


class LockOrder:
    """An actor waited for ``inner`` while it held ``outer``.

    Attributes:
        held: All locks that it held at that moment.
        serial: Counts the edges.
        life: Who had ended, or not begun, at that moment.
    """

    __slots__ = (
        "actor", "epoch", "held", "inner", "inner_site", "life", "outer", "outer_site", "serial",
    )  # fmt: skip

    def __init__(self, actor: ActorReplay, outer: Held, inner: int, inner_site: Site) -> None:
        self.actor = actor
        self.epoch = actor.epoch
        self.life = actor.life
        self.outer = outer.lock
        self.outer_site = outer.site
        self.inner = inner
        self.inner_site = inner_site
        self.held = actor.locks
        self.serial = 0
