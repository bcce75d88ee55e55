"""Which parts of Raceway are in C here, and why the others are not."""

from __future__ import annotations

from typing import Final

from raceway.model.compiled import load
from raceway.record.accelerator import reason

_MODULES: Final = {
    "clocks": "raceway.model._clocks",
    "analysis": "raceway.pipeline._replay",
    "sigterm": "raceway.pipeline._sigterm",
}


def missing() -> dict[str, str]:
    """Return by part why it is not in C; an empty text if it is.

    Example:
        >>> list(missing())
        ['recorder', 'clocks', 'analysis', 'sigterm']
    """
    return {"recorder": reason, **{part: load(module)[1] for part, module in _MODULES.items()}}


def summary() -> str:
    """Return the parts in a few words."""
    parts = missing()
    in_c = [part for part, why_not in parts.items() if not why_not]
    in_python = [part for part, why_not in parts.items() if why_not]
    said = [f"{', '.join(in_c)} in C"] if in_c else []
    return "; ".join([*said, f"{', '.join(in_python)} in Python"] if in_python else said)
