"""A run without ``raceway-run``: the process that began it reports when it ends.

That is what happens with our ``sitecustomize`` on ``PYTHONPATH``, or with ``install()`` in the
program's own code.  Child processes inherit ``RACEWAY_RUN_DIR`` and only record.
``RACEWAY_RUN_OWNER`` holds the pid of the process that began the run, so that it still knows when
it has replaced itself by ``os.exec*``.
"""

from __future__ import annotations

import os

from raceway_autopatch import rundir


def begin() -> str:
    """Make the run directory and announce it to this process and its children.

    Raises:
        OSError: It cannot be made.
    """
    path = rundir.create()
    os.environ["RACEWAY_RUN_DIR"] = path
    os.environ["RACEWAY_RUN_OWNER"] = str(os.getpid())
    return path


def finish(run_dir: str) -> None:
    """Analyse the run, print the report, write the files of ``RACEWAY_REPORT``, clean up.

    The recorder must have been stopped: the analysis runs in this same process.
    """
    from raceway_autopatch.outcome import GITHUB, Wishes, analysis_of, complain, deliver

    for name in ("RACEWAY_RUN_DIR", "RACEWAY_RUN_OWNER"):
        os.environ.pop(name, None)
    verbose = os.environ.get("RACEWAY_VERBOSE", "") not in ("", "0")
    paths = os.environ.get("RACEWAY_REPORT", "").split(os.pathsep)
    reports = tuple(path if path == GITHUB else os.path.abspath(path) for path in paths if path)
    try:
        command = tuple(_command())
        analysis = analysis_of(run_dir, reports)
        report = analysis.finish(command=command, exit_status=None, reaped={})
        wishes = Wishes(
            reports=reports,
            verbose=verbose,
            suppressions=os.environ.get("RACEWAY_SUPPRESSIONS", ""),
            baseline=os.environ.get("RACEWAY_BASELINE", ""),
        )
        deliver(report, wishes)
    except (Exception, SystemExit) as error:
        complain("analysis", error, verbose=verbose)
    finally:
        rundir.say(rundir.remove(run_dir))


def _command() -> list[str]:
    import sys

    return list(getattr(sys, "orig_argv", sys.argv))
