"""Objects and containers that record what is done with them.

Only the two public functions stand here, and they import nothing before there is something to
watch: every instrumented program imports this package.
"""

from __future__ import annotations

import sys

from raceway.record.recorder import lost, status

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

__all__ = ["unwatch", "watch"]

_NOTHING: Any = object()
_IMMUTABLE = (
    bool, int, float, complex, str, bytes, type(None), tuple, frozenset, range, slice,
    type(...), type(NotImplemented),
)  # fmt: skip


def _measure(obj: Any = None, name: Any = None, **options: Any) -> int:  # noqa: ARG001 - the signature of watch()
    """Return the references to a temporary that came as the argument of a call."""
    return sys.getrefcount(obj)


_TEMPORARY = _measure([])
_NO_DATA: Any = (
    type(sys._getframe),
    type(sys._getframe()),
    type(str.join),
    type(object().__str__),
    type(_measure),
    type(_measure.__code__),
)


def watch(obj: Any = _NOTHING, name: str | None = None, **options: Any) -> Any:
    """Track reads and writes of ``obj`` and return the tracked object.

    A container is copied: use the returned one from then on.  An object of a class of yours stays
    the same object.  A class is watched as a whole, all its objects included: use it as a
    decorator.  Watching an object twice returns the same object.  Safe to call from several
    threads.  Without a running recorder ``obj`` is returned as it is.

    Args:
        obj: An instance, a class, a dict, list, set or deque.
        name: What reports call it: ``acct`` gives ``acct.balance``, ``acct['k']``.  By default
            the name that the result is assigned to, or that of the type.
        options: Reserved.

    Returns:
        The object to use from now on; a decorator when called without ``obj``.

    Raises:
        CannotWatch: ``obj`` is immutable, or nothing that holds data.

    Example:
        >>> accounts = watch({"alice": 10})
        >>> accounts["alice"]
        10
    """
    if obj is _NOTHING:
        return lambda cls: watch(cls, name, **options)
    check(obj)
    if not status.active:
        return obj
    try:
        from raceway.watch.watching import watch_now

        # On a line of its own: the arguments of another call would be counted, too.
        held = sys.getrefcount(obj) - _TEMPORARY
        # Nobody is the caller if C code calls at the bottom of a greenlet.  In a variable of its
        # own this frame would keep the object.
        return watch_now(obj, name, sys._getframe().f_back or sys._getframe(), held)
    except BaseException as error:
        if type(error).__name__ == "CannotWatch":  # its module is imported when it is raised
            raise
        lost("watch", error)
        return obj


def unwatch(obj: Any) -> Any:
    """Stop tracking ``obj``.

    Args:
        obj: What :func:`watch` returned; anything else is returned as it is.

    Returns:
        The object itself, of its original class again, or a plain copy of a container: the
        tracked one remains usable and records nothing any more.

    Example:
        >>> type(unwatch(watch([1, 2]))) is list
        True
    """
    watching = sys.modules.get("raceway.watch.watching")
    try:
        return obj if watching is None else watching.unwatch_now(obj)
    except BaseException as error:
        lost("unwatch", error)
        return obj


def check(obj: Any) -> None:
    """Refuse what holds nothing that could change.

    Raises:
        CannotWatch: It does not; the text says why, and what to do.
    """
    kind = type(obj)
    reason = ""
    if isinstance(obj, _IMMUTABLE) and not getattr(obj, "__dict__", None):
        reason = "it cannot change"
    elif kind in _NO_DATA:
        reason = "it holds no data"
    elif kind.__module__ in {"_thread", "threading", "queue", "_queue"}:
        reason = "it is what orders the accesses to other things"
    elif isinstance(obj, type) and not obj.__flags__ & 1 << 9:
        reason = "the class is part of the interpreter"
    elif "enum" in sys.modules and isinstance(obj, sys.modules["enum"].Enum):
        reason = "it is a constant"
    if reason:
        from raceway.exceptions import CannotWatch

        raise CannotWatch(
            f"cannot watch {kind.__name__!r} object: {reason}; watch the object, dict, list, set "
            "or deque that holds it, or a class"
        )
