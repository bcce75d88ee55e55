"""concurrent.futures.process: a job comes after its submission, and its future after the job.

Emits: post and take for what is submitted, send and receive for the end of jobs.  The patch of
``concurrent.futures`` lets whoever learns of a future's outcome learn of the end of its job.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder, shared
from raceway.record.callables import unwrapped
from raceway_autopatch.patches.multiprocessing import jobs, processes
from raceway_autopatch.patches.multiprocessing.messages import pipe_of
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TRACE = "_raceway"
JOB = "_raceway_job"
"""On a future: the channel on which the end of its job is told."""


def _name(call_queue: Any, work_id: int) -> str:
    return f"executor {pipe_of(call_queue._reader)} job {work_id}"


# ---------------------------------------------------------------- the parent


def _submitted(item: Any) -> None:
    channel = item.__dict__[TRACE] = recorder.next_channel()
    recorder.sync(ops.HANDOFF, channel)


def _work_item_init(original: Callable[..., None]) -> Callable[..., None]:
    submitted = contained(_submitted)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, *args, **kwargs)
        submitted(self)

    return __init__


def _calling(work_id: int) -> None:
    """Pass on, from the thread that serves the executor, what the submitter knew."""
    manager: Any = sys.modules["threading"].current_thread()
    item = manager.pending_work_items[work_id]
    name = _name(manager.call_queue, work_id)
    finished = jobs.done(name)
    item.future.__dict__[JOB] = shared.channel(finished)
    shared.forget_channel(finished)
    shared.sync(ops.POST, item.__dict__[TRACE], (name, 1))


def _call_item_init(original: Callable[..., None]) -> Callable[..., None]:
    calling = contained(_calling)

    def __init__(self: Any, work_id: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes the method
        original(self, work_id, *args, **kwargs)
        calling(work_id)

    return __init__


def _spawn(original: Callable[..., Any]) -> Callable[..., Any]:
    make_single = contained(processes.make_single)

    def _spawn_process(self: Any) -> Any:
        was = make_single(self._max_workers == 1)
        try:
            return original(self)
        finally:
            make_single(was)

    return _spawn_process


# ---------------------------------------------------------------- the worker


class _Calls:
    """The queue of calls as a worker sees it."""

    def __init__(self, queue: Any, worker: jobs.Worker) -> None:
        self._queue = queue
        self._worker = worker
        self._rest, self._wake = contained(worker.rest), contained(worker.wake)
        self._begin = contained(self._begins)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        self._rest()
        try:
            item = self._queue.get(*args, **kwargs)
        finally:
            self._wake()
        if item is not None:
            self._begin(item)
        return item

    def _begins(self, item: Any) -> None:
        function, args = item.fn, item.args
        chunk = sys.modules["concurrent.futures.process"]._process_chunk
        if function is chunk:
            function = args[0]
        elif unwrapped(function) is chunk:
            function = function.args[0]  # of the partial
        name = _name(self._queue, item.work_id)
        self._worker.begin(name, function)
        shared.sync(ops.TAKE, 0, name)


class _Results:
    """The queue of results as a worker sees it."""

    def __init__(self, queue: Any, worker: jobs.Worker) -> None:
        self._queue = queue
        self._ends = contained(worker.end)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def put(self, result: Any) -> Any:
        self._ends()
        return self._queue.put(result)


def _working() -> jobs.Worker:
    return jobs.Worker(single=processes.is_single(), process=True)


def _process_worker(original: Callable[..., Any]) -> Callable[..., Any]:
    working, stop = contained(_working), contained(jobs.Worker.stop)

    def _process_worker(call_queue: Any, result_queue: Any, *args: Any, **kwargs: Any) -> Any:
        worker = working()
        if worker is None:
            return original(call_queue, result_queue, *args, **kwargs)
        try:
            calls, results = _Calls(call_queue, worker), _Results(result_queue, worker)
            return original(calls, results, *args, **kwargs)
        finally:
            stop(worker)

    return _process_worker


PATCHES = (
    around("_WorkItem.__init__", _work_item_init),
    around("_CallItem.__init__", _call_item_init),
    around("_process_worker", _process_worker),
    around("ProcessPoolExecutor._spawn_process", _spawn, optional=True),
)
