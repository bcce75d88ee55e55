"""concurrent.futures: jobs, what they return, and the end of their executor.

Emits: fork and end of jobs; send and receive for futures, their callbacks and the shutdown.

A job is an actor of its own.  Which worker runs it is chance: two jobs that one worker ran one
after the other are as concurrent as any two, unless the executor has no other worker.  The worker
is a thread like any other; of its own it has only the initializer.
"""

from __future__ import annotations

import _thread
import sys

from raceway import context
from raceway.model import ops
from raceway.record import recorder, shared
from raceway.record.callables import name_of
from raceway_autopatch.patching import around, contained, replace
from raceway_autopatch.primitives import thread_group

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

# The modules that define: the package takes its names from them, and may be there already.
SUPPORTS = None

TRACE = "_raceway"
JOB = "_raceway_job"
"""On a future whose job runs in another process: the channel on which its end is told."""
DONE = frozenset({"CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED"})


# ---------------------------------------------------------------- Future


class _Outcome:
    """What is known about a future."""

    __slots__ = ("callbacks", "channel", "seen")

    def __init__(self) -> None:
        self.channel = recorder.next_channel()
        self.callbacks = 0
        """The channel from who adds a callback to where callbacks run; 0 as long as unused."""
        self.seen = 0
        """The last actor that has received the outcome, which is sent only once."""


def _outcome_of(future: Any) -> _Outcome:
    outcome: _Outcome
    try:
        outcome = future.__dict__[TRACE]
    except KeyError:
        outcome = future.__dict__.setdefault(TRACE, _Outcome())
    return outcome


def _finishing(future: Any) -> None:
    if future._state not in DONE:
        recorder.sync(ops.SEND, _outcome_of(future).channel)


def _cancelling(future: Any) -> None:
    if future._state == "PENDING":  # else it cannot be cancelled, or was before
        recorder.sync(ops.SEND, _outcome_of(future).channel)


def _seen(future: Any) -> None:
    if future._state in DONE:
        outcome = _outcome_of(future)
        actor = recorder.current().actor
        if outcome.seen != actor:
            recorder.sync(ops.RECEIVE, outcome.channel)
            _learn_of_job(future)
            outcome.seen = actor


def _learn_of_job(future: Any) -> None:
    job = future.__dict__.get(JOB)
    if job is not None:
        shared.sync(ops.RECEIVE, job)


def _all_seen(futures: Iterable[Any]) -> None:
    for future in futures:
        _seen(future)


def _adding_callback(future: Any, function: Any) -> recorder.State | None:
    """Return who ran here before, if the callback runs at once and as an actor of its own.

    Whether the future is done by now is chance: otherwise the callback runs in the worker.  So
    what the caller does next is not ordered after it, unless the caller knew the outcome.
    """
    if future._state in DONE:
        caller = recorder.current()
        outcome = _outcome_of(future)
        if outcome.seen == caller.actor:
            return None
        # In a group of its own: in the worker it would take turns with nobody.
        state = recorder.new_state(name_of(function), "callback", thread_group())
        recorder.fork_actor(state)
        recorder.install(state)
        recorder.sync(ops.RECEIVE, outcome.channel)
        _learn_of_job(future)
        return caller
    outcome = _outcome_of(future)
    if not outcome.callbacks:
        outcome.callbacks = recorder.next_channel()
    recorder.sync(ops.SEND, outcome.callbacks)
    return None


def _callback_ends(caller: recorder.State | None) -> None:
    if caller is not None:
        recorder.sync(ops.END, recorder.current().actor)
        recorder.local.s = caller


def _add_done_callback(original: Callable[..., Any]) -> Callable[..., Any]:
    adding, ends = contained(_adding_callback), contained(_callback_ends)

    def add_done_callback(self: Any, fn: Any) -> Any:
        caller = adding(self, fn)
        try:
            return original(self, fn)
        finally:
            ends(caller)

    return add_done_callback


def _calling_back(future: Any) -> None:
    outcome = _outcome_of(future)
    if outcome.callbacks:
        recorder.sync(ops.RECEIVE, outcome.callbacks)
        _learn_of_job(future)


def _before(step: Callable[[Any], None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the factory of a method that takes ``step`` first."""

    def factory(original: Callable[..., Any]) -> Callable[..., Any]:
        first = contained(step)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            first(self)
            return original(self, *args, **kwargs)

        return method

    return factory


def _result(original: Callable[..., Any]) -> Callable[..., Any]:
    seen = contained(_seen)

    def result(self: Any, timeout: float | None = None) -> Any:
        try:
            return original(self, timeout)
        finally:
            seen(self)
            # The exception knows this frame, and the future the exception: a cycle, unless
            self = None

    return result


def _done(original: Callable[..., Any]) -> Callable[..., Any]:
    seen = contained(_seen)

    def done(self: Any) -> Any:
        answer = original(self)
        if answer:
            seen(self)
        return answer

    return done


def _yield_finished(original: Callable[..., Any]) -> Callable[..., Any]:
    seen = contained(_seen)

    def told(future: Any) -> Any:
        seen(future)
        return future

    def _yield_finished_futures(*args: Any, **kwargs: Any) -> Any:
        # All are done, but who asks is told of one after the other.  No generator of ours: it
        # would keep what it has yielded alive.
        return map(told, original(*args, **kwargs))

    return _yield_finished_futures


def _wait(original: Callable[..., Any]) -> Callable[..., Any]:
    seen = contained(_all_seen)

    def wait(*args: Any, **kwargs: Any) -> Any:
        outcome = original(*args, **kwargs)
        seen(outcome.done)
        return outcome

    return wait


def _same_wait(_original: Any) -> Any:
    return sys.modules["concurrent.futures._base"].wait


# ---------------------------------------------------------------- ThreadPoolExecutor


class _Pool:
    """What is known about an executor."""

    __slots__ = ("channel", "initialized", "name", "single")

    def __init__(self, executor: Any) -> None:
        self.channel = recorder.next_channel()
        """What its jobs have done."""
        self.name = str(executor._thread_name_prefix)
        self.single = executor._max_workers == 1
        self.initialized = getattr(executor, "_initializer", None) is not None


_here = _thread._local()
"""On this thread: ``pool`` to which something is being submitted, ``worked`` in which it works."""


def _pool_of(executor: Any) -> _Pool:
    pool: _Pool
    try:
        pool = executor.__dict__[TRACE]
    except KeyError:
        pool = executor.__dict__.setdefault(TRACE, _Pool(executor))
    return pool


def _job_made(item: Any, function: Any) -> None:
    if type(function) is tuple:  # from 3.14 on: function, args, kwargs
        function = function[0]
    pool = getattr(_here, "pool", None)
    name = f"job {name_of(function)}"
    state = recorder.new_state(f"{pool.name} {name}" if pool else name, "job", thread_group())
    recorder.fork_actor(state)
    item.__dict__[TRACE] = state, pool, context.current_frame()


def _job_begins(item: Any) -> tuple[recorder.State, recorder.State, _Pool | None] | None:
    if TRACE not in item.__dict__:
        return None
    state, pool, frame = item.__dict__[TRACE]
    context.resume(frame)
    ready = 0
    if pool is not None and pool.initialized:
        ready = recorder.next_channel()
        recorder.sync(ops.SEND, ready)  # still as the worker, which ran the initializer
    before = recorder.install(state)
    if ready:
        recorder.sync(ops.RECEIVE, ready)
    if pool is not None:
        _here.worked = pool
        if pool.single:
            recorder.sync(ops.RECEIVE, pool.channel)
    return before, state, pool


def _job_ends(running: tuple[recorder.State, recorder.State, _Pool | None] | None) -> None:
    if running is None:
        return
    context.resume(None)  # the next job of this worker may be somebody else's
    before, state, pool = running
    recorder.local.s = state
    if pool is not None:
        recorder.sync(ops.SEND, pool.channel)
    recorder.sync(ops.END, state.actor)
    recorder.local.s = before


def _work_item_init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_job_made)

    def __init__(self: Any, future: Any, task: Any, *args: Any) -> None:  # noqa: N807 - becomes it
        original(self, future, task, *args)
        made(self, task)

    return __init__


def _work_item_run(original: Callable[..., Any]) -> Callable[..., Any]:
    begins, ends = contained(_job_begins), contained(_job_ends)

    def run(self: Any, *args: Any) -> Any:
        running = begins(self)
        try:
            return original(self, *args)
        finally:
            ends(running)
            # What the job has raised knows the frame that this one has called, and the item knows
            # the future, which knows the exception: a cycle, unless
            self = None

    return run


def _submit(original: Callable[..., Any]) -> Callable[..., Any]:
    pool_of = contained(_pool_of)

    def submit(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        before = getattr(_here, "pool", None)
        _here.pool = pool_of(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            _here.pool = before

    return submit


def _receive_jobs(pool: _Pool | None) -> None:
    if pool is not None:
        recorder.sync(ops.RECEIVE, pool.channel)


def _worker(original: Callable[..., Any]) -> Callable[..., Any]:
    receive = contained(_receive_jobs)

    def _worker(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            # Who joins a worker, as the interpreter does at its end, has waited for the jobs.
            receive(getattr(_here, "worked", None))

    return _worker


def _shut_down(executor: Any) -> None:
    _receive_jobs(executor.__dict__.get(TRACE))


def _shutdown(original: Callable[..., Any]) -> Callable[..., Any]:
    ended = contained(_shut_down)

    def shutdown(self: Any, wait: Any = True, **kwargs: Any) -> Any:
        result = original(self, wait, **kwargs)
        if wait:
            ended(self)
        return result

    return shutdown


PATCHES = {
    "concurrent.futures._base": (
        around("Future.set_result", _before(_finishing)),
        around("Future.set_exception", _before(_finishing)),
        around("Future.cancel", _before(_cancelling)),
        around("Future.result", _result),
        around("Future.exception", _result),
        around("Future.done", _done),
        around("Future.cancelled", _done),
        around("Future.add_done_callback", _add_done_callback),
        around("Future._invoke_callbacks", _before(_calling_back)),
        around("_yield_finished_futures", _yield_finished),
        around("wait", _wait),
    ),
    "concurrent.futures.thread": (
        around("_WorkItem.__init__", _work_item_init),
        around("_WorkItem.run", _work_item_run),
        around("_worker", _worker),
        around("ThreadPoolExecutor.submit", _submit),
        around("ThreadPoolExecutor.shutdown", _shutdown),
    ),
    "concurrent.futures": (replace("wait", _same_wait),),
}
