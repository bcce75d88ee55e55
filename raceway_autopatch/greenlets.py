"""Greenlets: whose turn it is, by a trace function.

``greenlet.settrace`` holds for one OS thread.  It is installed when the hub of the thread is made,
and in the thread that imports greenlet, and calls the one that was there before.  It only reads
attributes and records: asking a dying greenlet for its state has broken programs (ddtrace#16424).

Greenlets keep their actor in their ``__dict__``, also across other patches: what was installed
when a greenlet was switched out is installed again when it is switched in.  Plain greenlets have
nothing but what the program stores there; their actors are kept beside them.

The program sees no trace function of ours: ``greenlet.settrace`` and ``gettrace`` are about the
one that comes after it.

A switch by way of a hub is no order.  Neither is one from greenlet to greenlet that carries
nothing, as those of a scheduler; one that carries a value hands it over, as ``send()`` of a
generator does, and the end of a raw greenlet is known to whom it returns to.  Where an asyncio loop
runs, such a greenlet is a part of the task that switches to it (SQLAlchemy's are), and nothing
changes.
"""

from __future__ import annotations

import sys

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub
from weakref import WeakKeyDictionary

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import name_of, type_name

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from raceway.record.recorder import State

ATTRIBUTE = "_raceway_state"
_STARTED_KEPT = 1 << 16
_serial = 0
_plain: WeakKeyDictionary[Any, State] = WeakKeyDictionary()
"""The actors of greenlets of no class of their own."""
_handed_over = recorder.next_channel()
"""From one raw greenlet to the next: sent and received in one step."""


def title(greenlet: Any) -> str:
    """Name a greenlet for reports.

    Not by its own name: reading that gives it a number, which the program would see.
    """
    global _serial
    _serial += 1
    run = getattr(greenlet, "_run", None) or getattr(greenlet, "run", None)
    name = name_of(run) if run is not None else "_run"
    if name == "_run":
        name = type_name(type(greenlet))
    return f"Greenlet-{_serial} ({name})"


def known_state(greenlet: Any) -> State | None:
    """Return the actor of a greenlet that has one."""
    state = _plain.get(greenlet) if type(greenlet) is _plain_type() else None
    if state is None:
        state = getattr(greenlet, "__dict__", {}).get(ATTRIBUTE)
    return state if type(state) is recorder.State else None


def _keep(greenlet: Any, state: State) -> None:
    if type(greenlet) is _plain_type():
        _plain[greenlet] = state
    else:
        greenlet.__dict__[ATTRIBUTE] = state


def _plain_type() -> Any:
    return getattr(sys.modules.get("greenlet"), "greenlet", None)


def give_state(greenlet: Any) -> State:
    """Give a greenlet its actor, in the group of whoever runs on this thread."""
    state = recorder.new_state(title(greenlet), "greenlet", recorder.current().group)
    _keep(greenlet, state)
    started().append(state.actor)
    return state


def started() -> deque[int]:
    """Return the greenlets that were started in this thread, by the numbers of their actors."""
    try:
        actors: deque[int] = recorder.local.greenlets
    except AttributeError:
        actors = recorder.local.greenlets = deque(maxlen=_STARTED_KEPT)
    return actors


def in_hub() -> bool:
    """Return whether a callback of gevent's own runs, which learns nothing."""
    return recorder.current() is getattr(recorder.local, "hub", None)


def _hub_class() -> Any:
    """Return the class of hubs, or one without instances where gevent is not loaded."""
    return getattr(sys.modules.get("gevent.hub"), "Hub", _NoHub)


class _NoHub:
    """Stands for ``gevent.hub.Hub``."""


def _find_state(greenlet: Any, before: State) -> State:
    """Return the actor of a greenlet that runs for the first time."""
    thread = recorder.thread_state()
    if greenlet.parent is None:
        return thread
    if isinstance(greenlet, _hub_class()):
        # Not the thread's own: the hub sends on behalf of nobody, and would hand on all that the
        # main greenlet has learned.
        hub = recorder.new_state("gevent hub", "greenlet", thread.group)
        _keep(greenlet, hub)
        recorder.local.hub = hub
        _fork_for(thread, hub, None, -1)
        return hub
    state = give_state(greenlet)
    spawner = getattr(greenlet, "spawning_greenlet", None)
    spawner = spawner() if spawner is not None else None
    parent = known_state(spawner)
    if parent is None and spawner is not None and spawner.parent is None:
        parent = thread
    if parent is None and not in_hub():
        parent = before  # a raw greenlet, or one that a callback in the hub has made
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
        try:
            if recorder.status.active and event in ("switch", "throw"):
                self._switch(*args, carries=event == "throw")
        except BaseException as error:  # it would reach whoever switches
            lost = getattr(recorder, "lost", None)
            if lost is not None:  # at the very end of an interpreter modules are empty
                lost("greenlet switch", error)
        if self.previous is not None:
            self.previous(event, args)

    @staticmethod
    def _switch(origin: Any, target: Any, *, carries: bool) -> None:
        local = recorder.local
        before = recorder.current()
        hub = _hub_class()
        direct = not isinstance(origin, hub) and not isinstance(target, hub)
        if direct and _in_event_loop():
            return
        if known_state(origin) is not before and not isinstance(origin, hub):
            _keep(origin, before)
        state = known_state(target)
        known = state is not None
        if state is None:
            state = _find_state(target, before)
        local.s = state
        if isinstance(target, hub):
            state.tok += 1  # what its callbacks do is no repetition, but that it runs is no news
            return
        recorder.switch_to(state)
        if direct and state is not before:
            if origin.dead:
                recorder.emit((before.tok, before.actor << ops.OP_BITS | ops.END, None, None))
                before.tok += 1
                recorder.sync(ops.JOIN, before.actor)
            elif known and (carries or _passes_value(origin)):
                _hand_over(before, state)


def _in_event_loop() -> bool:
    events = sys.modules.get("asyncio.events")
    return events is not None and events._get_running_loop() is not None


def _passes_value(origin: Any) -> bool:
    """Tell whether the call of ``switch()`` in which a greenlet stands has arguments."""
    frame = origin.gr_frame
    if frame is None:
        return True
    code = frame.f_code.co_code
    name = sys.modules["opcode"].opname[code[frame.f_lasti]]
    return not (name in _PLAIN_CALLS and code[frame.f_lasti + 1] == 0)


_PLAIN_CALLS = frozenset({"CALL", "CALL_METHOD", "CALL_FUNCTION"})
"""Their argument is the number of arguments."""


def _hand_over(before: State, state: State) -> None:
    channel = _handed_over << ops.OP_BITS
    recorder.emit(
        (
            before.tok,
            channel | ops.HANDOFF,
            None,
            None,
            state.tok,
            channel | ops.RECEIVE,
            None,
            None,
        )
    )
    before.tok += 1
    state.tok += 1


def install_tracer() -> None:
    """Trace this thread, if it is not traced yet."""
    if getattr(recorder.local, "gevent", False):
        return
    greenlet = _implementation()
    if greenlet is not None:
        recorder.thread_state()
        recorder.local.gevent = True
        # Found like this after a fork, which forgets the flag.
        if not isinstance(greenlet.gettrace(), Tracer):
            greenlet.settrace(Tracer(greenlet.gettrace()))


def remove_tracer() -> None:
    """Leave this thread; in other threads the function stays and only passes on."""
    greenlet = _implementation()
    tracer = greenlet.gettrace() if greenlet is not None else None
    recorder.local.__dict__.pop("gevent", None)
    if greenlet is not None and isinstance(tracer, Tracer):
        greenlet.settrace(tracer.previous)


def get_trace(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    """Return the program's trace function, instead of ours."""
    tracer = wrapped(*args, **kwargs)
    return tracer.previous if isinstance(tracer, Tracer) else tracer


def set_trace(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    """Set the program's trace function, behind ours if there is one; return its last one."""
    tracer = _implementation().gettrace()
    if not isinstance(tracer, Tracer) or kwargs or len(args) != 1:
        return wrapped(*args, **kwargs)
    previous, tracer.previous = tracer.previous, args[0]
    return previous


def _implementation() -> Any:
    """Return the module of greenlet in which nothing is patched."""
    return sys.modules.get("greenlet._greenlet", sys.modules.get("greenlet"))
