"""``pytest --raceway``: a race condition fails the test in which it is found.

Every session of pytest imports this module, of any version of pytest, where the distribution is
installed.  So it needs little of pytest, and imports nothing of ours before it has been asked for.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Finding
    from raceway.pytest_plugin.judge import Judge

__all__ = ["RaceFound", "Raceway"]

_JUDGE = "raceway-judge"
_OLDEST = (8, 0)
_MARKER = (
    "raceway(off=False, expect=None): off=True: races do not fail this test; expect='bank.balance':"
    " it passes if this race is found, and fails if it is not"
)


class RaceFound(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # made at run time
    """A race was found in a test that had otherwise passed, or an expected one was not.

    ``@pytest.mark.xfail(raises=RaceFound, strict=True)`` marks a known one.

    Args:
        text: The report.
        findings: What it is about.
    """

    __module__ = "builtins"  # as pytest's own: the short summary has room for little

    def __init__(self, text: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(text, pytrace=False)
        self.findings = findings


class Raceway:
    """What the fixture ``raceway`` gives; without ``--raceway`` nothing is found."""

    def __init__(self, judge: Judge | None) -> None:
        self._judge = judge

    @property
    def watch(self) -> Callable[..., Any]:
        """See :func:`raceway.watch`."""
        from raceway.watch import watch

        return watch  # itself: it counts the references to what it is given

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found in this test so far; it still fails the test."""
        return () if self._judge is None else self._judge.so_far()


@pytest.fixture
def raceway(request: pytest.FixtureRequest) -> Raceway:
    """Watch objects, and ask what was found in this test so far."""
    return Raceway(request.config.pluginmanager.get_plugin(_JUDGE))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("raceway", "race conditions")
    group.addoption(
        "--raceway",
        action="store_true",
        help="find the race conditions of each test, and fail the test",
    )
    group.addoption(
        "--raceway-fail-on",
        choices=("critical", "warning", "never"),
        default="warning",
        metavar="LEVEL",
        help="fail a test for a finding of LEVEL or worse: critical, warning (the default), or"
        " never; all findings are listed at the end",
    )

    group.addoption(
        "--raceway-watch",
        action="append",
        default=[],
        metavar="WHAT",
        help="track objects without a change to the code, as raceway-run --watch does; may be given"
        " several times: module:Class, module:VARIABLE, 'shop.*:*Repository', or auto",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin to record before modules of the project are imported: they make locks."""
    _begin(early_config, early_config.known_args_namespace)


def pytest_configure(config: pytest.Config) -> None:
    """Register what shows the result; begin to record if it was too early for that before."""
    config.addinivalue_line("markers", _MARKER)
    if config.option.raceway:
        _begin(config, config.option)
        from raceway.pytest_plugin.summary import Summary

        config.pluginmanager.register(Summary(config), "raceway-summary")


def _begin(config: pytest.Config, options: Any) -> None:
    """Begin to record this process, if tests are run in it."""
    if not options.raceway or config.pluginmanager.has_plugin(_JUDGE):
        return
    if getattr(pytest, "version_tuple", (0,)) < _OLDEST:
        raise pytest.UsageError("--raceway needs pytest 8 or later")
    # With pytest-xdist they are run by the workers, which have this plugin too.
    distributes = getattr(options, "numprocesses", None) or getattr(options, "tx", None)
    if distributes and "PYTEST_XDIST_WORKER" not in os.environ:
        return
    from raceway.exceptions import UsageError
    from raceway_autopatch import in_process

    if not in_process.is_enabled():
        return
    try:
        recording = in_process.InProcess(
            in_process.patterns(options.raceway_watch, "--raceway-watch")
        )
    except (OSError, UsageError) as error:  # nothing was recorded: no test is to pass for it
        raise pytest.UsageError(f"--raceway: {error}") from error
    from raceway.pytest_plugin.judge import Judge

    config.pluginmanager.register(Judge(config, options, recording), _JUDGE)
    config.add_cleanup(recording.stop)
