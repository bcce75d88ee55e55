"""The ends of a process that ``atexit`` does not know: ``os._exit`` and ``os.exec*``.

``os._exit``, ``os.execv`` and ``os.execve``, in which all of ``os.exec*`` end, are replaced by
functions that deliver first. They do nothing else, and a process that has tracked nothing since it
was forked waits for nothing.

Under ``raceway-run`` all of this is done there, and nothing here.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

GRACE = 2.0
"""Seconds that a server which does not answer may hold up the end of the process."""

_watched = False


def watch(
    ending: Callable[[], None], leaving: Callable[[], None], staying: Callable[[], None]
) -> None:
    """Deliver before this process ends by ``os._exit`` or becomes another program; once.

    Args:
        ending: Called when the process ends for sure.
        leaving: Called when another program is to take its place, which can fail.
        staying: Called when it has failed, by the same thread.
    """
    global _watched  # noqa: PLW0603 - what a process has switched on is global
    if _watched or is_watched_elsewhere():
        return
    _watched = True
    takes_descriptors = getattr(os, "execve", None) in os.supports_fd
    os._exit = _ending(os._exit, ending)
    for name in ("execv", "execve"):
        if hasattr(os, name):
            setattr(os, name, _leaving(getattr(os, name), leaving, staying))
    if takes_descriptors:
        os.supports_fd.add(os.execve)  # a set of functions, in which programs look


def is_watched_elsewhere() -> bool:
    """Return whether the ends of this process are seen to by ``raceway-run``."""
    exits = sys.modules.get("raceway_autopatch.exits")
    return exits is not None and bool(exits.is_installed())


def _ending(original: Callable[..., Any], ending: Callable[[], None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _exit(*args: Any, **kwargs: Any) -> Any:
        try:
            ending()
        finally:  # what a signal handler raises meanwhile has nowhere to go
            original(*args, **kwargs)

    return _exit


def _leaving(
    original: Callable[..., Any], leaving: Callable[[], None], staying: Callable[[], None]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def execute(*args: Any, **kwargs: Any) -> Any:
        try:
            leaving()
            return original(*args, **kwargs)
        finally:
            staying()

    return execute
