"""Suppressions in files: tables ``[[tool.raceway.suppress]]`` or ``[[suppress]]``.

A table that cannot be understood does not count and is told; the others do.  So a mistake shows
more than was meant, and never less.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, get_args

from raceway.model.findings import FindingType
from raceway.triage.patterns import function_names, matches, variable_names

if TYPE_CHECKING:
    from raceway.model.findings import Finding

TYPES: Final = get_args(FindingType)
_SELECTORS: Final = ("fingerprint", "variable", "function", "type")
_KEYS: Final = (*_SELECTORS, "reason", "expires")
_FINGERPRINT: Final = re.compile(r"RW-[0-9a-f]+")


class _BadTable(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The message says what is wrong with a table, and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """One suppression of a file; what is empty says nothing.

    Attributes:
        by: Where it is written.
        reason: Why it is there.
        fingerprint: Fingerprint of the finding.
        variable: Pattern for the name of the variable.
        function: Pattern for the name of one of the functions.
        type: Kind of finding.
        expires: The last day on which it counts.
    """

    by: str
    reason: str
    fingerprint: str = ""
    variable: str = ""
    function: str = ""
    type: str = ""
    expires: date | None = None

    def selects(self, finding: Finding, root: str) -> bool:
        """Tell whether all that the table says is true of the finding."""
        return (
            (not self.fingerprint or self.fingerprint == finding.fingerprint)
            and (not self.type or self.type == finding.type)
            and (not self.variable or _any(self.variable, variable_names(finding)))
            and (not self.function or _any(self.function, function_names(finding, root)))
        )

    def has_expired(self, today: date | None = None) -> bool:
        """Tell whether the last day on which it counts is over."""
        day = today or date.today()  # noqa: DTZ011 - a day of whoever reads the report
        return self.expires is not None and self.expires < day

    def __str__(self) -> str:
        values = ((key, getattr(self, key)) for key in _SELECTORS)
        return ", ".join(f"{key} = {value!r}" for key, value in values if value)


def _any(pattern: str, names: list[str] | set[str]) -> bool:
    return any(matches(pattern, name) for name in names)


def parse(tables: object, path: str, text: str, header: str) -> tuple[list[Table], list[str]]:
    """Understand the tables of one file.

    Args:
        tables: What the file has under the header.
        path: The file, as it is to be called.
        text: Its text; for the lines on which the tables begin.
        header: ``tool.raceway.suppress`` or ``suppress``.

    Returns:
        The tables that are right, and a sentence for each that is not.
    """
    if not isinstance(tables, list):
        return [], [f"{path}: {header} is no list of tables: begin each with [[{header}]]"]
    understood: list[Table] = []
    problems: list[str] = []
    for table, by in zip(tables, _places(tables, path, text, header), strict=True):
        try:
            understood.append(_table(table, by))
        except _BadTable as error:
            problems.append(f"{by}: [[{header}]] does not count: {error}")
    return understood, problems


def _places(tables: list[object], path: str, text: str, header: str) -> list[str]:
    """Return where each table begins: TOML readers do not say."""
    spaced = r"\s*\.\s*".join(map(re.escape, header.split(".")))
    begins = re.compile(rf"\s*\[\[\s*{spaced}\s*\]\]")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if begins.match(line)]
    if len(lines) == len(tables):
        return [f"{path}:{line}" for line in lines]
    return [f"{path} (number {number})" for number in range(1, len(tables) + 1)]


def _table(table: object, by: str) -> Table:
    if not isinstance(table, dict):
        raise _BadTable("it is no table: give keys and values")
    for key in table:
        if key not in _KEYS:
            from difflib import get_close_matches  # late: few make mistakes

            near = get_close_matches(key, _KEYS, 1, 0.7)
            remedy = f"did you mean {near[0]!r}?" if near else f"give {', '.join(_KEYS)}"
            raise _BadTable(f"there is no key {key!r}: {remedy}")
    values = {key: _text(key, table[key]) for key in _KEYS[:-1] if key in table}
    if "reason" not in values:
        raise _BadTable("it has no reason: say why, as in reason = 'a counter for statistics'")
    if values.keys() == {"reason"}:
        raise _BadTable(f"it says nothing of the findings: give {', '.join(_SELECTORS)}")
    if not _FINGERPRINT.fullmatch(values.get("fingerprint", "RW-0")):
        raise _bad(table, "fingerprint", "give it as the report does, such as 'RW-087ab4d8'")
    if values.get("type", TYPES[0]) not in TYPES:
        raise _bad(table, "type", f"give {', '.join(map(repr, TYPES))}")
    return Table(by, expires=_date(table), **values)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _bad({key: value}, key, "give a text that is not empty")
    return value.strip()


def _date(table: dict[str, Any]) -> date | None:
    value = table.get("expires")
    if isinstance(value, datetime):
        return value.date()
    if value is not None and not isinstance(value, date):
        raise _bad(table, "expires", "give a date without quotes, such as 2030-12-31")
    return value


def _bad(table: dict[str, Any], key: str, remedy: str) -> _BadTable:
    return _BadTable(f"{key} = {table[key]!r} is not usable: {remedy}")
