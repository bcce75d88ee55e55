"""raceway report and raceway baseline."""

import json
import re

import pytest


def text_of(run):
    """Return the report on stderr of a run, without the line about the recording."""
    return "".join(
        line for line in run.err.splitlines(keepends=True) if "recording was kept" not in line
    )


def test_a_report_is_shown_as_it_was(kept):
    shown = kept.raceway("report", "r.json")

    assert (shown.status, shown.err) == (0, "")
    assert shown.out == text_of(kept.outcome)
    assert "raceway: 1 of 2  CRITICAL  data race  store." in shown.out


def test_a_recording_is_analysed_anew(kept):
    shown = kept.raceway(
        "report", kept.recording, "--report", "again.json", "--fail-on", "critical"
    )

    assert (shown.status, shown.err) == (66, "")
    assert shown.out == text_of(kept.outcome)
    again = json.loads((kept.folder / "again.json").read_text())
    for name in ("findings", "counts", "processes", "notes"):
        assert again[name] == kept.document[name]
    assert again["command"][1:] == kept.document["command"][1:] == ["app.py"]
    (kept.folder / "again.json").unlink()


def test_suppressions_are_tried_out_on_a_report(command):
    """Who writes one wants to see whether it works, without another run."""
    command.write("raceway.toml", '[[suppress]]\nvariable = "store.sold"\nreason = "r"\n')
    command.write("other.toml", '[[suppress]]\nvariable = "store.*"\nreason = "r"\n')

    assert "suppressed" not in command.raceway("report", "r.json").out
    tried = command.raceway(
        "report", "r.json", "--suppressions", "other.toml", "--report", "s.json", "-q"
    )
    assert (tried.status, tried.out) == (0, "")
    again = command.raceway("report", "s.json", "--fail-on", "warning", "--verbose")
    assert again.status == 0
    assert "no new races found, 2 suppressed; watched 1 object" in again.out
    assert again.out.count("(other.toml:1: r)") == 2
    # What was decided in the run is taken back.
    command.write("none.toml", "")
    back = command.raceway("report", "s.json", "--suppressions", "none.toml")
    assert back.out == command.raceway("report", "r.json").out
    anew = command.raceway("report", command.recording)
    assert "1 finding (1 critical), 1 suppressed; watched 1 object" in anew.out


def test_a_baseline_is_written_and_used(command):
    made = command.raceway("baseline", "r.json")

    assert (made.status, made.err) == (0, "")
    assert made.out == (
        "raceway-baseline.json: 2 findings;"
        " use it with raceway-run --baseline raceway-baseline.json\n"
    )
    lines = (command.folder / "raceway-baseline.json").read_text().splitlines()
    ids = sorted(one["id"] for one in command.document["findings"])
    assert [re.search(r"RW-\w+", line)[0] for line in lines[3:-2]] == ids
    assert json.loads(lines[3].rstrip(","))["type"] == "data-race"
    used = command.raceway(
        "report", "r.json", "--baseline", "raceway-baseline.json", "--fail-on", "warning",
        "--report", "k.json",
    )  # fmt: skip
    assert used.status == 0
    assert used.out.endswith("\nraceway: 2 known findings (baseline raceway-baseline.json)\n")
    # Known ones stay in the next baseline, and suppressed ones do not get there.
    assert "2 findings" in command.raceway("baseline", "k.json", "-o", "next.json").out
    assert (command.folder / "next.json").read_text().splitlines() == lines
    command.write("s.toml", '[[suppress]]\nvariable = "store.*"\nreason = "r"\n')
    command.raceway("report", "r.json", "--suppressions", "s.toml", "--report", "s.json")
    assert "0 findings" in command.raceway("baseline", "s.json", "-o", "next.json").out
    assert json.loads((command.folder / "next.json").read_text())["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "none.json"], "none.json: cannot be read: .*raceway-run --report"),
        (["report", "text.json"], "text.json: cannot be shown: it is no JSON"),
        (
            ["report", "other.json"],
            "other.json: cannot be shown: it is no raceway-report/1, but 'x'",
        ),
        (["report", "damaged.json"], "damaged.json: cannot be shown: the report is damaged"),
        (["report", "."], r"\.: there is no recording in it: RACEWAY_KEEP_RUN=1 raceway-run"),
        (["report", "r.json", "--report", "r.pdf"], r"cannot write a report to 'r.pdf'"),
        (["report", "r.json", "--report", "no/r.json"], "no/r.json: cannot be written: No such"),
        (["report", "r.json", "--baseline", "r.json"], "r.json: is no baseline"),
        (["report", "r.json", "--suppressions", "text.json"], "text.json: is not valid TOML"),
        (["baseline", "none.json"], "none.json: cannot be read"),
        (["baseline", "r.json", "-o", "no/b.json"], "no/b.json: cannot be written: No such"),
    ],
)
def test_what_cannot_be_done(command, arguments, message):
    command.write("text.json", "text text")
    command.write("other.json", '{"schema": "x"}')
    document = {**command.document, "findings": [{"id": "RW-1"}]}
    command.write("damaged.json", json.dumps(document))

    outcome = command.raceway(*arguments)

    assert outcome.status == 2
    assert re.match(f"raceway: {message}", outcome.err)
    assert outcome.err.count("\n") == 1


def test_the_command_itself(command):
    version = command.raceway("--version", env={"RACEWAY_PURE_PYTHON": "1"}).out
    parts = "recorder, clocks, analysis, sigterm"
    assert re.fullmatch(rf"raceway \S+ \(Python 3\.\S+; {parts} in Python\)\n", version)
    for arguments in ([], ["--help"], ["reprot"]):
        outcome = command.raceway(*arguments)
        assert outcome.status == (0 if arguments == ["--help"] else 2)
        assert "usage: raceway" in outcome.out + outcome.err
    # raceway run takes what raceway-run takes.
    run = command.raceway("run", "--quiet", "-m", "this", "--report", "x")
    assert (run.status, run.out[:12]) == (0, "The Zen of P")
    assert command.raceway("run", "--report").err.startswith("raceway-run: --report needs a value")


def test_a_reader_that_has_enough(command):
    outcome = command.run(
        "/bin/sh", "-c", f"{command.launcher[0]} -m raceway report r.json | head -n 1"
    )

    assert outcome.out.startswith("raceway: 1 of 2")
    assert outcome.err == ""


def test_a_module_of_the_user_with_a_name_of_the_standard_library(command):
    command.write("json.py", "raise SystemExit('the wrong one')")
    command.write("argparse.py", "raise SystemExit('the wrong one')")

    assert command.raceway("report", "r.json").status == 0
