"""A shop with two races, run under ``raceway-run``."""

import json
import tempfile

import pytest
from launcher.conftest import Bench
from plugin.conftest import Suites

STORE = """
    import raceway

    class Store:
        def __init__(self):
            self.sold, self.visits = 0, 0

        def sell(self):
            self.sold += 1

        def visit(self):
            self.visits += 1

    store = raceway.watch(Store(), name="store")
"""
APP = """
    import threading
    from shop.store import store

    def customer():
        store.sell()
        store.visit()

    threads = [threading.Thread(target=customer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


class Shop(Bench):
    """The folder with the program."""

    def __init__(self, folder, temporary):
        super().__init__(folder, temporary)
        self.env["RACEWAY_PATCH"] = ""
        (folder / "shop").mkdir()
        self.write("shop/__init__.py", "")
        self.write("shop/store.py", STORE)
        self.write("app.py", APP)

    def sell(self, *options, **more):
        """Run it, and return how it ended and its report."""
        (self.folder / "r.json").unlink(missing_ok=True)
        outcome = self.launched("--report", "r.json", *options, "app.py", **more)
        path = self.folder / "r.json"
        return outcome, json.loads(path.read_text()) if path.exists() else None

    def comment(self, line, comment):
        """Put a comment behind a line of the store."""
        text = (self.folder / "shop/store.py").read_text()
        assert line in text
        self.write("shop/store.py", text.replace(line, f"{line}  {comment}"))


def told(outcome):
    """Return the last lines on stderr: the summary and what follows it."""
    lines = outcome.err.splitlines()
    first = next(number for number, line in enumerate(lines) if "; watched" in line)
    return [line.removeprefix("raceway: ") for line in lines[first:]]


def by_variable(document, key):
    return {finding["variable"]: finding[key] for finding in document["findings"]}


@pytest.fixture
def shop(tmp_path):
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as temporary:
        yield Shop(tmp_path, temporary)


@pytest.fixture
def suites(tmp_path):
    with tempfile.TemporaryDirectory(prefix="rw-", ignore_cleanup_errors=True) as temporary:
        yield Suites(tmp_path, temporary)
