"""Replays events of any number of processes, as the embedded engine replays the ops of a run.

Two kinds of senders are told apart.  A program under ``raceway-run`` says in tags what its replay
knows (``program_events``).  Other SDKs send what their users track by hand, and what orders it has
to be gathered from threads, parents, clocks, spans and tasks (``sdk_events``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from raceway.engine.definitions import ActorDefinition, Definitions, Variable
from raceway.engine.stamped import Access, ActorReplay, Message, Site
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.model.clocks import EMPTY, Clock, Only, clock_of, informed, known_by_either
from raceway.model.findings import LockRef
from raceway.pipeline.messages import Mailbox
from raceway.pipeline.replay import Detector, Replay, message, stamp
from raceway.pipeline.sections import told_by
from raceway.server.places import PlaceTable, SourceFolders

if TYPE_CHECKING:
    from raceway.server.event_reader import Stored

INFORMATION_KEPT: Final = 50_000
"""Actors of a generation of which is known who they were."""


@dataclass(slots=True)
class Origin:
    """Where the events of an actor come from.

    Attributes:
        run: The process: service and instance.
        service: Service name.
        trace: Trace id.
        thread: Thread id, as it was sent.
        by_hand: Whether its accesses were tracked by calls of the program.
    """

    run: str
    service: str
    trace: str
    thread: str
    by_hand: bool


class EventDefinitions(Definitions):
    """Definitions of what events name; a variable comes with its full name."""

    def _make_name(self, number: int) -> str:
        variable = self.variable(number)
        return variable.text if variable is not None else f"variable {number}"


class EventReplay(Replay):
    """Replays events; knows actors, variables and locks of all senders by numbers of its own.

    Args:
        detector: What is fed.
        definitions: What the numbers stand for.
        sources: Source files.

    Attributes:
        places: Where accesses are.
        origins: Where the events of each actor come from.
        variables: Numbers of variables, by scope and key; without a scope by key alone.
    """

    def __init__(
        self, detector: Detector, definitions: Definitions, sources: SourceFolders
    ) -> None:
        super().__init__(definitions, detector, Mailbox())
        self.places = PlaceTable(definitions.codes, sources)
        self.origins: Aging[int, Origin] = Aging(INFORMATION_KEPT)
        self._serials = 0
        self.variables: Aging[object, int] = Aging(INFORMATION_KEPT)
        self._lock_numbers: Aging[object, int] = Aging(INFORMATION_KEPT)
        self._now: Clock = EMPTY
        self._touched: dict[int, ActorReplay] = {}
        self._exclusive = 0

    def next_number(self) -> int:
        """Return a number that nothing has."""
        self._serials += 1
        return self._serials

    # ------------------------------------------------------------ actors

    def begin(self, name: str, kind: str, group: int, origin: Origin) -> ActorReplay:
        """Make a new actor.

        Args:
            name: Its name.
            kind: Its kind.
            group: Number of the actors with which it takes turns; 0 if it is a thread.
            origin: Where its events come from.
        """
        number = self.next_number()
        self.definitions.actors[number] = ActorDefinition(name, kind, group or number)
        self.origins[number] = origin
        return self._actor(number)

    def advance(self, actor: ActorReplay) -> None:
        """Let an event of ``actor`` have an epoch of its own."""
        self.index += 1
        actor.epoch += 1
        self._touched[actor.number] = actor

    def knows_by_time(self, actor: ActorReplay) -> None:
        """Let ``actor`` know all that happened so far, but by nothing else than the time.

        That is an order of this run and none that has to be.
        """
        for number, other in self._touched.items():
            if other.number != actor.number:
                self._now = informed(self._now, number, other.epoch)
        self._touched = {actor.number: actor}
        actor.full = known_by_either(actor.full, self._now)

    def learn_from(self, actor: ActorReplay, message: Message) -> None:
        """Let ``actor`` know what a message says."""
        if message.actor != actor.number:
            self._meet(actor, message)

    def learn_epoch(self, actor: ActorReplay, other: int, epoch: int) -> None:
        """Let ``actor`` know what an actor did until an epoch, and nothing that that one knew."""
        actor.last = actor.epoch
        actor.life = informed(actor.life, other, epoch)
        actor.base = informed(actor.base, other, epoch)
        actor.hard = informed(actor.hard, other, epoch)
        actor.full = informed(actor.full, other, epoch)

    def message(self, actor: ActorReplay) -> Message:
        """Return what ``actor`` tells others now."""
        if actor.held or actor.turn is not None:
            return told_by(actor)
        return message(actor)

    def end(self, actor: ActorReplay) -> None:
        """Take note that an actor is over."""
        if not actor.ended:
            self._ended(actor, actor.number, None, None)

    def retire_now(self, actors: list[ActorReplay]) -> None:
        """Forget actors that come before everything that is still to happen."""
        self._retire([actor for actor in actors if self.actors.get(actor.number) is actor])

    def _retire(self, over: list[ActorReplay]) -> None:
        super()._retire(over)
        for actor in over:
            self._touched.pop(actor.number, None)
        self._now = Only(clock_of(dict.fromkeys(self.actors, 0)))(self._now)

    def happened(self, actor: ActorReplay, event: Stored) -> None:
        """Take note that it is the turn of an event; a replay that is looked at keeps it."""

    # ------------------------------------------------------------ variables and locks

    def variable(self, scope: str, key: object, name: str, role: str, parent: int = 0) -> int:
        """Return the number of a variable.

        Args:
            scope: The process that it belongs to; empty if it belongs to all.
            key: What tells it from others of the scope.
            name: Its full name.
            role: As in :mod:`raceway.model.ops`.
            parent: Number of the container, for an item.
        """
        full = (scope, key) if scope else key
        number = self.variables.young.get(full) or self.variables.get(full)
        if number is None:
            number = self.variables[full] = self.next_number()
            self.definitions.variables[number] = Variable(number, parent, name, role, False, None)
        return number

    def lock(self, scope: str, lock_id: str, kind: str, name: str, location: str = "") -> int:
        """Return the number of a lock."""
        full = (scope, lock_id)
        number = self._lock_numbers.get(full)
        if number is None:
            number = self._lock_numbers[full] = self.next_number()
            self.definitions.locks[number] = LockRef(name, kind, location)
            self.definitions.locks_seen += 1
        return number

    def take(self, actor: ActorReplay, number: int, site: Site, *, waits: bool) -> None:
        """Let ``actor`` have a lock."""
        self._take(actor, number, site, waits=waits)

    def give_back(self, actor: ActorReplay, number: int) -> None:
        """Take a lock from ``actor``; one that it does not hold is somebody else's."""
        self._release(actor, number, None, None)

    def drop(self, actor: ActorReplay, number: int) -> None:
        """Take a lock from ``actor`` whose release was not seen."""
        if number in actor.held:
            self._drop(actor, number, self._lock(number))

    # ------------------------------------------------------------ accesses

    def touch(
        self,
        actor: ActorReplay,
        op: int,
        variable: int,
        site: Site,
        value: Any,
        *,
        has_value: bool,
        atomic: int = 0,
        without: frozenset[int] = frozenset(),
    ) -> Access:
        """Feed an access.

        Args:
            actor: Who accesses.
            op: Access op.
            variable: Number of the variable.
            site: Where.
            value: The value, if it is a scalar.
            has_value: Whether it is.
            atomic: Number of the lock that stands for being a single atomic operation, or 0.
            without: Locks that do not protect it: held for reading only.
        """
        if actor.held or actor.borrowed:
            access = self._stamp(actor, op, variable, site)
        else:
            actor.last = actor.epoch
            access = stamp(self.index, op, variable, actor, site)
        if without:
            access.locks -= without
            access.sections = frozenset(one for one in access.sections if one[0] not in without)
        if atomic:
            self._exclusive += 1
            access.locks |= {atomic}
            access.sections |= {(atomic, -self._exclusive)}
        access.value = value
        access.has_value = has_value
        self.detector.access(access)
        return access

    def switch(self, actor: ActorReplay) -> None:
        """Take note that others of its group may have run."""
        self._switch(actor, 0, None, None)

    def start(self, actor: ActorReplay, child: ActorReplay, site: Site) -> None:
        """Take note that ``actor`` has started ``child``."""
        actor.stack = None
        self._fork_at(actor, child, site)

    def _fork_at(self, actor: ActorReplay, child: ActorReplay, site: Site) -> None:
        code, offset = site.frames[0]
        self._fork(actor, child.number, code, offset)
        child.fork_site = site


SCALARS: Final = (bool, int, float, str, type(None))


def scalar(value: Any) -> tuple[Any, bool]:
    """Return a value, and whether it is one that can be compared.

    Args:
        value: A value, or the JSON of one.
    """
    if type(value) is not msgspec.Raw:
        if type(value) is str:
            return value[: ops.TEXT_LIMIT], len(value) <= ops.TEXT_LIMIT
        return (value, True) if isinstance(value, SCALARS) else (None, False)
    text = bytes(value)
    if len(text) < 19 and text.isdigit() and text[:1] != b"0":
        return int(text), True
    if text[:1] in b"[{" or len(text) > 4 * ops.TEXT_LIMIT:
        return None, False
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, False
    return scalar(value)
