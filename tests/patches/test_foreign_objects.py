"""What a program hands over may be any object: it is called as ever, and nothing else is done to it.

The programs print each attribute that was looked up on their objects, patched and bare.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pytest
from recorded import run, same

PRELUDE = """
import asyncio, functools, threading, _thread
from concurrent.futures import Future, ThreadPoolExecutor
from unittest.mock import MagicMock, Mock
looked_up = []
class Meta(type):
    def __getattribute__(cls, name):
        looked_up.append("class " + name)
        return super().__getattribute__(name)
class Strange(metaclass=Meta):
    def __getattribute__(self, name):
        looked_up.append(name)
        raise RuntimeError(name)
    def __call__(self, *args):
        return "called"
strange = Strange()
"""

USES = {
    "executor": "print(ThreadPoolExecutor(1).submit(strange).result())",
    "done callback": """
future = Future()
future.set_result(1)
future.add_done_callback(strange)
""",
    "raw thread": """
done = _thread.allocate_lock()
done.acquire()
def over(*args):
    done.release()
_thread.start_new_thread(functools.partial(strange), ())
_thread.start_new_thread(over, ())
done.acquire()
""",
    "to_thread": "print(asyncio.run(asyncio.to_thread(strange)))",
    "call_soon": """
async def main():
    loop = asyncio.get_running_loop()
    loop.call_soon(strange)
    loop.call_soon(functools.partial(strange, 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
asyncio.run(main())
""",
    "callback of a task": """
async def main():
    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(strange)
    await task
    await asyncio.sleep(0)
asyncio.run(main())
""",
    "task factory": """
async def main():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coro, **kwargs: coro.close() or strange)
    try:
        print(type(loop.create_task(asyncio.sleep(0))) is Strange)
    except RuntimeError as error:  # it was given a name
        print(error)
    loop.set_task_factory(None)
asyncio.run(main())
""",
}


@pytest.mark.parametrize("use", USES)
def test_no_attribute_of_a_callable_is_looked_up(use):
    same(PRELUDE + USES[use] + "\nprint(looked_up)")


def test_mocks_are_called_and_named_by_their_class():
    program = """
mock, magic = Mock(return_value="mock"), MagicMock(return_value="magic")
pool = ThreadPoolExecutor(1)
print(pool.submit(mock, 1).result(), pool.submit(magic).result(), asyncio.run(asyncio.to_thread(mock)))
print(mock.mock_calls, magic.mock_calls)
pool.shutdown()
"""
    same(PRELUDE + program)
    names = [d[2] for d in run(PRELUDE + program).definitions if d[0] == "actor"]
    assert "ThreadPoolExecutor-0 job Mock" in names
    assert "ThreadPoolExecutor-0 job MagicMock" in names


def test_a_partial_that_stands_for_itself_has_a_name():
    same(
        PRELUDE
        + """
endless = functools.partial(print)
endless.__setstate__((endless, (), {}, {}))
go_on = threading.Event()
pool = ThreadPoolExecutor(1)
pool.submit(go_on.wait)
print(pool.submit(endless).cancel())
go_on.set()
pool.shutdown()
endless.__setstate__((print, (), {}, {}))
"""
    )


def test_names_of_callables():
    result = run(
        PRELUDE
        + """
class Service:
    def serve(self): pass
    @classmethod
    def make(cls): pass
def plain(*args): pass
pool = ThreadPoolExecutor(1)
for callable in (
    plain, Service().serve, Service.make, Service, len, functools.partial(plain, 1),
    functools.partial(functools.partial(Service().serve)), "a".join,
):
    pool.submit(callable)
pool.shutdown()
"""
    )
    jobs = [
        d[2].removeprefix("ThreadPoolExecutor-0 job ") for d in result.definitions if "job" in d
    ]
    assert jobs == ["plain", "serve", "make", "Service", "len", "plain", "serve", "join"]
