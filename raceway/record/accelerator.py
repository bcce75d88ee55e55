"""The hot path in C, where it could be built.

``_accelerator.c`` does what ``recorder``, ``watch.attributes`` and ``lock_ops`` do in Python, for
the few things that are called most.  Without it, or with ``RACEWAY_PURE_PYTHON=1``, everything
works the same, more slowly.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any


def _load() -> tuple[Any, str]:
    if os.environ.get("RACEWAY_PURE_PYTHON", "") not in ("", "0"):
        return None, "RACEWAY_PURE_PYTHON is set"
    try:
        from raceway.record import _accelerator  # type: ignore[attr-defined]  # written in C
    except ImportError as error:
        return None, str(error)
    if _accelerator.is_configured():
        return None, "another recorder of this process has it"
    return _accelerator, ""


accelerator, reason = _load()
"""The module written in C, or None, and then why."""
