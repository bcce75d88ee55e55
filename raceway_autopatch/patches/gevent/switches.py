"""gevent.hub: whose turn it is, by a trace function of greenlet in every thread with a hub.

``greenlet.settrace`` holds for one OS thread.  It is installed when the hub of the thread is made,
so that threads without gevent have none, and calls the one that was there before.  It only reads
attributes and records: asking a dying greenlet for its state has broken programs (ddtrace#16424).

Greenlets keep their actor in their ``__dict__``, also across other patches: what was installed
when a greenlet was switched out is installed again when it is switched in.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import around, internal_error

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

    from raceway.record.recorder import State

ATTRIBUTE = "_raceway_state"
_serial = 0


def title(greenlet: Any) -> str:
    """Name a greenlet for reports.

    Not by its own name: reading that gives it a number, which the program would see.
    """
    global _serial
    _serial += 1
    run = getattr(greenlet, "_run", None) or getattr(greenlet, "run", None)
    name = getattr(run, "__name__", "")
    if name in ("", "_run"):
        name = type(greenlet).__name__
    return f"Greenlet-{_serial} ({name})"


def known_state(greenlet: Any) -> State | None:
    """Return the actor of a greenlet that has one."""
    state = getattr(greenlet, "__dict__", {}).get(ATTRIBUTE)
    return state if type(state) is recorder.State else None


def give_state(greenlet: Any) -> State:
    """Give a greenlet its actor, in the group of whoever runs on this thread."""
    state = recorder.new_state(title(greenlet), "greenlet", recorder.current().group)
    greenlet._raceway_state = state
    return state


def _find_state(greenlet: Any) -> State:
    """Return the actor of a greenlet that runs for the first time."""
    thread = recorder.thread_state()
    if greenlet.parent is None:
        return thread
    if isinstance(greenlet, sys.modules["gevent.hub"].Hub):
        # Not the thread's own: the hub sends on behalf of nobody, and would hand on all that the
        # main greenlet has learned.
        greenlet._raceway_state = hub = recorder.new_state("gevent hub", "greenlet", thread.group)
        _fork_for(thread, hub, None, -1)
        return hub
    state = give_state(greenlet)
    spawner = getattr(greenlet, "spawning_greenlet", None)
    spawner = spawner() if spawner is not None else None
    parent = known_state(spawner)
    if parent is None and spawner is not None and spawner.parent is None:
        parent = thread
    if parent is not None:
        _fork_for(parent, state, *_spawning_site(greenlet))
    return state


def _fork_for(parent: State, child: State, code: CodeType | None, offset: int) -> None:
    """Record a start on the spawner's behalf, later than it was: it could not be seen."""
    recorder.emit((parent.tok, child.actor << ops.OP_BITS | ops.FORK, code, offset))
    parent.tok += 1


def _spawning_site(greenlet: Any) -> tuple[CodeType | None, int]:
    frame = getattr(greenlet, "spawning_stack", None)
    while frame is not None:
        code = frame.f_code
        if "/gevent/" not in code.co_filename.replace("\\", "/"):
            for start, _, line in code.co_lines():
                if line == frame.f_lineno:
                    return code, start
            return code, 0
        frame = frame.f_back
    return None, -1


class Tracer:
    """The trace function of one thread."""

    def __init__(self, previous: Any) -> None:
        """Come before ``previous``, which is called as ever."""
        self.previous = previous

    def __call__(self, event: str, args: Any) -> None:
        """Record a switch; called by greenlet, already on the stack of the target."""
        if recorder.status.active and event in ("switch", "throw"):
            try:
                self._switch(*args)
            except Exception as error:  # it would reach whoever switches
                internal_error("greenlet switch", error)
        if self.previous is not None:
            self.previous(event, args)

    @staticmethod
    def _switch(origin: Any, target: Any) -> None:
        local = recorder.local
        before = recorder.current()
        hub = sys.modules["gevent.hub"].Hub
        saved = origin.__dict__
        if saved.get(ATTRIBUTE) is not before and not isinstance(origin, hub):
            saved[ATTRIBUTE] = before
        state = target.__dict__.get(ATTRIBUTE)
        if type(state) is not recorder.State:
            state = _find_state(target)
        local.s = state
        if isinstance(target, hub):
            state.tok += 1  # what its callbacks do is no repetition, but that it runs is no news
        else:
            recorder.switch_to(state)


def install_tracer() -> None:
    """Trace this thread, if it is not traced yet."""
    if getattr(recorder.local, "gevent", False):
        return
    greenlet = sys.modules.get("greenlet")
    if greenlet is not None:
        recorder.thread_state()
        recorder.local.gevent = True
        # Found like this after a fork, which forgets the flag.
        if not isinstance(greenlet.gettrace(), Tracer):
            greenlet.settrace(Tracer(greenlet.gettrace()))


def remove_tracer() -> None:
    """Leave this thread; in other threads the function stays and only passes on."""
    greenlet = sys.modules.get("greenlet")
    tracer = greenlet.gettrace() if greenlet is not None else None
    recorder.local.__dict__.pop("gevent", None)
    if greenlet is not None and isinstance(tracer, Tracer):
        greenlet.settrace(tracer.previous)


def _hub_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        try:
            install_tracer()
        except Exception as error:  # there must be a hub
            internal_error("gevent hub", error)
        original(self, *args, **kwargs)

    return __init__


HUB = (around("Hub.__init__", _hub_init),)
