"""asyncio.futures, tasks and taskgroups: what is known by whoever sees that something is done.

Whoever waits for a future is woken through a handle, and that is an edge.  But ``await`` on what
is done already, ``result()``, ``exception()`` and a ``done()`` that is true wait for nothing, and
they are as usual (``for task in tasks: await task``) as they are invisible: ``Task`` and
``Future`` are C types, which cannot be changed.  So the names ``asyncio.Task`` and
``asyncio.Future`` stand for subclasses with these methods.  ``isinstance`` and the names are as
before, and in measurements the difference was smaller than the noise, because only what is done
takes a longer way.

What was made from the C types before the patches, or by name (``_asyncio.Task``), is ordered by
wake-ups alone.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import name_of
from raceway_autopatch.patches.asyncio.actors import (
    ATTRIBUTE,
    ended,
    keep,
    learn_end,
    task_name,
)
from raceway_autopatch.patching import around, contained, replace
from raceway_autopatch.substitutes import Substitutes

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

_FUTURE_CHANNEL = 1 << 57 + ops.OP_BITS
"""A future's channel is its address, as that of a handle, in a range of its own."""
_PENDING = "PENDING"

_substitutes = Substitutes("asyncio")
teardown = _substitutes.restore


def _task_class(original: Any) -> Any:
    """Return the subclass of a task class that tells who learns of its end and who cancels it."""
    status = recorder.status

    def cancel(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked = original.cancel(self, *args, **kwargs)
        # What waits for a future is woken by its cancellation.  What is due to run anyway learns
        # nothing by that: its next step is ordered after the request here.
        if asked and status.active and self._must_cancel:
            _asked_to_end(self)
        return asked

    more: dict[str, Any] = {"cancel": cancel}
    if sys.version_info >= (3, 12):
        more["__init__"] = _task_init(original)
    return _observe(original, learn_end, more)


def _task_init(original: Any) -> Any:
    """Return the ``__init__`` of tasks: the first step of an eager one runs inside of it."""
    status = recorder.status
    begin = contained(_begin_eagerly)
    end = contained(_end_first_step)

    def __init__(self: Any, coro: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        if not (status.active and kwargs.get("eager_start")):
            original.__init__(self, coro, **kwargs)
        else:
            before = begin(self, coro, kwargs.get("name"))
            try:
                original.__init__(self, coro, **kwargs)
            finally:
                if before is not None:
                    end(self, coro, before)
        if self._source_traceback:
            # create_task() removes as many entries as it knows frames of asyncio.
            del self._source_traceback[-1]

    return __init__


def _begin_eagerly(task: Any, coro: Any, name: Any) -> recorder.State:
    before = recorder.current()
    # asyncio counts the nameless while it makes them: the full name follows, most often before
    # anybody has read this one.
    title = f"{name if type(name) is str else 'Task'} ({name_of(coro)})"
    state = recorder.new_state(title, "task", before.group)
    keep(task, state)
    recorder.fork_actor(state, depth=3)
    recorder.install(state)
    recorder.switch_to(state)
    return before


def _end_first_step(task: Any, coro: Any, before: recorder.State) -> None:
    state = getattr(task, ATTRIBUTE)
    recorder.define((ops.DEF_ACTOR, state.actor, task_name(task, coro), "task", state.group))
    if task._state != _PENDING:
        ended(state)
    recorder.install(before)
    recorder.switch_to(before)
    # What the first step did lies behind whoever made the task.
    recorder.sync(ops.JOIN, state.actor)


@contained
def _asked_to_end(task: Any) -> None:
    state = getattr(task, ATTRIBUTE, None)
    before = recorder.current()
    # The task does not run now, so that an op can be recorded as its own.
    if type(state) is recorder.State and state is not before and state.group == before.group:
        _send(task)
        recorder.local.s = state
        _receive(task)
        recorder.local.s = before


def _future_class(original: Any) -> Any:
    """Return the subclass of a future class that tells who set and who got a result."""
    status = recorder.status

    def set_result(self: Any, result: Any, /) -> None:
        if status.active and self._state == _PENDING:
            _send(self)
        original.set_result(self, result)

    def set_exception(self: Any, exception: Any, /) -> None:
        if status.active and self._state == _PENDING:
            _send(self)
        original.set_exception(self, exception)

    def cancel(self: Any, *args: Any, **kwargs: Any) -> Any:
        if status.active and self._state == _PENDING:
            _send(self)  # also lest the channel still holds what a dead future has sent
        return original.cancel(self, *args, **kwargs)

    more = {"set_result": set_result, "set_exception": set_exception, "cancel": cancel}
    return _observe(original, _receive, more)


def _send(future: Any) -> None:
    recorder.sync(ops.HANDOFF, id(future) | _FUTURE_CHANNEL >> ops.OP_BITS)


def _receive(future: Any) -> bool:
    recorder.sync(ops.RECEIVE, id(future) | _FUTURE_CHANNEL >> ops.OP_BITS)
    return True


def _observe(original: Any, learn: Callable[[Any], bool], more: dict[str, Any]) -> Any:
    status = recorder.status
    base: Any = original
    wait, result, exception, done = base.__await__, base.result, base.exception, base.done

    def _await(self: Any) -> Any:
        if status.active and self._state != _PENDING and learn(self):
            recorder.might_switch()
        return wait(self)

    def _result(self: Any) -> Any:
        try:
            if status.active and self._state != _PENDING:
                learn(self)
            return result(self)
        finally:
            self = None  # what it raises knows this frame, and the future knows that: a cycle

    def _exception(self: Any) -> Any:
        try:
            if status.active and self._state != _PENDING:
                learn(self)
            return exception(self)
        finally:
            self = None  # as above

    def _done(self: Any) -> Any:
        if status.active and self._state != _PENDING:
            learn(self)
        return done(self)

    methods = {
        "__await__": _await,
        "__iter__": _await,
        "result": _result,
        "exception": _exception,
        "done": _done,
        **more,
    }
    return _substitutes.subclass(original, methods)


def _eager_factory(original: Any) -> Any:
    """Return the eager task factory for our task class."""
    known = _substitutes.get(original)
    if known is not None:
        return known
    tasks = sys.modules["asyncio.tasks"]
    made = tasks.create_eager_task_factory(tasks.Task)
    _substitutes.add(original, made)
    return made


def _group_exit(original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Wrap ``TaskGroup.__aexit__``: it comes after all children, also if it waited for none."""
    status = recorder.status
    learn = contained(learn_end, "TaskGroup")

    async def __aexit__(self: Any, *error: Any) -> Any:  # noqa: N807 - it replaces one
        try:
            return await original(self, *error)
        finally:
            if status.active:
                learn(self)  # the actor of its callbacks, which has learned of each end

    return __aexit__


FUTURES = (replace("Future", _future_class, optional=True),)
TASKS = (
    replace("Task", _task_class, optional=True),
    replace("eager_task_factory", _eager_factory, optional=True),
)
GROUPS = (around("TaskGroup.__aexit__", _group_exit),)
PACKAGE = (
    replace("Future", _future_class, optional=True),
    replace("Task", _task_class, optional=True),
    replace("eager_task_factory", _eager_factory, optional=True),
)
