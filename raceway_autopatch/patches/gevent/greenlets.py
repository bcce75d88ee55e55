"""gevent.greenlet, gevent.pool, gevent.threadpool: births and ends.

Emits: fork at start; join when a join, get, wait or kill returns after the greenlet has ended,
when ``ready()`` says so, and before what is linked to it.  Whoever has ended in a group sends to
the group, so that its ``join`` knows also of those that had left it before.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import name_of
from raceway_autopatch import patching
from raceway_autopatch.greenlets import give_state, install_tracer, known_state
from raceway_autopatch.patches.gevent.links import linked
from raceway_autopatch.patches.gevent.primitives import send_for, substitutes, sync_once
from raceway_autopatch.patching import PatchError, around, contained, replace, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from raceway.record.recorder import State

_status = recorder.status


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
        if value and _status.active and not getattr(recorder.local, "linking", False):
            _learn(self)
        return value

    def successful(self: Any) -> Any:
        if _status.active and ready(self):
            _learn(self)
        return original.successful(self)

    def rawlink(self: Any, callback: Any) -> Any:
        if _status.active:
            callback = linked(callback, _learn) or callback
        # It asks whether the greenlet is ready, for itself: nobody learns by that.
        recorder.local.linking = True
        try:
            return original.rawlink(self, callback)
        finally:
            recorder.local.linking = False

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
        "successful": successful,
        "rawlink": rawlink,
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
            done = original(greenlets, *args, **kwargs)
        except BaseException as error:
            if _status.active:
                _learn_failed(greenlets, error)
            raise
        if _status.active:
            # Those that were waited for: others may have ended by now, which is chance.
            _learn_all(greenlets if done is None else done)
        return done

    joinall.__name__ = original.__name__
    joinall.__doc__ = original.__doc__
    joinall.__module__ = original.__module__
    substitutes.add(original, joinall)
    return joinall


@contained
def _learn_failed(greenlets: Iterable[Any], error: BaseException) -> None:
    _learn_all([one for one in greenlets if getattr(one, "exception", None) is error])


def _wait(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    done = wrapped(*args, **kwargs)
    if isinstance(done, list):
        _learn_all(done)
    return done


def _iwait(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
    ready = wrapped(*args, **kwargs)
    return ready if isinstance(ready, list) else _Ready(ready)


class _Ready:
    """What ``iwait`` gives: whoever is given an object knows that it is ready."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    def __iter__(self) -> _Ready:
        return self

    def __next__(self) -> Any:
        item = next(self._iterator)
        if _status.active:
            _learn_all((item,))
        return item

    next = __next__

    def __enter__(self) -> Any:
        self._iterator.__enter__()
        return self

    def __exit__(self, *error: object) -> Any:
        return self._iterator.__exit__(*error)


def _spawn(original: Any) -> Any:
    """Bind a class method of Greenlet to the class that stands for it."""
    owner = substitutes.get(original.__self__)  # raises if it is bound to that already
    if owner is None:
        message = "Greenlet has not been replaced"
        raise PatchError(message)
    return getattr(owner, original.__name__)


# ---------------------------------------------------------------- groups and pools


def _channel(group: Any) -> int:
    number: int | None = group.__dict__.get("_raceway_channel")
    if number is None:
        number = group._raceway_channel = recorder.next_channel()
    return number


def _group_discard(original: Callable[..., Any]) -> Callable[..., Any]:
    def _discard(self: Any, greenlet: Any) -> Any:
        if _status.active:
            _left(self, greenlet)
        return original(self, greenlet)

    return _discard


@contained
def _left(group: Any, greenlet: Any) -> None:
    if greenlet.ready():  # else it is taken out of the group and goes on
        send_for(greenlet, _channel(group))


@contained
def _receive_members(group: Any) -> None:
    recorder.sync(ops.RECEIVE, _channel(group))


def _group_join(wrapped: Any, group: Any, args: Any, kwargs: Any) -> Any:
    empty = False
    try:
        empty = result = wrapped(*args, **kwargs)
    except BaseException:
        empty = not group.greenlets
        raise
    finally:
        if empty and _status.active:
            _receive_members(group)
    return result


def _group_kill(wrapped: Any, group: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    if _status.active and not group.greenlets:
        _receive_members(group)
    return result


def _imap_class(original: Any) -> Any:
    """Make the class whose iterators know which greenlet has made an item."""

    def __init__(self: Any, func: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        original.__init__(self, _carrying(func), *args, **kwargs)

    def __next__(self: Any) -> Any:  # noqa: N807 - it replaces one
        value = original.__next__(self)
        if type(value) is _Carried:
            if _status.active:
                sync_once(ops.JOIN, value.actor)
            value = value.value
        return value

    def start(self: Any) -> Any:
        if _status.active:
            _started(self)
        return original.start(self)

    methods = {"__init__": __init__, "__next__": __next__, "next": __next__, "start": start}
    return substitutes.subclass(original, methods)


class _Carried:
    """An item on its way through the queue of an ``imap``."""

    __slots__ = ("actor", "value")

    def __init__(self, actor: int, value: Any) -> None:
        self.actor = actor
        self.value = value


def _carrying(function: Any) -> Any:
    def carry(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        return carried(value) or value

    try:
        carried = patching.contained(_carried)
        patching._copy_metadata(function, carry)
        return carry
    except BaseException as error:
        recorder.lost("imap", error)
        return function


def _carried(value: Any) -> _Carried:
    return _Carried(recorder.current().actor, value)


# ---------------------------------------------------------------- thread pool


_pools: dict[int, int] = {}
"""What the jobs of a thread pool have done: channels by the address of the pool."""


def _pool_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        _pools[id(self)] = recorder.next_channel()
        original(self, *args, **kwargs)

    return __init__


def _jobs_of(pool: Any) -> int:
    return _pools.get(id(pool)) or _pools.setdefault(id(pool), recorder.next_channel())


class _Job:
    """What the pool runs instead of a function; to hooks of the worker it is that function."""

    __slots__ = ("_function", "_jobs", "_single", "_state")

    def __init__(self, function: Any, state: State, jobs: int, *, single: bool) -> None:
        self._function = function
        self._state = state
        self._jobs = jobs
        self._single = single

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = recorder.install(self._state)
        if self._single:
            recorder.sync(ops.RECEIVE, self._jobs)  # no other thread: one after the other
        try:
            return self._function(*args, **kwargs)
        finally:
            recorder.sync(ops.SEND, self._jobs)
            recorder.sync(ops.END, self._state.actor)
            recorder.install(before)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._function == other)

    def __hash__(self) -> int:
        return hash(self._function)

    def __repr__(self) -> str:
        return repr(self._function)


def _pool_spawn(wrapped: Any, pool: Any, args: Any, kwargs: Any) -> Any:
    if not _status.active or not args:
        return wrapped(*args, **kwargs)
    function = args[0]
    state = recorder.new_state(f"gevent threadpool ({name_of(function)})", "job")
    recorder.fork_actor(state)
    job = _Job(function, state, _jobs_of(pool), single=pool.maxsize == 1)
    result = wrapped(job, *args[1:], **kwargs)
    if hasattr(type(result), "_raceway_source"):
        result._raceway_source = state.actor
    return result


def _pool_over(wrapped: Any, pool: Any, args: Any, kwargs: Any) -> Any:
    result = wrapped(*args, **kwargs)
    if _status.active:
        recorder.sync(ops.RECEIVE, _jobs_of(pool))
    return result


GREENLET = (
    replace("Greenlet", _greenlet_class, optional=True),
    replace("joinall", _joinall, optional=True),
    replace("killall", _joinall, optional=True),
)
POOL = (
    replace("Group.greenlet_class", _greenlet_class, optional=True),
    around("Group._discard", _group_discard, optional=True),
    wrap("Group.join", _group_join, optional=True),
    wrap("Group.kill", _group_kill, optional=True),
    replace("IMap", _imap_class, optional=True),
    replace("IMapUnordered", _imap_class, optional=True),
)
THREADPOOL = (
    around("ThreadPool.__init__", _pool_init, optional=True),
    wrap("ThreadPool.spawn", _pool_spawn, optional=True),
    wrap("ThreadPool.join", _pool_over, optional=True),
    wrap("ThreadPool.kill", _pool_over, optional=True),
)
WAITING = (wrap("wait", _wait, optional=True), wrap("iwait", _iwait, optional=True))
PACKAGE = (
    *GREENLET,
    *WAITING,
    replace("spawn", _spawn, optional=True),
    replace("spawn_later", _spawn, optional=True),
)
