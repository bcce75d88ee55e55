"""raceway explain: one finding, or one type."""

import os
import re

import pytest

from raceway.cli.explanations import EXPLANATIONS
from raceway.triage.tables import TYPES


def test_a_finding(command):
    identity = command.finding("store.visits")

    said = command.raceway("explain", identity, "r.json")

    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("raceway: 1 of 1  CRITICAL  data race  store.visits  " + identity)
    assert "store.sold" not in said.out
    assert "  order   Thread-" in said.out
    assert f'[[tool.raceway.suppress]]\n      fingerprint = "{identity}"\n' in said.out
    assert said.out.endswith(EXPLANATIONS["data-race"])


def test_the_suppression_that_it_offers_works(command):
    said = command.raceway("explain", command.finding("store.visits"), "r.json").out
    lines = said[said.index("[[tool.raceway") :].splitlines()[:3]
    text = "\n".join(lines).replace("tool.raceway.suppress", "suppress")
    command.write("s.toml", text)

    out = command.raceway("report", "r.json", "--suppressions", "s.toml", "-v").out

    assert "suppressed: data-race store.visits" in out
    assert "suppressed: data-race store.sold" not in out


@pytest.mark.parametrize("form", ["{}", "RW-{}", "rw-{}"])
def test_the_beginning_of_a_fingerprint(command, form):
    identity = command.finding("store.sold")

    said = command.raceway("explain", form.format(identity[3:8].upper()), "r.json")

    assert said.out.startswith("raceway: 1 of 1  CRITICAL  data race  store.sold  " + identity)


def test_the_newest_report_of_the_folder(command):
    old = command.folder / "old.json"
    old.write_text((command.folder / "r.json").read_text().replace("store.sold", "till.old"))
    os.utime(old, (1, 1))
    command.write("package.json", "{}")

    said = command.raceway("explain", command.finding("store.sold"))

    assert said.out.startswith("raceway: from r.json\n\nraceway: 1 of 1")
    assert "till.old" not in said.out


def test_what_has_become_of_a_finding(command):
    identity = command.finding("store.sold")
    command.write("s.toml", '[[suppress]]\nvariable = "store.sold"\nreason = "only a guess"\n')
    command.raceway("report", "r.json", "--suppressions", "s.toml", "--report", "s.json")
    command.raceway("baseline", "r.json", "-o", "b.json")
    command.raceway("report", "r.json", "--baseline", "b.json", "--report", "k.json")

    suppressed = command.raceway("explain", identity, "s.json").out
    assert "\n  suppressed by s.toml:1: only a guess\n" in suppressed
    known = command.raceway("explain", identity, "k.json").out
    assert "\n  known by the baseline b.json\n" in known
    assert "[[" not in suppressed + known


@pytest.mark.parametrize("kind", TYPES)
def test_types(command, kind):
    said = command.raceway("explain", kind)

    assert said.status == 0
    headings = [line for line in said.out.splitlines() if re.match(r"\w", line)]
    assert headings[0].endswith(kind.replace("-", " ").replace("lock order", "lock-order") + " is")
    assert headings[1:] == ["Why it matters", "How to repair it"]
    assert max(map(len, said.out.splitlines())) < 80
    assert "      with" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RW-zzz", "r.json"], r"r\.json has no finding 'RW-zzz': there are RW-\w+, RW-\w+; types"),
        (["RW-", "r.json"], r"'RW-' can be RW-\w+ or RW-\w+: give more of it"),
        (["RW-1", "none.json"], r"none\.json: cannot be read"),
    ],
)
def test_what_cannot_be_explained(command, arguments, message):
    outcome = command.raceway("explain", *arguments)

    assert outcome.status == 2
    assert re.match(f"raceway: {message}", outcome.err)


def test_without_any_report(command):
    (command.folder / "r.json").unlink()

    outcome = command.raceway("explain", "RW-1")

    assert outcome.status == 2
    assert "there is no report in this folder" in outcome.err
    assert "raceway-run --report report.json python app.py" in outcome.err
