"""Findings as the store has them, and as reports show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raceway.report.reading import report_of

if TYPE_CHECKING:
    from raceway.model.findings import Finding


def finding_of(document: dict[str, Any]) -> Finding:
    """Return the finding that a row describes.

    Args:
        document: As :class:`raceway.server.findings_store.FindingsStore` returns it.
    """
    report: dict[str, Any] = {"counts": {}, "processes": [], "notes": [], "command": []}
    plain = {**document, "suppressed": None, "known": False, "same_as": None}
    return report_of({**report, "exit_status": None, "findings": [plain]}).findings[0]
