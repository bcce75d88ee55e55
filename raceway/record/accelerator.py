"""The hot path in C, where it could be built.

``_accelerator.c`` does what ``recorder``, ``watch.attributes`` and ``lock_ops`` do in Python, for
the few things that are called most.  Without it, or with ``RACEWAY_PURE_PYTHON=1``, everything
works the same, more slowly.
"""

from __future__ import annotations

from raceway.model.compiled import load

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any


def _load() -> tuple[Any, str]:
    module, why_not = load("raceway.record._accelerator")
    if module is not None and module.is_configured():
        return None, "another recorder of this process has it"
    return module, why_not


accelerator, reason = _load()
"""The module written in C, or None, and then why."""
