"""Each test is judged by itself: what came before it, beside it and around it."""

import pytest

# These functions order nothing for us: with them the threads of a test come one after the other,
# unordered.
SUITE = """
import os
import threading
from posix import read as read_byte, write as write_byte

import pytest
from shared import both, watched, withdraw


class Server(threading.Thread):
    '''A thread that outlives tests and does what it is told, which orders nothing.'''

    def __init__(self, account):
        super().__init__(daemon=True)
        self.account = account
        self.orders = os.pipe()
        self.answers = os.pipe()
        self.start()

    def run(self):
        while read_byte(self.orders[0], 1) == b"w":
            self.account.balance = 1
            write_byte(self.answers[1], b".")

    def write(self):
        write_byte(self.orders[1], b"w")
        read_byte(self.answers[0], 1)

    def stop(self):
        write_byte(self.orders[1], b"q")
        self.join()


@pytest.fixture(scope="session")
def account():
    return watched("account")

@pytest.fixture(scope="session")
def server(account):
    server = Server(account)
    server.write()
    yield server
    server.stop()

@pytest.fixture(scope="module")
def racing_module_fixture():
    other = watched("other")
    both(withdraw, other)
    return other

@pytest.fixture
def read(account, server):
    return account.balance

def test_session_fixture_came_before(server, account):
    account.balance = 2

def test_only_server(server):
    server.write()

def test_only_main_thread(account):
    account.balance = 3

def test_both(server, account):
    server.write()
    account.balance = 4

def test_both_again(server, account):
    account.balance = 5
    server.write()

def test_own_fixture_counts(read, server):
    server.write()

def test_race_in_module_fixture(racing_module_fixture):
    pass

def test_module_fixture_came_before(racing_module_fixture):
    racing_module_fixture.balance = 1
"""


def test_each_by_itself(suites):
    suites.write("test_shared.py", SUITE)
    session = suites.pytest("--raceway", "-W", "error")
    failed = {"test_both", "test_both_again", "test_own_fixture_counts",
              "test_race_in_module_fixture"}  # fmt: skip
    assert failed == {name for name, how in session.outcomes.items() if how != "passed"}
    assert set(session.outcomes.values()) == {"passed", "failure"}, session.out
    assert len(session.outcomes) == 8
    assert "other.balance" in session.details["test_race_in_module_fixture"]
    assert [] == suites.left_over()


def test_thread_that_goes_on(suites):
    """Who writes faster than can be read does not keep a test from ending."""
    suites.write(
        "test_busy.py",
        """
        import threading
        import pytest
        from shared import watched

        @pytest.fixture(scope="session", autouse=True)
        def busy():
            account = watched("account")
            over = []

            def count():
                while not over:
                    account.balance += 1

            thread = threading.Thread(target=count)
            thread.start()
            yield account, over, thread
            over.append(True)

        @pytest.mark.parametrize("number", range(3))
        def test_beside(number):
            pass

        def test_race(busy):
            account, over, thread = busy
            account.balance = 0
            over.append(True)
            thread.join()
        """,
    )
    session = suites.pytest("--raceway")
    assert session.outcomes.pop("test_race") == "failure", session.out
    assert set(session.outcomes.values()) == {"passed"}, session.out


def test_forked_processes_belong_to_the_test(suites):
    suites.write(
        "test_processes.py",
        """
        import multiprocessing
        import pytest

        fork = multiprocessing.get_context("fork")
        total = fork.Value("i", 0)

        def add():
            before = total.value
            total.value = before + 1

        def add_safely():
            with total.get_lock():
                total.value += 1

        @pytest.mark.parametrize("function", [add, add_safely], ids=["race", "clean"])
        def test_processes(function):
            processes = [fork.Process(target=function) for _ in range(2)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
        """,
    )
    session = suites.pytest("--raceway")
    assert {
        "test_processes[race]": "failure",
        "test_processes[clean]": "passed",
    } == session.outcomes, session.out
    assert [] == suites.left_over()


@pytest.mark.parametrize("way", ["exit", "terminate"])
def test_process_that_ends_early(suites, way):
    """The recording is not left lying about."""
    end = {"exit": "os._exit(7)", "terminate": "os.kill(os.getpid(), signal.SIGTERM)"}[way]
    text = f"""
        import os, signal, threading

        def test_ends():
            with threading.Lock():
                {end}
        """
    suites.write("test_ends.py", text)
    session = suites.pytest("--raceway", "-s")
    assert session.status == {"exit": 7, "terminate": -15}[way]
    assert [] == suites.left_over()


ASYNC = """
import asyncio
import pytest
from shared import watched

pytestmark = {mark}
account = watched("account")

async def withdraw():
    balance = account.balance
    await asyncio.sleep(0)
    account.balance = balance - 10

async def withdraw_safely(lock):
    async with lock:
        await withdraw()

async def test_race():
    await asyncio.gather(withdraw(), withdraw())

async def test_clean():
    lock = asyncio.Lock()
    await asyncio.gather(withdraw_safely(lock), withdraw_safely(lock))

async def test_alone():
    await withdraw()
"""


@pytest.mark.parametrize(
    ("module", "mark"),
    [("anyio", "pytest.mark.anyio"), ("pytest_asyncio", "pytest.mark.asyncio")],
    ids=["anyio", "pytest-asyncio"],
)
def test_asyncio(suites, module, mark):
    pytest.importorskip(module)
    suites.write("test_async.py", ASYNC.format(mark=mark))
    suites.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
        """,
    )
    if module == "pytest_asyncio":
        ini = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
        (suites.folder / "pytest.ini").write_text(ini)
    session = suites.pytest("--raceway", "-W", "error")
    assert {
        "test_race": "failure",
        "test_clean": "passed",
        "test_alone": "passed",
    } == session.outcomes, session.out
    assert "atomicity violation  account.balance" in session.details["test_race"]
