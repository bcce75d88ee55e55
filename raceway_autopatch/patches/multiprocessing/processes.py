"""multiprocessing.process: from ``start`` to the child's first step, from its end to ``join``.

What the child has to know of its birth goes with the process object: under ``fork`` in memory, else
in its pickle, as plain values.  A class that decides for itself what is pickled may drop it; then
the child is a process that nobody has started.
"""

from __future__ import annotations

import _thread
import os
import sys
import weakref

from raceway.record import recorder, shared
from raceway_autopatch.patching import around, contained, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BIRTH = "_raceway_birth"
"""On a process: name, title, time, and the parent's number of the child's main actor."""
JOINED = "_raceway_joined"
SINGLE = "_raceway_single"
"""On a process: it is the only worker of a pool."""

_here = _thread._local()
"""On this thread: ``single`` while the only worker of a pool is being started."""


def make_single(single: bool) -> bool:
    """Let what this thread starts be the only worker of its pool, or not; return what was so."""
    before: bool = getattr(_here, "single", False)
    _here.single = bool(single)
    return before


def is_single() -> bool:
    """Return whether this process is the only worker of a pool."""
    process = sys.modules["multiprocessing.process"].current_process()
    return bool(process.__dict__.get(SINGLE))


def _starting(process: Any) -> shared.Birth | None:
    if not getattr(recorder.status.sink, "analysed_locally", False):
        return None
    birth = shared.give_birth(str(process._name), 4)
    process.__dict__[BIRTH] = (birth.name, birth.title, birth.time, birth.actor)
    if getattr(_here, "single", False):
        process.__dict__[SINGLE] = True
    recorder.flush()
    return birth


def _start(original: Callable[..., Any]) -> Callable[..., Any]:
    starting, announce = contained(_starting), contained(shared.announce)

    def start(self: Any) -> Any:
        before = announce(starting(self))
        try:
            return original(self)
        finally:
            announce(before)

    return start


def _begins(process: Any) -> None:
    birth = process.__dict__.get(BIRTH)
    if birth is not None and shared.born_as() != birth[0]:
        shared.be_born(*birth[:3])


def _bootstrap(original: Callable[..., Any]) -> Callable[..., Any]:
    begins = contained(_begins)

    def _bootstrap(self: Any, *args: Any, **kwargs: Any) -> Any:
        begins(self)
        return original(self, *args, **kwargs)

    return _bootstrap


def _asked(process: Any) -> None:
    """Record what who asks for a process learns if it has ended; once for each in turn."""
    popen = process._popen
    status = getattr(popen, "returncode", None)
    birth = process.__dict__.get(BIRTH)
    if status is None or birth is None:
        return
    actor = recorder.current().actor
    if process.__dict__.get(JOINED) != actor:
        process.__dict__[JOINED] = actor
        shared.ended(birth[3], popen.pid, status, birth[1])


def _then_ask(original: Callable[..., Any]) -> Callable[..., Any]:
    asked = contained(_asked)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        asked(self)
        return result

    return method


def _exitcode(original: Any) -> Any:
    return property(_then_ask(original.fget), original.fset, original.fdel, original.__doc__)


_reaped: weakref.WeakSet[Any] = weakref.WeakSet()
"""Processes that were reaped when nobody had asked for them."""


def _cleanup(original: Callable[..., Any]) -> Callable[..., Any]:
    """``start`` looks for children that have ended: what it finds depends on the moment."""
    by_chance, note = contained(shared.by_chance), contained(_reaped.update)
    module = sys.modules["multiprocessing.process"]

    def _cleanup() -> Any:
        children = list(module._children)
        before = by_chance(True)
        try:
            return original()
        finally:
            by_chance(bool(before))
            note([child for child in children if child not in module._children])

    return _cleanup


def _ask_for_all() -> None:
    own = os.getpid()
    for process in list(_reaped):
        if process._parent_pid == own:
            _asked(process)


def _active_children(original: Callable[..., Any]) -> Callable[..., Any]:
    """Who asks which children are active knows that the others have ended."""
    ask_for_all = contained(_ask_for_all)

    def active_children() -> Any:
        children = original()
        ask_for_all()
        return children

    return active_children


PATCHES = (
    around("_cleanup", _cleanup, optional=True),
    around("active_children", _active_children),
    around("BaseProcess.start", _start),
    around("BaseProcess._bootstrap", _bootstrap),
    around("BaseProcess.join", _then_ask),
    around("BaseProcess.is_alive", _then_ask),
    replace("BaseProcess.exitcode", _exitcode),
)
