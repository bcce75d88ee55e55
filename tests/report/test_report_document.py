"""The JSON document: a contract with programs."""

from __future__ import annotations

import enum
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import jsonschema
import pytest

import raceway
from raceway.model.findings import Access, Actor, Finding, Frame, ProcessInfo, Report
from raceway.report.document import SCHEMA, encode_document, report_document

if TYPE_CHECKING:
    from raceway.report.document import JsonObject

STRING = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
PLACE = {
    "type": "object",
    "required": ["location", "function"],
    "properties": {"location": {**STRING, "pattern": r":\d+$"}, "function": STRING},
    "additionalProperties": False,
}
STACK = {"type": "array", "items": PLACE}
LOCKS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "kind", "location"],
        "properties": {"name": STRING, "kind": STRING, "location": STRING},
    },
}
DOCUMENT = {
    "type": "object",
    "required": ["schema", "version", "command", "exit_status", "counts", "notes", "processes",
                 "findings"],
    "properties": {
        "schema": {"const": "raceway-report/1"},
        "exit_status": {"type": ["integer", "null"]},
        "counts": {
            "required": ["events", "accesses", "actors", "variables", "objects", "locks",
                         "processes", "dropped", "internal_errors"],
            "additionalProperties": COUNT,
        },
        "processes": {"items": {"required": ["pid", "command", "ops", "ended"]}},
        "findings": {
            "items": {
                "required": ["id", "type", "severity", "certainty", "variable", "locks",
                             "accesses", "count", "message", "why", "fix", "steps", "process"],
                "properties": {
                    "type": {"enum": ["data-race", "atomicity-violation", "lock-order-inversion"]},
                    "severity": {"enum": ["critical", "warning", "info"]},
                    "certainty": {"enum": ["observed", "predicted"]},
                    "locks": LOCKS,
                    "steps": {"items": {"required": ["actor", "name", "action", "line", "detail"]}},
                    "accesses": {
                        "items": {
                            "required": ["access", "operation", "role", "actor", "started_by",
                                         "location", "function", "stack", "locks"],
                            "properties": {
                                "access": {"enum": ["read", "write"]},
                                "actor": STRING,
                                "location": STRING,
                                "stack": STACK,
                                "locks": LOCKS,
                                "started_by": {
                                    "type": ["object", "null"],
                                    "properties": {"actor": STRING, "stack": STACK},
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}  # fmt: skip


def fail(text: str) -> None:
    pytest.fail(f"{text} is no JSON")


def decoded(report: Report) -> JsonObject:
    return json.loads(encode_document(report_document(report)), parse_constant=fail)


def test_the_document_keeps_the_schema(report: Report) -> None:
    """Every key that programs rely on is there."""
    processes = (ProcessInfo(7, "python bank.py", 9000, "exit", "bank"),)
    document = decoded(replace(report, processes=processes))

    jsonschema.validate(document, DOCUMENT)
    assert document["schema"] == SCHEMA
    assert document["version"] == raceway.__version__
    assert document["processes"] == [
        {"pid": 7, "name": "bank", "command": "python bank.py", "ops": 9000, "ended": "exit"}
    ]


def test_an_access_tells_all(lost_update: Finding) -> None:
    """The last access of the example, key by key."""
    document = decoded(Report((lost_update,)))

    expected = {
        "access": "write",
        "operation": "write",
        "role": "other",
        "actor": "Thread-2 (worker)",
        "actor_kind": "thread",
        "actor_number": 1,
        "process": 7,
        "started_by": {
            "actor": "MainThread",
            "stack": [
                {"location": "/usr/lib/python3.11/threading.py:900", "function": "Thread.start"},
                {"location": "/app/bank.py:41", "function": "main"},
            ],
        },
        "location": "/app/bank.py:14",
        "function": "Account.withdraw",
        "stack": [
            {"location": "/app/bank.py:14", "function": "Account.withdraw"},
            {"location": "/usr/lib/python3.11/threading.py:950", "function": "Thread.run"},
            {"location": "/app/bank.py:26", "function": "audited_worker"},
        ],
        "locks": [{"name": "audit", "kind": "Lock", "location": "/app/bank.py:4"}],
        "value": 70,
    }
    assert expected == document["findings"][0]["accesses"][2]
    assert document["findings"][0]["steps"][1] == {
        "actor": 1,
        "name": "Thread-2 (worker)",
        "action": "acquire",
        "line": 25,
        "detail": "audit",
    }


def test_the_location_is_in_the_program(lost_update: Finding) -> None:
    """What random.choice() reads is read by who calls it; the stack tells the rest."""
    access = lost_update.accesses[2]
    inside = Frame("/usr/lib/python3.11/random.py", 373, "Random.choice")
    finding = replace(lost_update, accesses=(replace(access, stack=(inside, *access.stack)),))

    (shown,) = decoded(Report((finding,)))["findings"][0]["accesses"]

    assert (shown["location"], shown["function"]) == ("/app/bank.py:14", "Account.withdraw")
    assert [frame["function"] for frame in shown["stack"][:2]] == [
        "Random.choice",
        "Account.withdraw",
    ]


def test_an_unknown_value_has_no_key(data_race: Finding) -> None:
    """None is a value; unknown is the absence of the key."""
    first, second = decoded(Report((data_race,)))["findings"][0]["accesses"]

    assert "value" not in first
    assert second["value"] == "x"
    assert first["started_by"] is None


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError


class Loud(int):
    def __repr__(self) -> str:
        return "\x1b[2J" * 1000


class Color(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (1.5, 1.5),
        ("x", "x"),
        ("größe", "größe"),
        ("\ud800", r"\ud800"),
        ("x" * 5000, "x" * 997 + "..."),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        pytest.param(10**10_000, "<int of 33220 bits>", id="huge"),
        (b"\xff", r"b'\xff'"),
        (Color.RED, repr(Color.RED)),
        (Hostile(), "<Hostile>"),
        (Loud(), ("\x1b[2J" * 1000)[:197] + "..."),
    ],
)
def test_any_value_gives_valid_json(value: object, expected: object) -> None:
    """What JSON has stays itself; everything else becomes bounded text."""
    access = Access("read", "read", Actor("T"), (Frame("f", 1, "f"),), (), value, has_value=True)
    finding = Finding("RW-1", "data-race", "info", "observed", "v", "m", (access,))

    assert expected == decoded(Report((finding,)))["findings"][0]["accesses"][0]["value"]


def test_the_encoding_is_ascii(report: Report) -> None:
    """A reader with the wrong default encoding still reads it right."""
    odd = replace(report, notes=("größe \udcff",), command=("\udc80",))
    text = encode_document(report_document(odd))

    assert text.isascii()
    assert json.loads(text)["notes"] == ["größe \\udcff"]


def test_a_missing_stack_is_survived() -> None:
    """It breaks the model's promise, and still must not cost the whole report."""
    finding = Finding(
        "RW-1", "data-race", "info", "observed", "v", "m", (Access("read", "", Actor(""), ()),)
    )

    assert decoded(Report((finding,)))["findings"][0]["accesses"][0]["location"] == "<unknown>:0"
