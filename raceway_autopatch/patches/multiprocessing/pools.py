"""multiprocessing.pool: a job comes after its submission, its result and callback after the job.

Emits: send and receive for jobs of ``Pool`` and ``ThreadPool``; jobs are actors of their own.

A pool is known in all processes by the pipe that its workers read.
"""

from __future__ import annotations

import itertools
import os
import sys

from raceway.model import ops
from raceway.record import recorder, shared
from raceway.record.callables import FUNCTION
from raceway_autopatch.patches.multiprocessing import jobs, processes
from raceway_autopatch.patches.multiprocessing.messages import pipe_of
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TRACE = "_raceway"

_single: dict[int, bool] = {}
"""By identity of the queue that its threads read: whether a ThreadPool has one thread only."""


def _key(inqueue: Any) -> str:
    reader = getattr(inqueue, "_reader", None)
    # A ThreadPool stays in its process, where jobs have numbers of their own.
    return f"pool {os.getpid()}" if reader is None else f"pool {pipe_of(reader)}"


# ---------------------------------------------------------------- the worker


def _job_function(function: Any, args: Any) -> Any:
    if type(function) is FUNCTION and function.__name__ in {"mapstar", "starmapstar"}:
        return args[0][0]
    return function


class _Tasks:
    """The queue of tasks as a worker sees it."""

    def __init__(self, queue: Any, worker: jobs.Worker, key: str) -> None:
        self._queue = queue
        self._worker = worker
        self._key = key
        self._rest, self._wake = contained(worker.rest), contained(worker.wake)
        self._begin = contained(self._begins)
        if hasattr(queue, "_writer"):
            self._writer = queue._writer

    def get(self) -> Any:
        self._rest()
        try:
            task = self._queue.get()
        finally:
            self._wake()
        if task is not None:
            self._begin(task)
        return task

    def _begins(self, task: Any) -> None:
        job, index, function, args = task[:4]
        name = f"{self._key} job {job}"
        self._worker.begin(f"{name} {index}", _job_function(function, args))
        shared.sync(ops.RECEIVE, shared.channel(name))
        shared.forget_channel(name)


class _Results:
    """The queue of results as a worker sees it."""

    def __init__(self, queue: Any, worker: jobs.Worker) -> None:
        self._queue = queue
        self._ends = contained(worker.end)
        if hasattr(queue, "_reader"):
            self._reader = queue._reader

    def put(self, result: Any) -> Any:
        self._ends()
        return self._queue.put(result)


def _working(inqueue: Any) -> tuple[jobs.Worker, str]:
    process = hasattr(inqueue, "_reader")
    single = processes.is_single() if process else _single.get(id(inqueue))
    return jobs.Worker(single=bool(single), process=process), _key(inqueue)


def _worker(original: Callable[..., Any]) -> Callable[..., Any]:
    working, stop = contained(_working), contained(jobs.Worker.stop)

    def worker(inqueue: Any, outqueue: Any, *args: Any, **kwargs: Any) -> Any:
        found = working(inqueue)
        if found is None:
            return original(inqueue, outqueue, *args, **kwargs)
        tasks, results = _Tasks(inqueue, *found), _Results(outqueue, found[0])
        try:
            return original(tasks, results, *args, **kwargs)
        finally:
            stop(found[0])

    return worker


def _repopulating(inqueue: Any, count: int) -> bool:
    if not hasattr(inqueue, "_reader"):
        _single[id(inqueue)] = count == 1
    return processes.make_single(count == 1)


def _repopulate(original: Callable[..., Any]) -> Callable[..., Any]:
    before, after = contained(_repopulating), contained(processes.make_single)

    def _repopulate_pool_static(
        ctx: Any, process: Any, count: Any, pool: Any, inqueue: Any, *args: Any, **kwargs: Any
    ) -> Any:
        was = before(inqueue, count)
        try:
            return original(ctx, process, count, pool, inqueue, *args, **kwargs)
        finally:
            after(was)

    return _repopulate_pool_static


# ---------------------------------------------------------------- who submits, and who asks


class _Job:
    """What is known about a result.

    Attributes:
        name: Of all its parts together.
        order: For who iterates: the number of the part that was finished as the n-th.
        called: Channel of what its callbacks have done; 0 if there are none.
        seen: The last actor that has seen all of it.
    """

    __slots__ = ("called", "channels", "name", "next", "order", "seen", "submitted")

    def __init__(self, name: str) -> None:
        self.name = name
        self.submitted = shared.channel(name)
        shared.forget_channel(name)
        self.channels: dict[int, int] = {}
        self.called = 0
        self.seen = 0
        self.next = itertools.count().__next__
        self.order: list[int] = []

    def receive(self, part: int) -> None:
        """Learn of the end of one part."""
        channel = self.channels.get(part)
        if channel is None:
            name = jobs.done(f"{self.name} {part}")
            channel = self.channels[part] = shared.channel(name)
            shared.forget_channel(name)
        shared.sync(ops.RECEIVE, channel)

    def receive_all(self, count: int) -> None:
        """Learn of the end of all, and of what the callbacks did."""
        for part in range(count):
            self.receive(part)
        if self.called:
            recorder.sync(ops.RECEIVE, self.called)


def _submitted(result: Any, pool: Any) -> None:
    job = result.__dict__[TRACE] = _Job(f"{_key(pool._inqueue)} job {result._job}")
    shared.sync(ops.SEND, job.submitted)


def _result_init(original: Callable[..., None]) -> Callable[..., None]:
    submitted = contained(_submitted)

    def __init__(self: Any, pool: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, pool, *args, **kwargs)
        submitted(self, pool)

    return __init__


def _parts(result: Any) -> int:
    size = getattr(result, "_chunksize", 0)
    # The value of a map that has failed is an exception.
    return (
        result.__dict__.get("_raceway_parts", 1) if size else int(not hasattr(result, "_chunksize"))
    )


def _map_made(result: Any) -> None:
    result.__dict__["_raceway_parts"] = result._number_left


def _map_init(original: Callable[..., None]) -> Callable[..., None]:
    made = contained(_map_made)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, *args, **kwargs)
        made(self)

    return __init__


def _seen(result: Any) -> None:
    job = result.__dict__.get(TRACE)
    if job is not None and result._event.is_set():
        actor = recorder.current().actor
        if job.seen != actor:
            job.receive_all(_parts(result))
            job.seen = actor


def _then_see(original: Callable[..., Any]) -> Callable[..., Any]:
    seen = contained(_seen)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(self, *args, **kwargs)
        seen(self)
        return answer

    return method


def _calling_back(result: Any, part: int) -> None:
    """Order the callbacks, which run on this thread, after the job and who has submitted it."""
    job = result.__dict__.get(TRACE)
    if job is None or not (result._callback or result._error_callback):
        return
    if not job.called:
        job.called = recorder.next_channel()
        shared.sync(ops.RECEIVE, job.submitted)
        result._callback = _told(result._callback, job.called)
        result._error_callback = _told(result._error_callback, job.called)
    job.receive(part)


_tell = contained(lambda channel: recorder.sync(ops.SEND, channel), "pool callback")


def _told(callback: Any, channel: int) -> Any:
    if not callback:
        return callback

    def calling(value: Any) -> Any:
        try:
            return callback(value)
        finally:
            _tell(channel)

    return calling


def _set(original: Callable[..., Any]) -> Callable[..., Any]:
    calling_back = contained(_calling_back)

    def _set(self: Any, i: Any, obj: Any) -> Any:
        calling_back(self, i)
        return original(self, i, obj)

    return _set


# ---------------------------------------------------------------- imap


def _finished(iterator: Any, part: int) -> None:
    job = iterator.__dict__.get(TRACE)
    if job is not None:
        job.order.append(part)


def _unordered_set(original: Callable[..., Any]) -> Callable[..., Any]:
    finished = contained(_finished)

    def _set(self: Any, i: Any, obj: Any) -> Any:
        finished(self, i)
        return original(self, i, obj)

    return _set


def _got_next(iterator: Any) -> None:
    job = iterator.__dict__.get(TRACE)
    if job is not None:
        at = job.next()
        job.receive(job.order[at] if at < len(job.order) else at)


def _next(original: Callable[..., Any]) -> Callable[..., Any]:
    got = contained(_got_next)

    def next(self: Any, timeout: float | None = None) -> Any:  # noqa: A001 - it becomes the method
        pool = sys.modules["multiprocessing.pool"]
        try:
            value = original(self, timeout)
        except (StopIteration, pool.TimeoutError):
            raise
        except BaseException:
            got(self)
            raise
        got(self)
        return value

    return next


def _passing(task: Any, key: str) -> None:
    """Order a job after what its iterable did, on the thread that hands the tasks out."""
    if task is not None:
        name = f"{key} job {task[0]}"
        shared.sync(ops.SEND, shared.channel(name))
        shared.forget_channel(name)


def _quick(original: Callable[..., Any]) -> Callable[..., Any]:
    pass_on, key_of = contained(_passing), contained(_key)

    def _setup_queues(self: Any) -> Any:
        result = original(self)
        key, put = key_of(self._inqueue), self._quick_put

        def quick_put(task: Any) -> Any:
            pass_on(task, key)
            return put(task)

        self._quick_put = quick_put
        return result

    return _setup_queues


PATCHES = (
    around("worker", _worker),
    around("Pool._repopulate_pool_static", _repopulate),
    around("Pool._setup_queues", _quick),
    around("ThreadPool._setup_queues", _quick),
    around("ApplyResult.__init__", _result_init),
    around("ApplyResult.ready", _then_see),
    around("ApplyResult.wait", _then_see),
    around("ApplyResult._set", _set),
    around("MapResult.__init__", _map_init),
    around("MapResult._set", _set),
    around("IMapIterator.__init__", _result_init),
    around("IMapIterator.next", _next),
    around("IMapIterator.__next__", _next),
    around("IMapUnorderedIterator._set", _unordered_set),
)
