"""What is also written in C: each such module does the same as Python beside it, faster.

Imported at the start of every instrumented process: of the standard library only what is there
already.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any


def load(name: str) -> tuple[Any, str]:
    """Import a module written in C, if there is one and it is wanted.

    Args:
        name: Its full name.

    Returns:
        The module, or None; and why it is None, or an empty text.

    Example:
        >>> load("raceway.model._no_such_module")[0] is None
        True
    """
    if os.environ.get("RACEWAY_PURE_PYTHON", "") not in ("", "0"):
        return None, "RACEWAY_PURE_PYTHON is set"
    try:
        __import__(name)
    except ImportError as error:  # there was no compiler, or a system that it does not know
        return None, str(error)
    return sys.modules[name], ""
