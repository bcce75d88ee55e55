"""The baseline: a file with the fingerprints of the findings that are known already.

One finding a line and sorted, so that a diff shows which bugs came and which went.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from raceway.model.findings import KnownFinding
from raceway.project import Unreadable

if TYPE_CHECKING:
    from raceway.model.findings import Finding, Report

SCHEMA: Final = "raceway-baseline/1"
DEFAULT_FILE: Final = "raceway-baseline.json"


def read_baseline(path: str) -> tuple[KnownFinding, ...]:
    """Read a baseline.

    Raises:
        Unreadable: It cannot be read, or is no baseline.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"{path}: there is no such baseline: raceway baseline REPORT.json makes one"
        raise Unreadable(message) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unreadable(f"{path}: the baseline cannot be read: {reason}") from None
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path}: is not valid JSON: make it anew ({error})") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        message = f"{path}: is no baseline: make one of it with raceway baseline REPORT.json"
        raise Unreadable(message)
    found = document.get("findings")
    if not isinstance(found, list):
        raise Unreadable(f"{path}: has no list 'findings': make it anew")
    return tuple(_known(entry, path) for entry in found)


def _known(entry: object, path: str) -> KnownFinding:
    if not isinstance(entry, dict) or not isinstance(entry.get("fingerprint"), str):
        raise Unreadable(f"{path}: each finding needs a 'fingerprint', and {entry!r} has none")
    others = (entry.get(key) for key in ("type", "variable"))
    return KnownFinding(
        entry["fingerprint"], *(text if isinstance(text, str) else "" for text in others)
    )


def encode_baseline(report: Report) -> str:
    """Return the text of a baseline with all that was found and is not suppressed."""
    found = (*report.findings, *report.known)
    known = {finding.fingerprint: _entry(finding) for finding in found}
    entries = [json.dumps(known[fingerprint]) for fingerprint in sorted(known)]
    lines = "".join(f"\n    {entry}," for entry in entries).rstrip(",")
    return f'{{\n  "schema": "{SCHEMA}",\n  "findings": [{lines}\n  ]\n}}\n'


def _entry(finding: Finding) -> dict[str, Any]:
    locks = ", ".join(lock.name for lock in finding.locks)
    return {
        "fingerprint": finding.fingerprint,
        "type": finding.type,
        # Which item of a container comes first differs from run to run.
        "variable": re.sub(r"\[[^\]]*\]", "[*]", finding.variable) or locks,
    }
