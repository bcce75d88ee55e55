"""_thread: threads and locks that a program makes without ``threading``.

Emits: fork and end of threads; acquire and release of locks.

What the standard library takes from here it gets as it was: the import system alone makes a lock
for each module, and ``threading`` is followed at its own API.
"""

from __future__ import annotations

import sys

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import name_of
from raceway_autopatch import locks
from raceway_autopatch.internals import caller, is_internal
from raceway_autopatch.patching import apply, around, contained, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from raceway_autopatch.patching import Applied

SUPPORTS = None


class _Body:
    """What a thread runs: the program's function, as an actor of its own."""

    __slots__ = ("_frame", "_function", "_state")

    def __init__(self, function: Any) -> None:
        self._frame = context.current_frame()
        self._function = function
        self._state = recorder.new_state(f"thread {name_of(function)}", "thread")

    def __repr__(self) -> str:
        return repr(self._function)  # shown when it fails

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        recorder.local.s = recorder.local.thread = self._state
        context.resume(self._frame)
        failed: BaseException | None = None
        try:
            self._function(*args, **kwargs)
        except SystemExit:
            raise
        except BaseException as error:
            if not _NAMES_FUNCTION:
                raise
            failed = error
        finally:
            _ends(self._state)
        if failed is not None:
            _report(failed, self._function)


_NAMES_FUNCTION = sys.version_info < (3, 13)
"""What a thread has raised is reported with its function as an object, and not as a text."""


def _report(error: BaseException, function: Any) -> None:
    """Do what the interpreter does, which would give our object to the hook."""
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
    # The type of what a hook is given has no name in Python.
    kinds: Any = [kind for kind in tuple.__subclasses__() if kind.__name__ == "UnraisableHookArgs"]
    text = "Exception ignored in thread started by"
    hook = getattr(sys, "unraisablehook", sys.__unraisablehook__)
    hook(kinds[0]((type(error), error, error.__traceback__, text, function)))


_ends = contained(lambda state: recorder.sync(ops.END, state.actor), "raw thread ends")


def _body_of(function: Any) -> _Body:
    body = _Body(function)
    recorder.fork_actor(body._state)
    return body


def _start(original: Callable[..., Any]) -> Callable[..., Any]:
    body_of = contained(_body_of)

    def start_new_thread(*args: Any) -> Any:
        if args and callable(args[0]) and not is_internal(caller().f_globals):
            args = (body_of(args[0]) or args[0], *args[1:])
        return original(*args)

    return start_new_thread


_RAW = (
    replace("allocate_lock", locks.lock_factory),
    replace("allocate", locks.lock_factory),
    around("start_new_thread", _start),
    around("start_new", _start),
)
_applied: list[Applied] = []


def setup() -> None:
    """Patch ``_thread``: no import of it could be waited for, the interpreter begins with it."""
    _applied.append(apply(sys.modules["_thread"], _RAW))


def teardown() -> None:
    """Take everything back."""
    while _applied:  # nothing, if it could not be patched
        _applied.pop().undo()


PATCHES = ()
