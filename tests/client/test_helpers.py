"""Decorators, tracked locks, and traces that go along with a job and not with its thread."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from wire_server import make_client, tracing

import raceway
from raceway import (
    context,
    raceway_context,
    track_async,
    track_function,
    track_method,
    tracked_lock,
)


def test_a_function(server):
    with tracing(server) as client:

        @track_function(client, capture_args=True, capture_result=True)
        def transfer(amount, *, password=None):
            """Move money."""
            return {"left": 100 - amount}

        assert transfer(10, password="s3cret") == {"left": 90}
        assert (transfer.__name__, transfer.__doc__) == ("transfer", "Move money.")
        with pytest.raises(TypeError, match="transfer"):
            transfer()
    call, back, failed, error = (fields for _, fields in server.kinds())
    assert call["function_name"].endswith("transfer")
    assert call["args"] == {"amount": 10, "password": "<redacted>"}
    assert (call["file"], call["module"]) == (__file__, __name__)
    assert back["args"] == {"return_value": {"left": 90}}
    assert failed["args"] is None
    assert error["error_type"] == "TypeError"
    assert server.events[1]["metadata"]["duration_ns"] > 0


def test_arguments_and_results_are_recorded_only_when_asked_for(server):
    with tracing(server) as client:
        track_function(client, name="f")(lambda x: x)("s3cret")
    assert "s3cret" not in str(server.bodies)
    assert [fields["function_name"] for _, fields in server.kinds()] == ["f", "f:return"]


def test_what_it_raises_is_its_own(server):
    class Stop(BaseException):
        pass

    with tracing(server) as client:

        @track_function(client)
        def fail(error):
            raise error

        for error in (LookupError("no"), Stop()):
            with pytest.raises(type(error)) as caught:
                fail(error)
            assert caught.value is error
    assert [kind for kind, _ in server.kinds()] == ["FunctionCall", "Error", "FunctionCall"]


@pytest.mark.parametrize("decorator", [track_async, track_function])
def test_a_coroutine_function(server, decorator):
    async def main(client):
        @decorator(client, capture_result=True)
        async def fetch():
            await asyncio.sleep(0)
            return 7

        assert asyncio.iscoroutinefunction(fetch)
        assert await fetch() == 7

    with tracing(server) as client:
        asyncio.run(main(client))
    assert [fields["args"] for _, fields in server.kinds()] == [None, {"return_value": 7}]


def test_a_method_is_named_after_the_class_of_its_object(server):
    with tracing(server) as client:

        class Account:
            @track_method(client, capture_args=True)
            def deposit(self, amount):
                return amount

            @classmethod
            @track_method(client)
            def make(cls):
                return cls()

        class Savings(Account):
            pass

        assert Savings.make().deposit(5) == 5
    calls = [fields for _, fields in server.kinds()]
    assert [call["function_name"] for call in calls] == [
        "Savings.make", "Savings.make:return", "Savings.deposit", "Savings.deposit:return"
    ]  # fmt: skip
    assert calls[2]["args"] == {"amount": 5}


def test_nothing_is_recorded_outside_a_trace(server):
    client = make_client(server)
    assert track_function(client)(lambda x: x + 1)(1) == 2
    assert client.shutdown()
    assert client.stats().accepted == 0


def test_a_tracked_lock(server):
    lock = threading.Lock()
    with tracing(server) as client:
        with tracked_lock(client, lock, "accounts") as held:
            assert held is lock and lock.locked()
            client.track_state_change("x", 0, 1, "a:1", "Write")
        with pytest.raises(LookupError), tracked_lock(client, lock, "accounts", "RWLock"):
            raise LookupError
        assert not lock.locked()
    kinds = server.kinds()
    assert [kind for kind, _ in kinds] == [
        "LockAcquire", "StateChange", "LockRelease", "LockAcquire", "LockRelease"
    ]  # fmt: skip
    assert server.events[1]["lock_set"] == ["accounts"]
    assert [kinds[at][1]["lock_type"] for at in (0, 2, 3, 4)] == [
        "lock", "lock", "RWLock", "RWLock"
    ]  # fmt: skip
    assert all(fields["location"].startswith(__file__) for kind, fields in kinds if "Lock" in kind)


def test_a_tracked_asyncio_lock(server):
    async def main(client):
        async with tracked_lock(client, asyncio.Lock(), "m"):
            client.track_custom("in")

    with tracing(server) as client:
        asyncio.run(main(client))
    assert [event["lock_set"] for event in server.events] == [["m"], ["m"], []]


def test_a_lock_that_cannot_be_acquired_is_not_tracked(server):
    class Broken:
        def acquire(self):
            raise TimeoutError

    with tracing(server) as client:
        with pytest.raises(TimeoutError), tracked_lock(client, Broken(), "m"):
            pass
        client.track_custom("after")
    assert [event["lock_set"] for event in server.events] == [[]]


def test_a_wrapped_job_is_in_the_trace_of_who_submitted_it_and_the_next_one_is_not(server):
    seen = []

    def job(client):
        """Do it."""
        client.track_custom("job")
        seen.append(context.current())
        context.begin(context.TraceContext())  # left open by mistake

    with ThreadPoolExecutor(1) as pool, tracing(server) as client:
        client.track_custom("before")
        wrapped = context.wrap(job)
        assert (wrapped.__name__, wrapped.__doc__) == ("job", "Do it.")
        client.track_custom("after")
        pool.submit(wrapped, client).result()
        pool.submit(lambda: seen.append(context.current())).result()
        mine = context.current()
    assert seen == [mine, None]
    before, after, within = server.events
    assert within["parent_id"] == after["parent_id"] == before["id"]


def test_a_context_ends_with_its_block(server):
    client = make_client(server)
    with raceway_context() as outer:
        with pytest.raises(LookupError), raceway_context(outer):
            client.start_trace()  # and never ended
            raise LookupError
        assert context.current() is outer
    assert context.current() is None
    client.shutdown()


def test_the_public_face():
    for name in raceway.__all__:
        assert getattr(raceway, name) is not None
