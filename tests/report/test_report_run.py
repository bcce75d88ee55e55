"""A real program, run once: what it was found to do, in every format."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from report.markup import checked, commands, markdown_rows
from report.sarif_schema import VALIDATOR

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import asyncio
import threading
import raceway

class Account:
    def __init__(self):
        self.balance = 100

    def withdraw(self, amount):
        current = self.balance
        self.balance = current - amount

account = raceway.watch(Account(), name="</script><img onerror>")
stock = raceway.watch({"a": 5, "b": 5}, name="stock")
ledger, audit = threading.Lock(), threading.Lock()
mine = threading.Event()

def take(first, second):
    account.withdraw(10)
    with first, second:
        pass

async def reserve(key):
    n = stock[key]
    await asyncio.sleep(0)
    stock[key] = n - 1

async def main():
    await asyncio.gather(*(reserve(key) for key in "aabb"))

def second():
    while not mine.done:  # without an order between the two
        pass
    take(audit, ledger)

mine.done = False
late = threading.Thread(target=second)
late.start()
early = threading.Thread(target=take, args=(ledger, audit))
early.start()
early.join()
mine.done = True
late.join()
asyncio.run(main())
print("42", end="")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the program in a folder of a checkout, as a step of GitHub Actions does."""
    checkout = tmp_path_factory.mktemp("checkout")
    folder = checkout / "service"
    folder.mkdir()
    (folder / "app.py").write_text(PROGRAM)
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    env |= {
        "PYTHONPATH": str(ROOT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(checkout),
        "GITHUB_STEP_SUMMARY": str(checkout / "summary.md"),
    }
    names = [f"--report=r.{suffix}" for suffix in ("html", "json", "md", "sarif", "txt", "xml")]
    command = [sys.executable, "-m", "raceway_autopatch.launcher", *names, "app.py"]
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    return folder, done


@pytest.fixture(scope="module")
def document(run):
    return json.loads((run[0] / "r.json").read_text())


@pytest.fixture(scope="module")
def own(document):
    """The fingerprints of all findings that are no repetition of another one."""
    return [finding["id"] for finding in document["findings"] if not finding["same_as"]]


def test_json(document):
    schema = json.loads((ROOT / "docs/reference/report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)

    found = {(finding["type"], finding["variable"]) for finding in document["findings"]}
    assert {name for _, name in found} >= {"stock['a']", "stock['b']", ""}
    assert any("onerror" in name for _, name in found)
    assert {kind for kind, _ in found} >= {"atomicity-violation", "lock-order-inversion"}


def test_sarif(run, own):
    log = json.loads((run[0] / "r.sarif").read_text())
    VALIDATOR.validate(log)
    results = log["runs"][0]["results"]

    assert [result["partialFingerprints"]["raceway/v1"] for result in results] == own
    for result in results:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "app.py", "uriBaseId": "%SRCROOT%"}
        line = PROGRAM.splitlines()[place["region"]["startLine"] - 1]
        assert place["region"]["snippet"]["text"] == line


def test_html(run, document):
    page = checked((run[0] / "r.html").read_text("utf-8"))
    ids = [finding["id"] for finding in document["findings"]]

    assert [name for name in page.ids if name.startswith("RW-")] == ids
    assert "</script><img onerror>.balance" in page.text
    assert "> 11 │     current = self.balance" in page.text


def test_junit(run, own):
    suite = ET.fromstring((run[0] / "r.xml").read_bytes())
    failed = [case for case in suite.iter("testcase") if case.find("failure") is not None]

    assert [case.get("name").rpartition(" (")[2][:-1] for case in failed] == own
    assert {case.get("file") for case in failed} == {"app.py"}


def test_text_and_markdown(run, document):
    text = (run[0] / "r.txt").read_text("utf-8")

    assert all(finding["id"] in text for finding in document["findings"])
    assert "    await asyncio.sleep(0)   ← other tasks can run here\n" in text
    assert f"await  :{PROGRAM.splitlines().index('    await asyncio.sleep(0)') + 1} " in text
    rows = markdown_rows((run[0] / "r.md").read_text("utf-8"))
    assert len(rows) == len(document["findings"])


def test_github(run, own):
    """Annotations end what is on stderr, at paths below the checkout; stdout is the program's."""
    folder, done = run
    text, _, rest = done.stderr.partition("\n::")
    told = commands("::" + rest)

    assert done.stdout == "42"
    assert text.startswith("raceway: 1 of ") and "\nraceway: " in text
    assert [properties["title"].rpartition("(")[2][:-1] for _, properties, _ in told] == own
    assert {properties["file"] for _, properties, _ in told} == {"service/app.py"}
    assert len(markdown_rows((folder.parent / "summary.md").read_text("utf-8"))) >= len(own)
