"""Celery: a task happens after it was sent, in its sender's trace, and before who has its result.

A worker takes seconds to stop: one serves all tests.
"""

from __future__ import annotations

import contextlib

import pytest

celery = pytest.importorskip("celery")

from celery.contrib.testing.worker import start_worker  # noqa: E402 - after the optional library

from raceway import context  # noqa: E402
from raceway.model import ops  # noqa: E402

MINE = "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-00"


class Shop:
    """An application with a worker in threads of this process; the broker is in memory."""

    def __init__(self, mark):
        self.app = app = celery.Celery(
            "shop", broker="memory://", backend="cache+memory://", set_as_current=False
        )
        app.conf.update(
            worker_hijack_root_logger=False,
            broker_transport_options={"polling_interval": 0.01},
        )

        @app.task(name="shop.add")
        def add(label, left, right):
            mark(label)
            return left + right, context.current().trace_id

        @app.task(name="shop.fail")
        def fail(label):
            mark(label)
            raise LookupError("mine")

        @app.task(name="shop.retry", bind=True, max_retries=1, default_retry_delay=0)
        def retry(self):
            mark(f"try {self.request.retries}")
            if not self.request.retries:
                raise self.retry()
            return context.current().trace_id

        @app.task(name="shop.outer")
        def outer():
            add.delay("inner", 1, 1)
            return context.current().trace_id

        @app.task(name="shop.headers", bind=True)
        def headers(self):
            return self.request.get("traceparent"), self.request.get("mine")

        self.tasks = app.tasks


@pytest.fixture(scope="module")
def shop(celery_recording, marker):
    shop = Shop(marker)
    with start_worker(shop.app, pool="threads", concurrency=2, perform_ping_check=False):
        yield shop


@pytest.fixture(autouse=True)
def _no_trace():
    yield
    while context.end() is not None:
        pass


def happened(recording, what, task):
    every = [op.argument for op in recording.ops if op.name == "EVENT" and op.subject == what]
    return [argument for argument in every if task in argument]


def remote(recording):
    return [(op.name, op.argument) for op in recording.ops if op.name.startswith("REMOTE")]


def test_a_task_is_ordered_and_in_the_trace(shop, celery_recording, marker):
    """What was sent, what came of it, and what a server is told."""
    marker("before")
    result = shop.tasks["shop.add"].delay("task", 1, 2)
    value, trace = result.get(timeout=20, interval=0.01)
    marker("after")
    assert (value, trace) == (3, context.current().trace_id)
    assert celery_recording.ordered("before", "task")
    assert celery_recording.ordered("task", "after")
    for what in (ops.EVENT_SUBMITTED, ops.EVENT_AWAITED):
        ((_, name, place),) = happened(celery_recording, what, result.id)
        assert name == "shop.add"
        assert place.startswith(__file__)
    ((name, _module, file, line, *_),) = happened(celery_recording, ops.EVENT_CALLED, trace)
    assert (name, file) == ("shop.add", __file__)
    assert line > 0


def test_a_task_that_fails(shop, celery_recording, marker):
    """Its exception is a result, and comes after what it did."""
    with pytest.raises(LookupError, match="mine"):
        shop.tasks["shop.fail"].delay("fails").get(timeout=20, interval=0.01)
    marker("after failure")
    assert celery_recording.ordered("fails", "after failure")


def test_a_task_that_is_sent_again(shop, celery_recording):
    """It is a message of its own, in the same trace."""
    known = len(remote(celery_recording))
    result = shop.tasks["shop.retry"].delay()
    assert result.get(timeout=20, interval=0.01) == context.current().trace_id
    assert celery_recording.ordered("try 0", "try 1")
    messages = remote(celery_recording)[known:]
    assert [name for name, _ in messages] == ["REMOTE_SEND", "REMOTE_RECEIVE"] * 2
    assert messages[0][1] == messages[1][1] != messages[2][1] == messages[3][1]


def test_a_task_sends_a_task(shop, celery_recording):
    """The second one is in the trace, too."""
    trace = shop.tasks["shop.outer"].delay().get(timeout=20, interval=0.01)
    assert trace == context.current().trace_id
    called = [name for name, *_ in happened(celery_recording, ops.EVENT_CALLED, trace)]
    assert called[0] == "shop.outer"


def test_groups(shop, celery_recording, marker):
    """Whoever has the results of all comes after all."""
    group = celery.group(shop.tasks["shop.add"].s(f"of group {n}", 1, n) for n in range(3))
    values = group.apply_async().get(timeout=20, interval=0.01)
    marker("after group")
    assert [value for value, _ in values] == [1, 2, 3]
    assert all(celery_recording.ordered(f"of group {n}", "after group") for n in range(3))


def test_looking_at_a_state(shop, celery_recording, marker):
    """Whoever sees that a task is done comes after it."""
    result = shop.tasks["shop.add"].delay("looked at", 1, 2)
    while not result.ready():
        pass
    marker("after look")
    assert celery_recording.ordered("looked at", "after look")


def test_headers_of_the_program(shop, celery_recording):
    """A traceparent that it has set itself is left alone, and its other headers are kept."""
    known = len(remote(celery_recording))
    given = {"traceparent": MINE, "mine": 1}
    result = shop.tasks["shop.headers"].apply_async(headers=given)
    assert tuple(result.get(timeout=20, interval=0.01)) == (MINE, 1)
    assert given == {"traceparent": MINE, "mine": 1}
    assert remote(celery_recording)[known:] == []


def test_eager_tasks(celery_recording):
    """Their caller runs them: no message, and its own trace."""
    app = celery.Celery("eager", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = True

    @app.task(name="eager.add")
    def add(left, right):
        return left + right

    known = len(remote(celery_recording))
    assert add.delay(1, 2).get() == 3
    assert remote(celery_recording)[known:] == []
    assert context.current() is None


def test_one_that_nobody_takes(celery_recording):
    """A result that is not there in time is awaited in vain, as ever."""
    app = celery.Celery(
        "nobody", broker="memory://", backend="cache+memory://", set_as_current=False
    )

    @app.task(name="nobody.add")
    def add():
        pass

    with pytest.raises(celery.exceptions.TimeoutError), contextlib.closing(app):
        add.apply_async(queue="nobody").get(timeout=0.01)
