"""Whose locks make no ops: the standard library's, our own and those of development tools.

The locks inside ``queue``, ``logging`` or ``concurrent.futures`` order the program by accident: two
threads that happened to log one after the other are not synchronised by that.  What those modules
promise (put before get, set before wait) is recorded at their own API instead.  Locks of other
libraries are recorded: a lock is at most a soft order, so that it cannot hide a race for good, and
what it protects is often the user's.

Who creates a lock is told by ``__name__`` in the globals of the calling frame.
"""

from __future__ import annotations

import os
import sys

from raceway.record.recorder import lost

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

TOOLS = frozenset(
    {
        "raceway", "raceway_autopatch", "wrapt", "gevent", "greenlet", "trio", "uvloop", "zope",
        "pytest", "_pytest", "pluggy", "xdist", "execnet", "hypothesis", "coverage", "debugpy",
        "pydevd", "_pydevd_bundle", "_pydev_bundle", "pip", "setuptools", "pkg_resources",
    }
)  # fmt: skip
"""Top-level packages beside the standard library whose locks are nobody's business."""

_CALLS_FACTORIES = "raceway.watch.tracked_dict"
"""Calls the factory of a defaultdict in the name of the program."""

_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep

known: dict[Any, bool] = {}
"""What :func:`is_internal` has answered, by the names of modules."""


NOBODY: FrameType = eval(  # noqa: S307 - a frame that nothing runs in
    compile("_getframe()", "<no Python code>", "eval"), {"_getframe": sys._getframe, "__name__": ""}
)
"""Stands for the caller where C code calls, at the bottom of a thread or greenlet."""


def caller() -> FrameType:
    """Return the frame of who has called the function that asks."""
    try:
        return sys._getframe(2)
    except ValueError:
        return NOBODY


def is_internal(namespace: dict[str, Any]) -> bool:
    """Return whether code with these globals creates locks for itself, not for the user.

    Safe to call from several threads; the answer for a module is looked up once.
    """
    name = namespace.get("__name__")
    if type(name) is not str:  # somebody's own idea of a name
        return False
    try:
        return known[name]
    except KeyError:
        pass
    try:
        internal = known[name] = _decide(name, namespace.get("__file__"))
    except BaseException as error:  # a relative path, and no working directory any more
        lost("internals", error)
        return False
    return internal


def _decide(name: str, file: object) -> bool:
    if name == _CALLS_FACTORIES:
        return False
    top = name.partition(".")[0]
    if top in TOOLS:
        return True
    if top not in sys.stdlib_module_names:
        return False
    # A program's own module may have the name of one of the library's (code.py, types.py).
    return not isinstance(file, str) or os.path.abspath(file).startswith(_LIBRARY)
