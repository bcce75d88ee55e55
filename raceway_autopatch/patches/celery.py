"""celery: what came before a task was sent happens before it, its end before who has its result.

Emits: the sending of a task, its begin and end in the trace of who has sent it, a message to it,
and within a process the order of its result.

The trace travels in the headers of the message, under the names that it has in HTTP.  For sending,
begin and end Celery has signals; a result is ordered where it is stored and where it is read.
"""

from __future__ import annotations

import sys
import time

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch import http_calls
from raceway_autopatch.http_requests import write_out
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = "celery>=5"

_RESULTS_KEPT = 4096

_open: dict[int, context.Frame] = {}
"""By address of a task's request: the trace that it is in."""
_results: dict[str, int] = {}
"""By id of a task: the channel of its result, of the last ones of this process."""
_names: dict[str, str] = {}
"""By id of a task: its name, of the last ones that this process has sent."""


# ---------------------------------------------------------------- sending


@contained
def _published(sender: Any = None, headers: Any = None, **_more: Any) -> None:
    """Let the message carry the trace; a task that is sent again has headers of its first time."""
    if not recorder.status.active or not isinstance(headers, dict):
        return
    earlier = headers.get("traceparent")
    if earlier is not None and not http_calls.is_ours(earlier) and "raceway-clock" not in headers:
        return  # the program's own
    added = http_calls.carry_trace(headers, replace=earlier is not None)
    task, name = str(headers.get("id", "")), str(sender)
    if task:
        _keep(_names, task, name)
        recorder.sync(ops.EVENT, ops.EVENT_SUBMITTED, (task, name, _place()))
    recorder.sync(ops.REMOTE_SEND, 0, added["traceparent"].split("-")[2])


def _place() -> str:
    """Return where in the program a task is sent or awaited."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if name not in {"celery", "kombu", "raceway_autopatch"}:
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "unknown:0"


def _keep(table: dict[str, Any], key: str, value: Any) -> None:
    table[key] = value
    while len(table) > _RESULTS_KEPT:
        table.pop(next(iter(table), ""), None)


# ---------------------------------------------------------------- running


@contained
def _begins(task: Any = None, **_more: Any) -> None:
    request = task.request
    if not recorder.status.active or request.is_eager:
        return  # eager: its caller runs it
    names = ("traceparent", "tracestate", "raceway-clock")
    trace = context.parse_headers([(name, request.get(name)) for name in names])
    parts = str(request.get("traceparent")).split("-")
    if parts[2:3] == [trace.span_id]:  # who has sent it is recorded
        recorder.sync(ops.REMOTE_RECEIVE, 0, trace.span_id)
    code = getattr(task.run, "__code__", None)
    place = ("", 0) if code is None else (code.co_filename, code.co_firstlineno)
    ids = (trace.span_id, trace.trace_id, trace.upstream_span_id or "")
    module = str(type(task).__module__)
    recorder.sync(ops.EVENT, ops.EVENT_CALLED, (str(task.name), module, *place, *ids))
    _open[id(request)] = context.begin(trace)


@contained
def _ends(task: Any = None, **_more: Any) -> None:
    frame = _open.pop(id(task.request), None)
    if frame is not None:
        recorder.sync(ops.EVENT, ops.EVENT_RETURNED, ())
        context.leave(frame)
        write_out(time.monotonic())


# ---------------------------------------------------------------- results


@contained
def _stored(task: str) -> None:
    if recorder.status.active:
        channel = _results.get(task)
        if channel is None:
            channel = recorder.next_channel()
            _keep(_results, task, channel)
        recorder.sync(ops.SEND, channel)


def _store(wrapped: Any, _backend: Any, args: Any, kwargs: Any) -> Any:
    _stored(args[0] if args else kwargs.get("task_id"))
    return wrapped(*args, **kwargs)


@contained
def _has_come(task: str, *, awaited: bool) -> None:
    channel = _results.get(task)
    if channel is not None:
        recorder.sync(ops.RECEIVE, channel)
    if awaited and recorder.status.active:
        recorder.sync(ops.EVENT, ops.EVENT_AWAITED, (task, _names.get(task, ""), _place()))


def _get(wrapped: Any, result: Any, args: Any, kwargs: Any) -> Any:
    try:
        return wrapped(*args, **kwargs)
    finally:  # what the task has raised is a result, too
        if result._cache is not None:
            _has_come(str(result.id), awaited=True)


def _look(wrapped: Any, result: Any, args: Any, kwargs: Any) -> Any:
    meta = wrapped(*args, **kwargs)
    if result._cache is not None:  # else it is not there yet
        _has_come(str(result.id), awaited=False)
    return meta


def _join(wrapped: Any, group: Any, args: Any, kwargs: Any) -> Any:
    values = wrapped(*args, **kwargs)
    for result in group.results:
        _has_come(str(result.id), awaited=True)
    return values


def setup() -> None:
    """Listen to Celery."""
    for name, listener in _LISTENERS:
        getattr(sys.modules["celery.signals"], name).connect(listener, weak=False)


def teardown() -> None:
    """Listen no more, and forget the results."""
    for name, listener in _LISTENERS:
        getattr(sys.modules["celery.signals"], name).disconnect(listener)
    for table in (_open, _results, _names):
        table.clear()


_LISTENERS = (
    ("before_task_publish", _published),
    ("task_prerun", _begins),
    ("task_postrun", _ends),
)
PATCHES = {
    "celery.signals": (),
    "celery.backends.base": (
        wrap("Backend.mark_as_done", _store),
        wrap("Backend.mark_as_failure", _store),
    ),
    "celery.result": (
        wrap("AsyncResult.get", _get),
        wrap("AsyncResult._get_task_meta", _look, optional=True),
        wrap("ResultSet.join_native", _join),
    ),
}
