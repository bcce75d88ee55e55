"""Writes what is stored as Parquet, for other programs: one row an event, finding or run."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from pyarrow import parquet

from raceway.exceptions import UsageError
from raceway.server.event_reader import Refused, stored
from raceway.server.event_store import FILE, connect
from raceway.server.findings_store import FILE as FINDINGS_FILE
from raceway.server.observations import location_of
from raceway.server.senders import Senders

_ROWS: Final = 20_000
"""Rows that are in memory at a time, and in a group of the file."""
_SIZE: Final = 64 * 1024 * 1024
"""Characters of them, at most."""
_TIME: Final = pa.timestamp("ns", tz="UTC")
_TEXT: Final = pa.string()
_NAME: Final = pa.dictionary(pa.int32(), pa.string())  # for what is mostly the same
_TEXTS: Final = pa.list_(pa.string())

EVENTS: Final = pa.schema(
    [
        pa.field("id", _TEXT, nullable=False),
        pa.field("trace_id", _TEXT, nullable=False),
        ("parent_id", _TEXT),
        pa.field("time", _TIME, nullable=False),
        pa.field("kind", _NAME, nullable=False),
        ("run", _NAME),
        ("service", _NAME),
        ("instance", _NAME),
        ("process_id", pa.int64()),
        ("environment", _NAME),
        ("thread_id", _NAME),
        ("actor", _NAME),
        ("span_id", _TEXT),
        ("upstream_span_id", _TEXT),
        ("duration_ns", pa.int64()),
        ("variable", _NAME),
        ("access", _NAME),
        ("value", _TEXT),
        ("lock_id", _NAME),
        ("lock_type", _NAME),
        ("location", _NAME),
        ("locks", _TEXTS),
        ("fields", _TEXT),
        ("tags", _TEXT),
        ("causality_vector", _TEXT),
    ]
)
"""The columns of events."""

FINDINGS: Final = pa.schema(
    [
        pa.field("id", _TEXT, nullable=False),
        ("type", _TEXT),
        ("severity", _TEXT),
        ("certainty", _TEXT),
        ("variable", _TEXT),
        ("status", _TEXT),
        ("services", _TEXTS),
        ("count", pa.int64()),
        ("first", _TIME),
        ("last", _TIME),
        ("document", _TEXT),
    ]
)
"""The columns of findings."""

RUNS: Final = pa.schema(
    [
        pa.field("id", _TEXT, nullable=False),
        ("service", _TEXT),
        ("instance", _TEXT),
        ("process_id", pa.int64()),
        ("environment", _TEXT),
        ("language", _TEXT),
        ("events", pa.int64()),
        ("findings", pa.int64()),
        ("first", _TIME),
        ("last", _TIME),
    ]
)
"""The columns of runs."""


class _Kind(msgspec.Struct):
    """The part of an event that is kept as it was sent."""

    kind: dict[str, msgspec.Raw]


_decode_kind = msgspec.json.Decoder(_Kind).decode


def export(folder: Path, target: str) -> list[tuple[str, int]]:
    """Write what a data folder holds.  A server may use it meanwhile.

    Args:
        folder: The data folder.
        target: A file, which gets the events; or a folder, which gets a file for events, findings
            and runs each.

    Returns:
        The files, and how many rows each has.

    Raises:
        UsageError: There is nothing to be exported, or nowhere to.
    """
    if not (folder / FILE).is_file():
        raise UsageError(f"{folder}: no server has stored anything there; give --data")
    whole = target.endswith("/") or os.path.isdir(target)
    try:
        if not whole:
            return [(target, _write(target, EVENTS, _events(folder)))]
        os.makedirs(target, exist_ok=True)
        tables = (("events", EVENTS, _events), ("findings", FINDINGS, _findings),
                  ("runs", RUNS, _runs))  # fmt: skip
        return [
            (path, _write(path, schema, rows(folder)))
            for name, schema, rows in tables
            for path in [os.path.join(target, f"{name}.parquet")]
        ]
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{target}: cannot be written: {reason}; choose another place") from None
    except sqlite3.Error as error:
        raise UsageError(f"{folder}: cannot be read: {error}") from None


def _write(path: str, schema: pa.Schema, rows: Iterator[dict[str, Any]]) -> int:
    """Write a file, which is there when it is complete; return how many rows it has."""
    part = f"{path}.part-{os.getpid()}"
    total = 0
    try:
        with (
            open(part, "wb") as file,
            parquet.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            group: list[dict[str, Any]] = []
            size = 0
            for row in rows:
                group.append(row)
                total += 1
                size += sum(len(value) for value in row.values() if isinstance(value, str))
                if len(group) >= _ROWS or size > _SIZE:
                    writer.write_table(pa.Table.from_pylist(group, schema))
                    group, size = [], 0
            if group:
                writer.write_table(pa.Table.from_pylist(group, schema))
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise
    return total


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    senders = Senders()
    with closing(connect(folder / FILE, writes=False)) as db:
        # One question sees one state of the file, whatever is stored or merged meanwhile.
        for (data,) in db.execute("SELECT data FROM segment ORDER BY id"):
            for line in zlib.decompress(data).split(b"\n"):
                try:
                    event = stored(line)
                except Refused:  # written by another version
                    continue
                sent, fields = event.event, event.fields
                metadata = sent.metadata
                sender = senders.of(metadata)
                kind = _decode_kind(line).kind[event.kind]
                change = event.kind == "StateChange"
                location = location_of(event)
                yield {
                    "id": event.id,
                    "trace_id": sent.trace_id,
                    "parent_id": event.parent or None,
                    "time": event.time,
                    "kind": event.kind,
                    "run": sender.run,
                    "service": sender.service,
                    "instance": metadata.instance_id or metadata.tags.get("instance"),
                    "process_id": metadata.process_id,
                    "environment": metadata.environment,
                    "thread_id": metadata.thread_id,
                    "actor": sender.name,
                    "span_id": metadata.distributed_span_id,
                    "upstream_span_id": metadata.upstream_span_id,
                    "duration_ns": metadata.duration_ns,
                    "variable": fields.variable if change else None,
                    "access": fields.access_type if change else None,
                    "value": _text(fields.new_value) if change else None,
                    "lock_id": getattr(fields, "lock_id", None),
                    "lock_type": getattr(fields, "lock_type", None),
                    "location": None if location == "unknown" else location,
                    "locks": sent.lock_set,
                    "fields": _text(kind),
                    "tags": _json(metadata.tags),
                    "causality_vector": _json(sent.causality_vector),
                }


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode("utf-8", "replace")  # what is free in form was not decoded before


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _findings(folder: Path) -> Iterator[dict[str, Any]]:
    query = (
        "SELECT id, type, severity, certainty, variable, status, services, count, first, last,"
        " document FROM finding ORDER BY id"
    )
    for row in _rows(folder, query, FINDINGS):
        row["services"] = json.loads(row["services"])
        yield row


def _runs(folder: Path) -> Iterator[dict[str, Any]]:
    query = (
        "SELECT id, service, instance, pid, environment, language, events,"
        " (SELECT count(*) FROM run_finding WHERE run = run.id), first, last FROM run ORDER BY id"
    )
    return _rows(folder, query, RUNS)


def _rows(folder: Path, query: str, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    if not (folder / FINDINGS_FILE).is_file():  # nothing was analysed yet
        return
    with closing(connect(folder / FINDINGS_FILE, writes=False)) as db:
        for row in db.execute(query):
            yield dict(zip(schema.names, row, strict=True))
