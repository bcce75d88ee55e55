"""Small labelled programs, recorded and analysed: every bug is reported, and nothing else is.

A program in ``programs/<category>/`` starts with a header of comments:

    # title: one line
    # expect: data-race acct.balance     or: atomicity-violation X, lock-order-inversion, clean
    # lines: 14,22 | 14,30               line numbers; alternatives after |
    # severity: critical                 at least this, and at least warning anyway
    # min-python: 3.11                   only where needed
    # requires: flask, requests          only where needed
    # needs: FORK, RECEIVE               ops without which a clean program would be accused
    # why: the reason for the label

``lines`` and ``severity`` belong to the ``expect`` above them; there may be several.  ``expect``
may name alternatives (``cache['k'] | cache``), and ``[*]`` stands for any one item.  The accesses
of a bug happen in every schedule, and nothing ever orders them.

They are recorded as under raceway-run and analysed by what it calls, but in the process of the
test: that halves the time.

A clean program whose header says ``# needs: RECEIVE`` relies on what the ops of these kinds say.
Its log is analysed once more, without those ops: then the program has to be accused.  If it is not,
something else orders it as well, and the program proves nothing about the edge.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from raceway import analysis
from raceway.model import ops
from raceway.pipeline.oplog_reader import Chunk, OpLogReader
from raceway.pipeline.replay import Replay
from raceway.report.document import report_document

ROOT = Path(__file__).parent.parent
BOOTSTRAP = ROOT / "raceway_autopatch" / "bootstrap"
PROGRAMS = Path(__file__).parent / "programs"
PATHS = sorted(PROGRAMS.rglob("*.py"))
CATEGORIES = {
    "asyncio-atomicity",
    "asyncio-clean",
    "asyncio-threads",
    "gevent",
    "lock-order",
    "processes",
    "threads-atomicity",
    "threads-clean",
    "threads-race",
    "trio",
    "web",
}
TYPES = {"data-race", "atomicity-violation", "lock-order-inversion"}
SEVERITIES = ["info", "warning", "critical"]
KEYS = {"title", "expect", "lines", "severity", "min-python", "requires", "needs", "why"}


@dataclass
class Expectation:
    """A finding that has to be reported."""

    type: str
    variables: list[str] = field(default_factory=list)
    lines: list[set[int]] = field(default_factory=list)
    severity: str = "warning"

    def concerns(self, finding: Finding) -> bool:
        if self.type == "lock-order-inversion":
            return finding.type == self.type
        return any(re.fullmatch(pattern(name), finding.variable) for name in self.variables)

    def is_met_by(self, finding: Finding) -> bool:
        return (
            self.concerns(finding)
            and finding.type == self.type
            and SEVERITIES.index(finding.severity) >= SEVERITIES.index(self.severity)
            and any(lines <= finding.lines for lines in self.lines)
        )

    def explains(self, finding: Finding) -> bool:
        """An unlocked read-modify-write may be called both a race and a violation."""
        tolerated = {self.type}
        if self.type == "data-race":
            tolerated.add("atomicity-violation")
        return self.concerns(finding) and finding.type in tolerated


@dataclass
class Header:
    """What a program says about itself."""

    title: str = ""
    why: str = ""
    clean: bool = False
    expected: list[Expectation] = field(default_factory=list)
    requires: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    min_python: tuple[int, ...] = ()


@dataclass
class Finding:
    """What is compared with an expectation."""

    type: str
    variable: str
    severity: str
    lines: set[int]


def pattern(name: str) -> str:
    return re.escape(name).replace(re.escape("[*]"), r"\[[^\]]*\]")


def same_quotes(name: str) -> str:
    return name.strip().replace('"', "'")


def parse(path: Path) -> Header:
    """Read the header of a program."""
    header = Header()
    for text in path.read_text(encoding="utf-8").splitlines():
        if not text.startswith("#"):
            break
        match = re.fullmatch(r"# ([a-z-]+): (.+)", text)
        assert match, f"{path}: {text}"
        assert match[1] in KEYS, f"{path}: {text}"
        take(header, match[1], match[2].strip())
    return header


def take(header: Header, key: str, value: str) -> None:
    if key == "expect":
        if value == "clean":
            header.clean = True
            return
        kind, _, names = value.partition(" ")
        variables = [same_quotes(name) for name in names.split(" | ")] if names else []
        header.expected.append(Expectation(kind, variables))
    elif key == "lines":
        header.expected[-1].lines = [set(map(int, part.split(","))) for part in value.split(" | ")]
    elif key == "severity":
        header.expected[-1].severity = value
    elif key == "min-python":
        header.min_python = tuple(map(int, value.split(".")))
    elif key in {"requires", "needs"}:
        setattr(header, key, [name.strip() for name in value.split(",")])
    else:
        setattr(header, key, value)


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the root of the clone."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RACEWAY_")}
    # The packages beside these tests, installed or not.
    env["PYTHONPATH"] = os.pathsep.join([str(BOOTSTRAP), str(ROOT)])
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def all_locations(value: object) -> list[str]:
    """Every location in a part of the report, however deep."""
    if isinstance(value, list):
        return [place for part in value for place in all_locations(part)]
    if not isinstance(value, dict):
        return []
    own = [value["location"]] if isinstance(value.get("location"), str) else []
    return own + [place for part in value.values() for place in all_locations(part)]


def findings(run_dir: Path, program: Path) -> list[Finding]:
    """Analyse a run; of the locations only the lines in the program count."""
    document = report_document(analysis.RunAnalysis(str(run_dir)).finish())
    assert (0, 0) == (document["counts"]["internal_errors"], document["counts"]["dropped"])
    found = []
    for item in document["findings"]:
        if item["type"] == "lock-order-inversion":
            places = all_locations(item)
        else:
            places = [access["location"] for access in item["accesses"]]
        matches = [re.fullmatch(r"(.*?):(\d+).*", place) for place in places]
        lines = {int(m[2]) for m in matches if m and Path(m[1]).name == program.name}
        variable = same_quotes(item.get("variable") or "")
        found.append(Finding(item["type"], variable, item["severity"], lines))
    return found


def drop(kinds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the analysis read logs as if ops of these kinds had never been recorded."""
    codes = {ops.NAMES.index(kind) for kind in kinds}

    class Forgetful(OpLogReader):
        def next_chunk(self) -> Chunk | None:
            chunk = super().next_chunk()
            if chunk is None:
                return None
            kept = [
                item
                for at in range(0, len(chunk.ops), ops.STRIDE)
                if chunk.ops[at + 1] & ops.OP_MASK not in codes
                for item in chunk.ops[at : at + ops.STRIDE]
            ]
            return Chunk(chunk.definitions, kept, chunk.time)

    monkeypatch.setattr(analysis, "OpLogReader", Forgetful)
    if ops.FORK in codes:
        # A thread that nobody started is taken to know everything that came before it.
        monkeypatch.setattr(Replay, "_appears", lambda replay, number, _: replay._actor(number))


def name_of(path: Path) -> str:
    return path.relative_to(PROGRAMS).with_suffix("").as_posix()


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_header_is_well_formed(path: Path) -> None:
    header = parse(path)
    text = path.read_text(encoding="utf-8")
    code = text.splitlines()
    assert path.parent.name in CATEGORIES
    assert header.title
    assert header.why
    assert header.clean != bool(header.expected)
    assert header.clean or not header.needs
    assert set(header.needs) <= set(ops.NAMES[ops.LAST_ACCESS + 1 :])
    for expectation in header.expected:
        assert expectation.type in TYPES
        assert expectation.severity in SEVERITIES[1:]
        assert bool(expectation.variables) == (expectation.type != "lock-order-inversion")
        assert expectation.lines
        for number in set.union(*expectation.lines):
            assert code[number - 1].strip()
            assert not code[number - 1].startswith("#")
        for variable in expectation.variables:
            root = re.split(r"[.\[]", variable)[0]
            assert f'name="{root}"' in text


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_program(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = parse(path)
    if sys.version_info < header.min_python:
        pytest.skip("needs Python " + ".".join(map(str, header.min_python)))
    for module in header.requires:
        pytest.importorskip(module)
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    watched = run(str(path), RACEWAY_RUN_DIR=str(run_dir))
    assert watched.returncode == 0, watched.stderr
    plain = run(str(path), RACEWAY_ENABLED="0")
    assert plain.returncode == 0, plain.stderr
    assert (watched.stdout, watched.stderr) == (plain.stdout, plain.stderr)

    found = findings(run_dir, path)
    missed = [one for one in header.expected if not any(map(one.is_met_by, found))]
    alarms = [
        one
        for one in found
        if one.severity != "info" and not any(each.explains(one) for each in header.expected)
    ]
    assert ([], []) == (missed, alarms), f"found: {found}"

    if header.needs:
        drop(header.needs, monkeypatch)
        assert any(one.severity != "info" for one in findings(run_dir, path)), header.needs
