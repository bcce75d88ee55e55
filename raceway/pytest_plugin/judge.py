"""Judges the tests of one process, each by itself."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from raceway.model.findings import SEVERITIES, Finding, Report
from raceway.pytest_plugin import RaceFound
from raceway.report.excerpt import shown_path
from raceway.testing import report_text
from raceway.triage.verdict import judge, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from raceway.triage.verdict import Wanted
    from raceway_autopatch.in_process import InProcess


class _Test:
    """What was found in one test.

    Attributes:
        off: Its races do not fail it.
        expected: Variables, or ids of findings, that it is to have a race on.
        begun: A fixture of this test alone has begun, or the test itself.
        called: The test itself has begun.
        early: Findings of stretches that are over: of fixtures of the session, module or class.
        told: Ids and variables of findings that were told.
        shown: For the summary, of the phase that is under way.
        beside: Text for the report of this phase, whose outcome has another reason.
        accesses: To watched objects.
        aside: Findings that are suppressed or known, by id.
        error: Of ours, while it ran.
    """

    def __init__(self, item: pytest.Item) -> None:
        marker = item.get_closest_marker("raceway")
        options = marker.kwargs if marker is not None else {}
        expect = options.get("expect") or ()
        self.off = bool(options.get("off"))
        self.expected: tuple[str, ...] = (expect,) if isinstance(expect, str) else tuple(expect)
        self.begun = False
        self.called = False
        self.early: list[Finding] = []
        self.told: set[str] = set()
        self.shown: list[dict[str, Any]] = []
        self.beside = ""
        self.accesses = 0
        self.aside: set[str] = set()
        self.error = ""


class Judge:
    """Judges the tests of this process.

    Args:
        config: The session's.
        options: Its options.
        recording: Of this process.
    """

    def __init__(self, config: pytest.Config, options: Any, recording: InProcess) -> None:
        self._fail_on: str = options.raceway_fail_on
        self._root = str(config.invocation_params.dir)
        self._recording = recording
        self._test: _Test | None = None
        self._broken = ""
        env = os.environ.get
        self._wanted: Wanted = self._contained(
            wanted, env("RACEWAY_SUPPRESSIONS", ""), env("RACEWAY_BASELINE", "")
        )
        self._problems = () if self._broken else tuple(self._wanted.problems)

    def so_far(self) -> tuple[Finding, ...]:
        """Return what was found in the test that runs."""
        report = self._contained(self._recording.report)
        if self._test is None or report is None:
            return ()
        found = _worth_telling(self._test, report)
        return self._contained(self._counting, self._test, found) or ()

    # ------------------------------------------------------------ the phases of a test

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Begin a stretch for each run of a test."""
        __tracebackhide__ = _hide
        self._test = _Test(item)
        self._contained(self._recording.begin)
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """Let what a fixture of many tests has done count as before them all."""
        __tracebackhide__ = _hide
        test = self._test
        if test is not None and fixturedef.scope == "function":
            test.begun = True
        try:
            return (yield)
        finally:
            if test is not None and not test.begun:
                self._contained(self._cut, test)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a test that has passed; of another one, add to the report what was found."""
        __tracebackhide__ = _hide
        if self._test is not None:
            self._test.begun = self._test.called = True
        return (yield from self._judged(item, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """The same for what has come up since."""
        __tracebackhide__ = _hide
        return (yield from self._judged(item, "teardown"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send along what the summary shows; pytest-xdist sends it to where that is made."""
        report = yield
        test = self._test
        if test is not None and call.when != "setup":
            report.raceway = {  # type: ignore[attr-defined]  # reports take any attribute
                "findings": test.shown,
                "accesses": test.accesses if call.when == "teardown" else 0,
                "error": self._broken or test.error,
                "aside": len(test.aside) if call.when == "teardown" else 0,
                "problems": self._problems,
            }
            test.shown = []
            if test.beside:
                report.sections.append(("raceway", test.beside))
                test.beside = ""
        return report

    def _judged(self, item: pytest.Item, phase: str) -> Generator[None, object, object]:
        __tracebackhide__ = _hide
        try:
            result = yield
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException:  # a failure or a skip is no Exception
            self._mention(self._verdict(item, phase))
            raise
        verdict = self._verdict(item, phase)
        # What a TestCase has failed with is kept there, and was not raised.
        if isinstance(verdict, RaceFound) and not getattr(item, "_excinfo", None):
            raise verdict
        self._mention(verdict)
        return result

    def _mention(self, verdict: RaceFound | str) -> None:
        """Let what was found stand beside an outcome that has another reason."""
        if self._test is not None:
            self._test.beside = str(verdict)

    # ------------------------------------------------------------ what was found

    def _cut(self, test: _Test) -> None:
        report = self._recording.report()
        test.early += report.findings
        test.accesses += report.counts.accesses
        self._recording.begin()

    def _verdict(self, item: pytest.Item, phase: str) -> RaceFound | str:
        """Return what the test fails with, or what else is to be said about it."""
        test = self._test
        if test is None or test.off:
            return ""
        report = self._contained(self._recording.report)
        if report is None:
            return ""
        return self._contained(self._conclude, item, test, phase, report) or ""

    def _conclude(
        self, item: pytest.Item, test: _Test, phase: str, report: Report
    ) -> RaceFound | str:
        if phase == "teardown":
            test.accesses += report.counts.accesses
            test.error = report.first_error
        new = [
            one
            for one in _worth_telling(test, report)
            if test.told.isdisjoint((one.id, subject(one)))
        ]
        for one in new:
            test.told.update((one.id, subject(one)))
        expected = [one for one in new if {one.id, subject(one)} & set(test.expected)]
        others = self._counting(test, (one for one in new if one not in expected))
        counting = {one.id for one in (*expected, *others)}
        for one in new:
            if one.id not in counting:
                continue
            test.shown.append(self._shown(one, expected=one in expected))
            text = f"{one.id} {one.severity} {one.type} {subject(one)}"
            item.user_properties.append(("raceway", text))
        parts = []
        if others:
            text = report_text(replace(report, findings=others), root=self._root)
            parts.append(text.rstrip())
        missing = [name for name in test.expected if name not in test.told]
        lacks = bool(missing) and phase == "call"
        if lacks:
            names = ", ".join(missing)
            parts.append(f"raceway: expected to find a race on {names}, and there was none")
        text = "\n".join(parts)
        failing = tuple(one for one in others if self._fails(one))
        if test.called and (failing or lacks):
            return RaceFound(text, failing)
        return text

    def _counting(self, test: _Test, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return those of the findings that are neither suppressed nor known."""
        found = tuple(findings)
        if not found:
            return ()
        verdict = judge(Report(found), self._wanted, root=self._root)
        self._problems = verdict.problems
        aside = (*verdict.report.suppressed, *verdict.report.known)
        test.aside.update(one.id for one in aside)
        return verdict.report.findings

    def _fails(self, finding: Finding) -> bool:
        if self._fail_on == "never":
            return False
        order: tuple[str, ...] = SEVERITIES
        return order.index(finding.severity) >= order.index(self._fail_on)

    def _shown(self, finding: Finding, *, expected: bool) -> dict[str, Any]:
        """Return a line of the summary, as what can be sent to another process."""
        frames = [access.stack[0] for access in finding.accesses]
        places = [f"{shown_path(frame.file, self._root)}:{frame.line}" for frame in frames]
        return {
            "id": finding.id,
            "severity": finding.severity,
            "type": " ".join(finding.type.rsplit("-", 1)),
            "subject": subject(finding),
            "places": list(dict.fromkeys(places)),
            "expected": expected,
        }

    def _contained(self, action: Callable[..., Any], *arguments: object) -> Any:
        """Do something of ours; when that fails, no further test is judged."""
        if self._broken:
            return None
        try:
            return action(*arguments)
        except Exception as error:
            self._broken = f"{type(error).__name__}: {error}"
            return None


def _hide(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    """Keep our frames out of the tracebacks of a test."""
    return not isinstance(excinfo.value, RaceFound)


def subject(finding: Finding) -> str:
    """Return what a finding is about: a variable, or the locks."""
    return finding.variable or ", ".join(lock.name for lock in finding.locks)


def _worth_telling(test: _Test, report: Report) -> tuple[Finding, ...]:
    return tuple(one for one in (*test.early, *report.findings) if one.severity != "info")
