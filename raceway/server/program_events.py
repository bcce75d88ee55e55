"""Events of programs under ``raceway-run``: their tags say what their own replay knows.

Actors, epochs, variables and call stacks are the program's.  What is not in the events is computed
here as it is there: locks, and the order that follows from them.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from raceway.engine.commutes import WORDS, WRITES
from raceway.model import ops
from raceway.model.aging import Aging
from raceway.pipeline import wire_tags
from raceway.server.event_replay import EventReplay, Origin, scalar

if TYPE_CHECKING:
    from raceway.engine.stamped import ActorReplay, Message, Site
    from raceway.server.event_reader import Stored

PROGRAMS_KEPT: Final = 500
"""Processes of a generation."""
REPLIES_AWAITED: Final = 2.0
"""Seconds that the events of a process wait for those of another one that it was called by."""
_MESSAGES_KEPT: Final = 20_000
_OPS: Final = {word: op for op, word in WORDS.items() if op != ops.STEP}
_READS: Final = frozenset(WORDS) - WRITES
_ROLES: Final = frozenset(
    {ops.ROLE_OBJECT, ops.ROLE_CONTAINER, ops.ROLE_ATTRIBUTE, ops.ROLE_ITEM, ops.ROLE_NAMED}
)


class _Program:
    """One process."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.actors: dict[int, ActorReplay] = {}
        self.segments: dict[int, int] = {}
        self.waiting: deque[Stored] = deque()
        self.since = 0.0


class ProgramEvents:
    """Feeds events of instrumented programs.

    Args:
        replay: What is fed.
    """

    def __init__(self, replay: EventReplay) -> None:
        self._replay = replay
        self._programs: Aging[str, _Program] = Aging(PROGRAMS_KEPT)
        self._messages: Aging[str, Message] = Aging(_MESSAGES_KEPT)
        self._serving: Aging[str, tuple[str, ActorReplay]] = Aging(_MESSAGES_KEPT)  # by span

    def feed(self, event: Stored, run: str) -> None:
        """Take the next event of a process."""
        program = self._programs.get(run)
        if program is None:
            program = self._programs[run] = _Program(run)
        if program.waiting:
            program.waiting.append(event)
            self._resume(program)
        elif not self._apply(program, event):
            program.waiting.append(event)
            program.since = time.monotonic()

    def resume(self, *, patient: bool = True) -> None:
        """Go on with what has waited for other processes.

        Args:
            patient: Whether what it waits for may still come.
        """
        for program in list(self._programs.values()):
            if program.waiting:
                self._resume(program, patient=patient)

    def _resume(self, program: _Program, *, patient: bool = True) -> None:
        while program.waiting:
            late = (
                not patient
                or time.monotonic() - program.since > REPLIES_AWAITED
                or len(program.waiting) > 20_000
            )
            if not self._apply(program, program.waiting[0], patient=not late):
                return
            program.waiting.popleft()
            program.since = time.monotonic()

    def _apply(self, program: _Program, event: Stored, *, patient: bool = True) -> bool:
        """Replay an event, unless it has to wait."""
        replay, tags = self._replay, event.event.metadata.tags
        awaited = self._awaited(event, tags)
        if awaited:
            self._answer(program, awaited)
            if patient and self._messages.peek(awaited) is None:
                return False
        try:
            number, group, segment, epoch = map(int, tags[wire_tags.POSITION].split())
            news = [
                (int(one), max(0, min(int(until), ops.EPOCH_MASK)))
                for one, _, until in (
                    entry.partition(":") for entry in tags.get(wire_tags.AFTER, "").split()
                )
            ]
            over = [int(one) for one in tags.get(wire_tags.RETIRED, "").split()]
        except ValueError:
            return True  # not what it looks like
        actor = self._actor(program, event, number, group)
        replay.index += 1
        actor.epoch = max(actor.epoch, min(epoch, ops.EPOCH_MASK))
        for other, until in news:
            known = program.actors.get(other)
            if known is not None and known is not actor:
                replay.learn_epoch(actor, known.number, until)
        if segment != program.segments.get(number, segment):
            replay.switch(actor)
        program.segments[number] = segment
        if awaited:
            message = self._messages.get(awaited)
            if message is not None:
                replay.learn_from(actor, message)
        self._handle(program, actor, event, tags)
        self._agree_on_locks(program, actor, event)
        if over:
            gone = [
                program.actors.pop(one) for one in over if one in program.actors and one != number
            ]
            replay.retire_now(gone)
        return True

    def _answer(self, program: _Program, awaited: str) -> None:
        """Say what a callee in the same process knows: its response may end after it has come."""
        span, _, reply = awaited.partition(":")
        serving = self._serving.get(span) if reply else None
        if serving is not None and serving[0] == program.run:
            self._messages[awaited] = self._replay.message(serving[1])

    @staticmethod
    def _awaited(event: Stored, tags: dict[str, str]) -> str:
        """Return the name of the message from another process that an event receives, if any."""
        span = tags.get(wire_tags.SPAN)
        if not span:
            return ""
        inwards = tags.get("http.direction") == "in"
        if event.kind == "HttpRequest":
            # Without a caller that is recorded there is no upstream span.
            return span if inwards and event.event.metadata.upstream_span_id else ""
        return "" if inwards else f"{span}:reply"

    def _actor(self, program: _Program, event: Stored, number: int, group: int) -> ActorReplay:
        actor = program.actors.get(number)
        if actor is None or self._replay.actors.get(actor.number) is not actor:
            metadata = event.event.metadata
            tags = metadata.tags
            actor = program.actors[number] = self._begin(
                program, event, number, group, tags.get("actor", f"actor {number}"),
                tags.get("actor_kind", "thread"),
            )  # fmt: skip
        return actor

    def _begin(
        self, program: _Program, event: Stored, number: int, group: int, name: str, kind: str
    ) -> ActorReplay:
        metadata = event.event.metadata
        origin = Origin(
            program.run, metadata.service_name, event.event.trace_id, metadata.thread_id, False
        )
        mates = program.actors.get(group)
        own = 0
        if group != number:
            own = mates.group if mates is not None else self._group(program, group, origin)
        return self._replay.begin(name, kind, own, origin)

    def _group(self, program: _Program, group: int, origin: Origin) -> int:
        """Return the number of a group whose thread has sent nothing yet."""
        thread = program.actors[group] = self._replay.begin(f"thread {group}", "thread", 0, origin)
        return thread.number

    # ------------------------------------------------------------ kinds

    def _handle(
        self, program: _Program, actor: ActorReplay, event: Stored, tags: dict[str, str]
    ) -> None:
        kind, fields = event.kind, event.fields
        self._replay.happened(actor, event)
        if kind == "StateChange":
            self._access(program, actor, event, tags)
        elif kind == "LockAcquire":
            lock = self._lock(program, fields, tags)
            self._replay.take(actor, lock, self._site(event, tags), waits=wire_tags.TRY not in tags)
        elif kind == "LockRelease":
            self._replay.give_back(actor, self._lock(program, fields, tags))
        elif kind == "AsyncSpawn":
            self._spawn(program, actor, event, tags)
        elif kind in {"HttpRequest", "HttpResponse"}:
            span = tags.get(wire_tags.SPAN)
            inwards = tags.get("http.direction") == "in"
            if span and kind == "HttpRequest" and inwards:
                self._serving[span] = (program.run, actor)
            if span and (kind == "HttpResponse") == inwards:
                name = f"{span}:reply" if inwards else span
                self._messages[name] = self._replay.message(actor)

    def _spawn(
        self, program: _Program, actor: ActorReplay, event: Stored, tags: dict[str, str]
    ) -> None:
        parts = tags.get(wire_tags.TASK, "").split(" ", 2)
        if len(parts) != 3 or not (parts[0].isdecimal() and parts[1].isdecimal()):
            return
        number, group = int(parts[0]), int(parts[1])
        child = program.actors.get(number)
        if child is None:
            name = tags.get("task_name", f"actor {number}")
            child = self._begin(program, event, number, group, name, parts[2])
            program.actors[number] = child
        child.name = tags.get("task_name", child.name)
        self._replay.start(actor, child, self._site(event, tags))

    def _access(
        self, program: _Program, actor: ActorReplay, event: Stored, tags: dict[str, str]
    ) -> None:
        fields = event.fields
        op = _OPS.get(tags.get("operation", ""))
        if op is None:
            op = ops.READ if fields.access_type.endswith("Read") else ops.WRITE
        parts = tags.get(wire_tags.VARIABLE, "").split()
        key: object = fields.variable
        role, parent = ops.ROLE_NAMED, 0
        if len(parts) == 3 and parts[1] in _ROLES:
            key, role = parts[0], parts[1]
            if role == ops.ROLE_ITEM and parts[2] != "0":
                above = fields.variable[: fields.variable.rfind("[")]
                parent = self._replay.variable(program.run, parts[2], above, ops.ROLE_CONTAINER)
        # What the program has named itself is the same thing for all processes.
        scope = "" if role == ops.ROLE_NAMED else program.run
        if role == ops.ROLE_NAMED:
            key = fields.variable
        variable = self._replay.variable(scope, key, fields.variable, role, parent)
        hint = tags.get(wire_tags.VALUE)
        value, has_value = (None, False) if hint else scalar(fields.new_value)
        # What is read is not told: it is what was written last.
        has_value = has_value and not (value is None and op in _READS)
        self._replay.touch(actor, op, variable, self._site(event, tags), value, has_value=has_value)

    def _lock(self, program: _Program, fields: Any, tags: dict[str, str]) -> int:
        name = tags.get("lock_name") or fields.lock_id
        return self._replay.lock(
            program.run, fields.lock_id, fields.lock_type, name, tags.get("lock_location", "")
        )

    def _agree_on_locks(self, program: _Program, actor: ActorReplay, event: Stored) -> None:
        """Believe the event as to which locks are held: a release may have been lost."""
        held = event.event.lock_set
        if len(actor.held) <= len(held):
            return
        wanted = {self._replay.lock(program.run, one, "Lock", one) for one in held}
        for number in [one for one in actor.held if one not in wanted]:
            self._replay.drop(actor, number)

    def _site(self, event: Stored, tags: dict[str, str]) -> Site:
        frames = tags.get(wire_tags.FRAMES)
        if frames:
            return self._replay.places.stacked(frames)
        fields = event.fields
        location = getattr(fields, "location", "") or getattr(fields, "spawned_by", "")
        return self._replay.places.site(location or "unknown:0")
