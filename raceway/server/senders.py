"""Who sends: the process, thread and actor that events name, worked out once for many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from raceway.pipeline import wire_tags

if TYPE_CHECKING:
    from raceway.server.wire import Metadata

SENDERS_KEPT: Final = 4096
"""Senders that are known at one time."""


def run_of(metadata: Metadata) -> str:
    """Return the process that an event with this metadata comes from."""
    instance = metadata.instance_id or metadata.tags.get("instance") or metadata.process_id
    return f"{metadata.service_name}#{instance}"


class Sender:
    """What the metadata of an event says of who sent it.

    Args:
        metadata: Of the event.

    Attributes:
        run: The process: service and instance.
        thread: Run and thread id.
        actor: Run, and what tells an actor of it from others.
        name: What a reader calls the actor.
        kind: Kind of the actor.
        service: Name of the service.
        language: Language of the SDK; empty if it does not say.
        metadata: What it was made of.
        component: Its name in causality vectors.
        is_program: Whether it is a program under ``raceway-run``.
    """

    __slots__ = (
        "actor", "component", "is_program", "kind", "language", "metadata", "name", "run",
        "service", "thread",
    )  # fmt: skip

    def __init__(self, metadata: Metadata) -> None:
        tags = metadata.tags
        thread_id = metadata.thread_id
        self.metadata = metadata
        self.service = metadata.service_name
        self.run = run_of(metadata)
        self.thread = (self.run, thread_id)
        known_as = tags.get("actor")
        self.name = known_as or thread_id.rpartition(":")[2] or thread_id
        self.actor = (self.run, thread_id if known_as is None else f"{thread_id} {self.name}")
        self.kind = tags.get("actor_kind", "thread")
        self.language = tags.get("sdk_language", "")
        self.component = f"{metadata.service_name}#{metadata.instance_id}"
        self.is_program = wire_tags.POSITION in tags

    def as_run(self) -> tuple[str, str, str, int, str, str]:
        """Return what a list of processes shows of its process."""
        metadata = self.metadata
        instance = metadata.instance_id or metadata.tags.get("instance") or str(metadata.process_id)
        return (
            self.run, self.service, instance, metadata.process_id, metadata.environment,
            self.language,
        )  # fmt: skip


class Senders:
    """Knows senders again: events of one thread mostly have their metadata in common."""

    def __init__(self) -> None:
        self._known: dict[int, Sender] = {}

    def of(self, metadata: Metadata) -> Sender:
        """Return who has sent what has this metadata."""
        known = self._known.get(id(metadata))
        if known is None or known.metadata is not metadata:
            known = Sender(metadata)
            if not known.is_program:  # each event of a program has metadata of its own
                if len(self._known) >= SENDERS_KEPT:
                    self._known.clear()
                self._known[id(metadata)] = known
        return known
