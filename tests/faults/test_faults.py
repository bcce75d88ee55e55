"""Whatever of ours fails, the program does the same; and the report says that something failed."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import raceway_autopatch

ROOT = Path(raceway_autopatch.__file__).parent.parent
PROGRAMS = Path(__file__).parent / "programs"
TIMEOUT = 100

SUBJECTS = {
    "threads": "raceway_autopatch.patches.threading raceway_autopatch.patches.queue"
    " raceway_autopatch.patches.concurrent_futures raceway_autopatch.primitives"
    " raceway_autopatch.lock_ops raceway_autopatch.internals",
    "tasks": "raceway_autopatch.patches.asyncio.actors raceway_autopatch.patches.asyncio.handles"
    " raceway_autopatch.patches.asyncio.futures raceway_autopatch.patches.asyncio.locks"
    " raceway_autopatch.patches.asyncio.queues raceway_autopatch.patches.socket",
    "greenlets": "raceway_autopatch.greenlets raceway_autopatch.patches.gevent.primitives"
    " raceway_autopatch.patches.gevent.hubs raceway_autopatch.patches.gevent.greenlets"
    " raceway_autopatch.patches.gevent.links raceway_autopatch.patches.raw_threads",
    "web": "raceway_autopatch.patches.flask raceway_autopatch.patches.requests"
    " raceway_autopatch.patches.socketserver raceway_autopatch.patches.socket",
    "watched": "raceway.watch.adoption raceway.watch.variables raceway.watch.sites"
    " raceway.watch.watching raceway.watch.plans raceway.record.naming",
    "processes": "raceway.record.definer raceway.record.oplog raceway_autopatch.exits",
}
"""Programs, and the modules that work in them."""

IN_PLACE = {
    # They stand in the place of the program's own, whose exceptions they raise ...
    "__del__", "__reduce__", "__call__", "__iter__", "__next__", "close", "absent", "plain", "cannot_swap", "frozen_error", "watch_event",
    "_released_silently", "_create_eagerly", "_leave_group", "setup", "teardown",
    # ... or there is nothing in them that could fail.
    "is_container", "is_data_descriptor", "is_ours", "in_hub", "_send", "_receive", "task_types",
    "_let_through", "caller", "next_part", "_is_eager", "nothing", "known_state", "_hub_class", "forget_plan",
}  # fmt: skip
RECORDER = "new_state _first_seen _thread_name note_stack sync sync_site fork_actor switch_to _take_turn _hand_over"


def parts(module):
    """The functions of a module that do work of ours beside that of the program."""
    base = ROOT / module.replace(".", "/")
    path = base.with_suffix(".py")
    tree = ast.parse((path if path.exists() else base / "__init__.py").read_text())
    for node in tree.body:
        inner = [node] if isinstance(node, ast.FunctionDef) else getattr(node, "body", [])
        for function in inner if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ():
            if not isinstance(function, ast.FunctionDef) or function.name in IN_PLACE:
                continue
            # Those that make or are wrappers have the original among their parameters.
            if {"original", "wrapped"} & {argument.arg for argument in function.args.args}:
                continue
            names = (
                [module, function.name] if node is function else [module, node.name, function.name]
            )
            yield ".".join(names)


def run(command, env):
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RACEWAY_", "PYTHON", "COV_"))
    }
    done = subprocess.run(
        command,
        cwd=PROGRAMS,
        env={**clean, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    own = re.split(r"^raceway: ", done.stderr, maxsplit=1, flags=re.MULTILINE)[0]
    return done.returncode, done.stdout, own, done.stderr


_bare = {}


def bare(program):
    if program not in _bare:
        _bare[program] = run([sys.executable, program], {})
    return _bare[program]


def faulty(program, faults, tmp_path, *options, **variables):
    """Run a program with faults; return its stderr and the names of what has failed."""
    log = tmp_path / "faults"
    env = {"RACEWAY_FAULTS": faults, "RACEWAY_FAULTS_LOG": str(log), "TMPDIR": str(tmp_path)}
    env |= variables
    launcher = [sys.executable, "-m", "raceway_autopatch.launcher", *options]
    ours = run([*launcher, sys.executable, program], env)
    expected = bare(program)
    assert ours[:2] == expected[:2], ours[3]
    assert last_line(ours[2]) == last_line(expected[2]), ours[3]
    assert "injected fault" not in ours[2]
    return ours[3], log.read_text().split() if log.exists() else []


def last_line(text):
    """What stands below a traceback: that of a program may have frames of ours."""
    return text.splitlines()[-1:]


ERRORS = r"^raceway: [\d,]+ internal errors? \(first: .*injected fault"
KINDS = [("RuntimeError", 1), ("RuntimeError", 0.3), ("MemoryError", 0.5), ("SystemExit", 0.4)]


def some(cases, every):
    """One case in ``every`` is always tested, the others where there is time."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=[pytest.mark.slow] if number % every else [],
        )
        for number, case in enumerate(cases)
    ]


# An odd step beside an even number of kinds: each kind and each program has its turn.
@pytest.mark.parametrize(
    ("program", "kind", "rate"),
    some([(program, *kind) for program in SUBJECTS for kind in KINDS], 5),
)
def test_parts_that_fail(program, kind, rate, tmp_path):
    if program == "greenlets":
        pytest.importorskip("gevent")
    names = [name for module in SUBJECTS[program].split() for name in parts(module)]
    faults = ",".join(f"{name}:{kind}@{rate}" for name in names)

    err, failed = faulty(f"{program}.py", faults, tmp_path)

    assert failed
    assert re.search(ERRORS, err, re.MULTILINE), err


@pytest.mark.parametrize(
    ("program", "kind"),
    some(
        [(p, kind) for p in SUBJECTS for kind in ("RuntimeError", "RecursionError", "SystemExit")],
        4,
    ),
)
def test_a_recorder_that_fails(program, kind, tmp_path):
    faults = ",".join(f"raceway.record.recorder.{name}:{kind}@0.3" for name in RECORDER.split())

    err, failed = faulty(f"{program}.py", faults, tmp_path)

    assert len(failed) >= 3
    assert re.search(ERRORS, err, re.MULTILINE), err


AT_THE_START = (
    "activation activation.install activation._activation activation._announce"
    " activation._Activation.__init__ activation._Activation.begin_recording"
    " activation._Activation._start registry.Registry.__init__ registry.Registry.install"
    " registry.Registry._fire registry._Patch.apply patching"
    " patching.apply patching._prepare patching.around patching._copy_metadata exits exits.install"
    " locks locks.lock_factory lock_ops internals patches.threading patches.threading.setup"
)


HOT = "lock_ops.make_block.<locals>.enter lock_ops.make_block.<locals>.leave locks.Traced.acquire locks.Traced.__methods"


@pytest.mark.parametrize("kind", ["RuntimeError", "MemoryError", "SystemExit"])
def test_a_lock_is_taken_and_given_back_whatever_fails(kind, tmp_path):
    names = HOT.split()

    err, failed = faulty(
        "threads.py",
        ",".join(f"raceway_autopatch.{name}:{kind}@0.5" for name in names),
        tmp_path,
        RACEWAY_PURE_PYTHON="1",
    )

    assert sorted(failed) == sorted(f"raceway_autopatch.{name}" for name in names)
    assert re.search(ERRORS, err, re.MULTILINE), err


@pytest.mark.parametrize("name", some(AT_THE_START.split(), 5))
def test_a_start_that_fails(name, tmp_path):
    kind = ("RuntimeError", "SystemExit", "MemoryError", "ImportError")[len(name) % 4]

    err, failed = faulty("processes.py", f"raceway_autopatch.{name}:{kind}", tmp_path)

    assert failed
    assert re.search(ERRORS, err, re.MULTILINE), err


LOGS = {
    "full": ("raceway.record.oplog.OpLog._append:ENOSPC", ERRORS),
    "broken": ("raceway.record.oplog.OpLog._append:EIO", ERRORS),
    "sometimes": ("raceway.record.oplog.OpLog._append:EIO@0.5", "^raceway: "),  # tried again
    "unserialisable": ("raceway.record.definer.Definer.define:ValueError", ERRORS),
    "after a fork": ("raceway.record.oplog.OpLog.after_fork:RuntimeError", ERRORS),
    "at the end": ("raceway.record.recorder.finish:RuntimeError", ERRORS),
    "at a fork": ("raceway.record.recorder._forget:RuntimeError", ERRORS),
}


@pytest.mark.parametrize("name", some(LOGS, 3))
def test_logs_that_cannot_be_written(name, tmp_path):
    faults, expected = LOGS[name]

    err, failed = faulty("processes.py", faults, tmp_path)

    assert failed
    assert re.search(expected, err, re.MULTILINE), err


REPORTS = {
    "reading": "raceway.pipeline.oplog_reader.OpLogReader.next_chunk",
    "replay": "raceway.pipeline.replay.Replay.feed",
    "conclusions": "raceway.engine.conclusions.Conclusions.findings",
    "counting": "raceway.analysis.RunAnalysis._counts",
    "importing": "raceway.analysis",
    "text": "raceway.report.text.render_text",
    "summary": "raceway.report.summary.write_summary",
    "document": "raceway.report.document.encode_document",
    "files": "raceway.report.files.write_report",
    "severity": "raceway_autopatch.outcome.is_failure",
    "delivery": "raceway_autopatch.outcome.deliver",
}


@pytest.mark.parametrize("name", some(REPORTS, 4))
def test_reports_that_fail(name, tmp_path):
    kind = ("RuntimeError", "MemoryError", "RecursionError")[len(name) % 3]

    err, failed = faulty(
        "threads.py", f"{REPORTS[name]}:{kind}", tmp_path, "--report", str(tmp_path / "r.json")
    )

    assert failed
    assert re.search(rf"^raceway: .* failed: {kind}: injected fault; please", err, re.MULTILINE), (
        err
    )


def test_a_logging_program_is_told_once(tmp_path):
    (tmp_path / "app.py").write_text(
        "import logging, sys, threading\n"
        "logging.basicConfig(stream=sys.stdout, format='%(name)s %(message)s')\n"
        "for _ in range(5):\n    threading.Event().set()\n"
    )
    env = {"RACEWAY_FAULTS": "raceway_autopatch.primitives._event_set:RuntimeError"}

    status, out, _, err = run(
        [sys.executable, "-m", "raceway_autopatch.launcher", str(tmp_path / "app.py")], env
    )

    assert status == 0
    assert out.startswith("raceway internal error in _event_set, the program goes on\n")
    assert out.count("the program goes on") == 1
    assert "raceway: 5 internal errors (first: _event_set: RuntimeError: injected fault)" in err


def test_a_patch_that_keeps_failing_switches_itself_off(tmp_path):
    (tmp_path / "app.py").write_text(
        "import threading\nevent = threading.Event()\nfor _ in range(500):\n    event.set()\n"
    )
    env = {"RACEWAY_FAULTS": "raceway_autopatch.primitives._event_set:RuntimeError"}

    err = run([sys.executable, "-m", "raceway_autopatch.launcher", str(tmp_path / "app.py")], env)[
        3
    ]

    assert "raceway: 100 internal errors" in err
