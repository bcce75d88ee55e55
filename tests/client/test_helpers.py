"""Decorators, tracked locks, and traces that go along with a job and not with its thread."""

from __future__ import annotations

import asyncio
import inspect
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


def test_a_generator_is_tracked_from_its_first_step_to_its_end(server):
    with tracing(server) as client:

        @track_function(client, name="numbers", capture_result=True)
        def numbers(most):
            sent = yield 1
            try:
                yield sent
            except KeyError:
                yield most
            client.track_custom("within")
            return "end"

        assert inspect.isgeneratorfunction(numbers)
        steps = numbers(7)
        client.track_custom("made")
        assert next(steps) == 1
        assert steps.send("sent") == "sent"
        assert steps.throw(KeyError()) == 7
        with pytest.raises(StopIteration) as ended:
            next(steps)
        assert ended.value.value == "end"
        steps = numbers(8)
        next(steps)
        steps.close()
        with pytest.raises(LookupError):
            next(steps := numbers(9))
            steps.throw(LookupError("no"))
    told = [fields.get("name") or fields.get("function_name") or fields["message"]
            for _, fields in server.kinds()]  # fmt: skip
    assert told == [
        "made", "numbers", "within", "numbers:return", "numbers", "numbers:return", "numbers", "no"
    ]  # fmt: skip
    assert server.events[3]["kind"]["FunctionCall"]["args"] == {"return_value": "end"}
    assert list(numbers(1)) == [1, None]  # outside of a trace


def test_an_async_generator_is_tracked_from_its_first_step_to_its_end(server):
    closed = []

    async def use(client):
        @track_function(client, name="numbers")
        async def numbers(most):
            try:
                sent = yield 1
                try:
                    yield sent
                except KeyError:
                    yield most
                client.track_custom("within")
            finally:
                closed.append(most)

        assert inspect.isasyncgenfunction(numbers)
        steps = numbers(7)
        assert await anext(steps) == 1
        assert await steps.asend("sent") == "sent"
        assert await steps.athrow(KeyError()) == 7
        with pytest.raises(StopAsyncIteration):
            await anext(steps)
        steps = numbers(8)
        await anext(steps)
        await steps.aclose()
        assert closed == [7, 8]
        steps = numbers(9)
        await anext(steps)
        with pytest.raises(LookupError):
            await steps.athrow(LookupError("no"))
        with pytest.raises(TypeError):
            await anext(numbers())
        client.end_trace()
        assert [number async for number in numbers(11)] == [1, None]

    with tracing(server) as client:
        asyncio.run(use(client))
    told = [fields.get("name") or fields.get("function_name") or fields["message"]
            for _, fields in server.kinds()]  # fmt: skip
    assert told[:7] == [
        "numbers", "within", "numbers:return", "numbers", "numbers:return", "numbers", "no"
    ]  # fmt: skip
    assert told[7] == "numbers"
    assert "positional argument" in told[8]
    assert len(told) == 9


@pytest.mark.parametrize("decorator", [track_function, track_method])
def test_methods_of_a_class_on_either_side(server, decorator):
    with tracing(server) as client:
        track = decorator(client)

        class Account:
            @track
            @classmethod
            def above(cls, number):
                return cls, number

            @classmethod
            @track
            def below(cls, number):
                return cls, number

            @track_function(client)
            @staticmethod
            def static(number):
                return number

        class Savings(Account):
            pass

        assert Savings.above(1) == Savings().below(1) == (Savings, 1)
        assert Savings.static(2) == Savings().static(2) == 2
    called = [fields["function_name"] for _, fields in server.kinds()]
    kind = "Savings" if decorator is track_method else "Account"
    assert [name.rpartition("<locals>.")[2] for name in called[::2]] == [
        f"{kind}.above", f"{kind}.below", "Account.static", "Account.static"
    ]  # fmt: skip


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


def test_a_context_may_be_shared_and_nested():
    shared = raceway_context()

    def work():
        with raceway_context() as own, shared as trace:
            barrier.wait()
            with shared:
                assert context.current() is trace
            assert context.current() is trace
            barrier.wait()
        assert context.current() is None
        return own is not trace

    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda _: work(), range(2)))
    with shared as trace, raceway_context(), shared:
        assert context.current() is trace
    assert context.current() is None


def test_a_context_that_tasks_share():
    shared = raceway_context()

    async def work(depth):
        with raceway_context() as own:
            with shared as trace:
                await asyncio.sleep(0)
                if depth:
                    await asyncio.gather(work(depth - 1), work(depth - 1))
                assert context.current() is trace
            assert context.current() is own
        return context.current()

    async def main():
        with shared as trace:
            assert await asyncio.gather(work(2), work(1)) == [trace, trace]

    asyncio.run(main())
    assert context.current() is None


def test_the_public_face():
    for name in raceway.__all__:
        assert getattr(raceway, name) is not None
