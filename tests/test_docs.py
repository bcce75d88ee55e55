"""What the documentation says exists."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "sitecustomize_example").rglob("*.md"),
    ]
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
# Options of the programs that the documentation runs, not of raceway-run.
_FOREIGN = {
    "--app", "--bind", "--config", "--fixed", "--graceful-timeout", "--junitxml", "--max-requests",
    "--noreload", "--packages", "--port", "--preload", "--threads", "--timeout", "--transfers", "--worker-class",
    "--workers",
}  # fmt: skip
# Those of "python -m benchmarks": tests/test_benchmarks.py.
_BENCHMARKS = {"--compare", "--json", "--plots", "--rivals", "--update"}
# Those of the server: tests/server use each of them.
_SERVER = {"--config", "--data", "--host", "--log-format", "--source"}
# Those of "raceway report" and "raceway export" alone: tests/server use each of them.
_COMMANDS = {"--api-key", "--parquet", "--to"}
# Those of the plugin: tests/plugin use each of them.
_PLUGIN = {"--raceway", "--raceway-fail-on", "--raceway-watch"}


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    found = set()
    for heading in _HEADING.findall(prose(page)):
        kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        found.add(kept.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert [] == broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_blocks_compile(page: Path) -> None:
    for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            # Some show what stands inside of a coroutine.
            flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            compile(text, name(page), "exec", flags, dont_inherit=True)
        elif language == "json":
            json.loads(text)


def test_options_exist() -> None:
    """Every option in the documentation is one that raceway-run knows, and the other way round."""
    ended = subprocess.run(
        [sys.executable, "-m", "raceway_autopatch.launcher", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    known = set(_OPTION.findall(ended.stdout))
    for page in PAGES:
        used = set(_OPTION.findall(page.read_text("utf-8")))
        assert used - known - _FOREIGN - _PLUGIN - _SERVER - _COMMANDS - _BENCHMARKS == set(), name(
            page
        )
    reference = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    assert known == set(_OPTION.findall(reference)) - _COMMANDS


def test_variables_exist() -> None:
    """Every environment variable in the documentation is read somewhere, and the other way round."""
    pattern = re.compile(r"\bRACEWAY_[A-Z_]+\b")
    read = {
        variable
        for package in ("raceway", "raceway_autopatch")
        for source in (ROOT / package).rglob("*.py")
        for variable in pattern.findall(source.read_text(encoding="utf-8"))
    }
    for page in PAGES:
        assert set() == set(pattern.findall(page.read_text("utf-8"))) - read, name(page)
    reference = (ROOT / "docs/reference/environment.md").read_text(encoding="utf-8")
    assert read == set(pattern.findall(reference))


def test_config_is_described() -> None:
    """The table has each field of Config with its default."""
    from raceway import Config

    text = (ROOT / "docs/reference/config.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", text, re.MULTILINE))
    assert {f.name: repr(f.default) for f in fields(Config) if f.init} == {
        field: repr(ast.literal_eval(default)) for field, default in rows.items()
    }


def test_report_schema_fits() -> None:
    """The published schema accepts what is written, and knows every key of it."""
    jsonschema = pytest.importorskip("jsonschema")
    from raceway.model import findings
    from raceway.report.document import report_document

    frame = findings.Frame("/srv/app.py", 12, "withdraw")
    lock = findings.LockRef("lock", "Lock", "/srv/app.py:3")
    starter = findings.Actor("Thread-1", started_by="MainThread", started_at=(frame,), process=7)
    main = findings.Actor("MainThread", "main", process=7)
    read = findings.Access("read", "read", starter, (frame,), (lock,), 100, True, "first")
    write = findings.Access("write", "write", starter, (frame,), (), 90, True, "second")
    other = findings.Access("write", "write", main, (frame,))
    finding = findings.Finding(
        "RW-1a2b3c", "atomicity-violation", "critical", "observed", "acct.balance", "Lost.",
        (read, write, other), (lock,), "No lock.", "Hold it.", (findings.Step(0, "read", 12),),
    )  # fmt: skip
    report = findings.Report(
        (finding,), processes=(findings.ProcessInfo(7, "python app.py", 3, "exit"),), exit_status=0
    )
    schema = json.loads((ROOT / "docs/reference/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for document in (report_document(report), report_document(findings.Report())):
        jsonschema.validate(document, schema)
        jsonschema.validate(document, _closed(schema))


def _closed(schema: object) -> object:
    """Return the schema with every object limited to the keys that it names."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        closed["additionalProperties"] = False
    return closed
