"""uvloop: the same turns as those of asyncio's loops, seen from outside.

uvloop's handles are C objects that nobody can look into, but whatever it is to call comes through
methods of its loop, also from tasks and futures, which are asyncio's.  So these methods are given
a :class:`_Turn` instead of the callback.

What uvloop calls without them, the methods of protocols, is the loop's thread: connections are
then not told apart, and nobody is accused for that.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import FUNCTION, METHOD
from raceway_autopatch.patches.asyncio.handles import SENT, create_task, handle_run, run_forever
from raceway_autopatch.patching import around

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Turn:
    """A callback with its arguments, which a loop is to call: what asyncio's handles are."""

    __slots__ = ("_args", "_callback")

    def __init__(self, callback: Any, args: tuple[Any, ...]) -> None:
        self._callback = callback
        self._args = args
        recorder.sync(SENT & ops.OP_MASK, id(self) | SENT >> ops.OP_BITS)

    def __call__(self) -> None:
        _run(self)

    def __repr__(self) -> str:
        """Show the callback: uvloop puts this into its messages."""
        return repr(self._callback)


def _call(turn: _Turn) -> None:
    turn._callback(*turn._args)  # the two are one mechanism


_run = handle_run(_call)


def _first(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``call_soon(callback, *args, context=None)`` and its like."""
    status = recorder.status

    def call(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        if status.active and callable(callback):
            return original(self, _Turn(callback, args), **kwargs)
        return original(self, callback, *args, **kwargs)

    return call


def _second(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``call_later(delay, callback, *args, context=None)`` and its like."""
    status = recorder.status

    def call(self: Any, when: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        # call_at() calls call_later().
        if status.active and type(callback) is not _Turn and _may_be_called(callback):
            return original(self, when, _Turn(callback, args), **kwargs)
        return original(self, when, callback, *args, **kwargs)

    return call


def _may_be_called(callback: Any) -> bool:
    """Tell what is called from what uvloop refuses: it has to see a coroutine function itself."""
    function = callback.__func__ if type(callback) is METHOD else callback
    is_async = type(function) is FUNCTION and function.__code__.co_flags & _CO_COROUTINE
    return callable(callback) and not is_async


_CO_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect is slow to import

PATCHES = (
    around("Loop.call_soon", _first),
    around("Loop.call_soon_threadsafe", _first),
    around("Loop.call_later", _second),
    around("Loop.call_at", _second),
    around("Loop.add_reader", _second),
    around("Loop.add_writer", _second),
    around("Loop.add_signal_handler", _second),
    around("Loop.create_task", create_task),
    around("Loop.run_forever", run_forever),
)
