"""What ``/metrics`` tells Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]


class Metrics:
    """The numbers of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ingested = Counter("raceway_events_ingested", "Events stored", registry=self.registry)
        self.known = Counter(
            "raceway_events_repeated", "Events that had been stored before", registry=self.registry
        )
        self.refused = Counter(
            "raceway_events_refused", "Events that were wrong", registry=self.registry
        )
        self.turned_away = Counter(
            "raceway_batches_turned_away",
            "Batches that were not taken",
            ["reason"],
            registry=self.registry,
        )

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a number that is asked for whenever it is shown."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return all numbers."""
        return generate_latest(self.registry)
