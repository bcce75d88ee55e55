"""gevent.greenlet, gevent.pool, gevent.threadpool: births and ends.

Emits: fork at start; join when a join, get, wait or kill returns after the greenlet has ended, and
when ``ready()`` says so.  A group remembers who has ended in it, so that its ``join`` and ``map``
know also of those that had left it before.
"""

from __future__ import annotations

# Not from collections, which takes longer to import than all of this.
from _collections import deque  # type: ignore[import-not-found]  # has no stub

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patches.gevent.primitives import substitutes, sync_once
from raceway_autopatch.patches.gevent.switches import give_state, install_tracer, known_state
from raceway_autopatch.patching import PatchError, around, contained, replace, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_status = recorder.status
_MEMBERS_KEPT = 4096


@contained
def _started(greenlet: Any) -> None:
    install_tracer()
    if known_state(greenlet) is None:
        recorder.fork_actor(give_state(greenlet))


@contained
def _learn(greenlet: Any) -> None:
    """Whoever runs here knows that ``greenlet`` has ended."""
    state = known_state(greenlet)
    if state is not None and state is not recorder.current():
        sync_once(ops.JOIN, state.actor)


@contained
def _learn_all(greenlets: Iterable[Any]) -> None:
    for greenlet in greenlets:
        if known_state(greenlet) is not None and hasattr(greenlet, "ready"):
            greenlet.ready()  # which tells, if it is


def _greenlet_class(original: Any) -> Any:
    ready = original.ready

    def start(self: Any) -> Any:
        if _status.active:
            _started(self)
        return original.start(self)

    def start_later(self: Any, seconds: Any) -> Any:
        if _status.active:
            _started(self)
        return original.start_later(self, seconds)

    def join(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original.join(self, *args, **kwargs)
        if _status.active and ready(self):
            _learn(self)
        return result

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original.get(self, *args, **kwargs)
        finally:
            if _status.active and ready(self):
                _learn(self)

    def kill(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original.kill(self, *args, **kwargs)
        finally:
            if _status.active and ready(self):
                _learn(self)

    def is_ready(self: Any) -> Any:
        value = ready(self)
        if value and _status.active:
            _learn(self)
        return value

    def spawn_later(cls: Any, seconds: Any, *args: Any, **kwargs: Any) -> Any:
        # It asks whether it is the class itself that is given nothing to run.
        owner = original if cls is made and not args else cls
        return original.spawn_later.__func__(owner, seconds, *args, **kwargs)

    methods: dict[str, Any] = {
        "spawn_later": classmethod(spawn_later),
        "start": start,
        "start_later": start_later,
        "join": join,
        "get": get,
        "kill": kill,
        "ready": is_ready,
    }
    made = substitutes.subclass(original, methods)
    return made


# ---------------------------------------------------------------- joinall, wait


def _joinall(original: Any) -> Any:
    known = substitutes.get(original)
    if known is not None:
        return known

    def joinall(greenlets: Any, *args: Any, **kwargs: Any) -> Any:
        greenlets = list(greenlets)  # it may be an iterator, and is walked twice
        try:
            return original(greenlets, *args, **kwargs)
        finally:
            if _status.active:
                _learn_all(greenlets)

    joinall.__name__ = original.__name__
    joinall.__doc__ = original.__doc__
    joinall.__module__ = original.__module__
    substitutes.add(original, joinall)
    return joinall


def _wait(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    done = wrapped(*args, **kwargs)
    if isinstance(done, list):
        _learn_all(done)
    return done


def _spawn(original: Any) -> Any:
    """Bind a class method of Greenlet to the class that stands for it."""
    owner = substitutes.get(original.__self__)  # raises if it is bound to that already
    if owner is None:
        message = "Greenlet has not been replaced"
        raise PatchError(message)
    return getattr(owner, original.__name__)


# ---------------------------------------------------------------- groups and pools


def _members(group: Any) -> deque[Any]:
    members = group.__dict__.get("_raceway_members")
    if members is None:
        members = group._raceway_members = deque(maxlen=_MEMBERS_KEPT)
    return members


def _group_discard(original: Callable[..., Any]) -> Callable[..., Any]:
    def _discard(self: Any, greenlet: Any) -> Any:
        if _status.active:
            _left(self, greenlet)
        return original(self, greenlet)

    return _discard


@contained
def _left(group: Any, greenlet: Any) -> None:
    state = known_state(greenlet)
    if state is not None:
        _members(group).append(state.actor)


@contained
def _learn_members(group: Any) -> None:
    if not hasattr(group, "__dict__"):
        return  # a thread pool: its jobs are actors whose results say that they have ended
    members = _members(group)
    here = recorder.current().actor
    for actor in list(members):
        if actor != here:
            recorder.sync(ops.JOIN, actor)


def _group_end(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    if _status.active:
        _learn_members(instance)
    return result


# ---------------------------------------------------------------- thread pool


def _pool_spawn(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    if not _status.active or not args:
        return wrapped(*args, **kwargs)
    function = args[0]
    name = getattr(function, "__name__", None) or type(function).__name__
    state = recorder.new_state(f"gevent threadpool ({name})", "job")
    recorder.fork_actor(state)

    def job(*args: Any, **kwargs: Any) -> Any:
        before = recorder.install(state)
        try:
            return function(*args, **kwargs)
        finally:
            recorder.sync(ops.END, state.actor)
            recorder.install(before)

    result = wrapped(job, *args[1:], **kwargs)
    if hasattr(type(result), "_raceway_source"):
        result._raceway_source = state.actor
    return result


GREENLET = (
    replace("Greenlet", _greenlet_class, optional=True),
    replace("joinall", _joinall, optional=True),
    replace("killall", _joinall, optional=True),
)
POOL = (
    replace("Group.greenlet_class", _greenlet_class, optional=True),
    around("Group._discard", _group_discard, optional=True),
    wrap("Group.join", _group_end, optional=True),
    wrap("GroupMappingMixin.map", _group_end, optional=True),
)
THREADPOOL = (wrap("ThreadPool.spawn", _pool_spawn, optional=True),)
PACKAGE = (
    *GREENLET,
    replace("spawn", _spawn, optional=True),
    replace("spawn_later", _spawn, optional=True),
    wrap("wait", _wait, optional=True),
)
