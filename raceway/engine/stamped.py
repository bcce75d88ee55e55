"""What replay makes of the op stream: accesses and lock acquisitions that know their order.

These are the objects that the engine works on.  They are made once for each op, so they are
plain slotted classes, and everything in them that repeats is shared.
"""

from __future__ import annotations

from typing import Any

from raceway.model.clocks import EMPTY, Clock


class Site:
    """A place in the program, with the callers under which it was reached.

    Attributes:
        number: Serial number, unique in a process.
        frames: ``(code id, offset)``, innermost first.
    """

    __slots__ = ("frames", "number")

    def __init__(self, number: int, frames: tuple[tuple[int, int], ...]) -> None:
        self.number = number
        self.frames = frames


class Held:
    """One lock in the hands of one actor.

    Attributes:
        lock: Its number.
        serial: Tells this critical section from the next one of the same lock.
        count: Recursion depth.
        site: Where it was taken.
        section: What this critical section has accessed: variable to 1 (read), 2 (written) or 3.
    """

    __slots__ = ("count", "lock", "section", "serial", "site")

    def __init__(self, lock: int, serial: int, site: Site) -> None:
        self.lock = lock
        self.serial = serial
        self.count = 1
        self.site = site
        self.section: dict[int, int] = {}


class ActorReplay:
    """An actor while its ops are replayed.

    Attributes:
        number: Actor number in its process.
        epoch: Epoch of its last op.
        life: Clock by program order, fork and join.
        base: ``life``, and synchronisation other than mutexes.
        hard: ``base`` and, in addition, the order of critical sections that conflict.
        full: Classic happens-before: every release before the next acquire.
        held: Locks by number.
        locks: The numbers of ``held``.
        sections: ``(lock, serial)`` of ``held``.
        segment: Goes up whenever other actors of its group may have run.
        caused: For each other actor, the conflicts that ordered it before this one:
            ``(variable, epoch of its release, epoch of our access)``.
    """

    __slots__ = (
        "base", "caused", "epoch", "fork_site", "full", "group", "hard", "held", "kind", "life",
        "locks", "name", "number", "parent", "saved", "sections", "segment", "stack", "stack_open",
    )  # fmt: skip

    def __init__(self, number: int, name: str, kind: str, group: int) -> None:
        self.number = number
        self.name = name
        self.kind = kind
        self.group = group
        self.epoch = 0
        self.life: Clock = EMPTY
        self.base: Clock = EMPTY
        self.hard: Clock = EMPTY
        self.full: Clock = EMPTY
        self.held: dict[int, Held] = {}
        self.saved: dict[int, int] = {}
        self.locks: frozenset[int] = frozenset()
        self.sections: frozenset[tuple[int, int]] = frozenset()
        self.segment = 0
        self.stack: tuple[tuple[int, int], ...] = ()
        self.stack_open: list[tuple[int, int]] | None = None
        self.parent: ActorReplay | None = None
        self.fork_site: Site | None = None
        self.caused: dict[int, list[tuple[int, int, int]]] = {}


class Access:
    """One stamped access.

    Attributes:
        index: Position in the history of its process.
        kind: Access op of :mod:`raceway.model.ops`.
        unchanged: A write of the value that was there already.
        update_of: For a write, the read of the same actor that it was computed from.
        has_value: Whether ``value`` is known; ``type_name`` is set when it is no scalar.
    """

    __slots__ = (
        "actor",
        "base",
        "epoch",
        "full",
        "hard",
        "has_value",
        "held",
        "index",
        "kind",
        "locks",
        "sections",
        "segment",
        "site",
        "type_name",
        "unchanged",
        "update_of",
        "value",
        "variable",
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
        self.held: tuple[Held, ...] = ()
        self.value: Any = None
        self.has_value = False
        self.type_name = ""
        self.unchanged = False
        self.update_of: Access | None = None


class LockOrder:
    """An actor waited for ``inner`` while it held ``outer``.

    Attributes:
        gates: Other locks that it held at that moment.
        life: Who had ended, or not begun, at that moment.
    """

    __slots__ = ("actor", "epoch", "gates", "inner", "inner_site", "life", "outer", "outer_site")

    def __init__(
        self, actor: ActorReplay, outer: Held, inner: int, inner_site: Site, gates: frozenset[int]
    ) -> None:
        self.actor = actor
        self.epoch = actor.epoch
        self.life = actor.life
        self.outer = outer.lock
        self.outer_site = outer.site
        self.inner = inner
        self.inner_site = inner_site
        self.gates = gates
