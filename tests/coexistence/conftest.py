"""Programs under another tool, with and without ``raceway-run`` around it."""

import importlib.util
import sys
import tempfile

import pytest
from launcher.conftest import Bench

APP = """
import sys
import threading
import queue
import raceway


class Account:
    def __init__(self):
        self.balance = 0


def pay(account, lock, jobs):
    while (amount := jobs.get()) is not None:
        with lock:
            account.balance += amount
    return account


def main():
    account = raceway.watch(Account(), name="account")
    ledger = raceway.watch({}, name="ledger")
    lock, jobs = threading.Lock(), queue.Queue()
    threads = [threading.Thread(target=pay, args=(account, lock, jobs)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for amount in range(10):
        jobs.put(amount)
        ledger[amount % 3] = amount
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()
    print("balance", account.balance, ledger)


if __name__ == "__main__":
    main()
"""


class Pair:
    """The same command, bare and under ``raceway-run``."""

    def __init__(self, bench):
        self.bench = bench
        bench.env["RACEWAY_PATCH"] = ""
        bench.write("app.py", APP)

    def run(self, *command, env=None):
        bare = self.bench.run(*command, env=env)
        ours = self.bench.run(*self.bench.launcher, *command, env=env)
        return bare, ours

    def same(self, *command, env=None, recorded=True):
        """Assert that status, output and own stderr are the same; return the output."""
        bare, ours = self.run(*command, env=env)
        assert (bare.status, bare.out) == (ours.status, ours.out), ours.err
        assert "internal error" not in ours.err
        if recorded:
            assert "raceway: no races found; watched 2 objects" in ours.err, ours.err
        return bare.out


@pytest.fixture
def pair(tmp_path):
    # Not below tmp_path, as for the launcher.
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as temporary:
        yield Pair(Bench(tmp_path, temporary))


@pytest.fixture
def tool(request):
    """The name of a tool that is installed; else the test is skipped, and says so."""
    name = request.param
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed; the extra 'tools' brings it")
    return name


PYTHON = sys.executable
