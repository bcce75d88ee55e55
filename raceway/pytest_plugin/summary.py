"""Says at the end of a session what was found and how much was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raceway import __version__
from raceway.report.summary import HOW_TO_WATCH, number
from raceway_autopatch import in_process

if TYPE_CHECKING:
    import pytest


class Summary:
    """Collects what the tests have reported, from whichever process.

    Args:
        config: The session's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._fail_on = config.option.raceway_fail_on
        self._findings: list[tuple[str, dict[str, Any]]] = []
        self._errors: list[str] = []
        self._problems: dict[str, None] = {}
        self._tests = self._accesses = self._aside = 0

    def pytest_report_header(self) -> str:
        """Say that tests can fail for another reason."""
        if not in_process.is_enabled():
            return "raceway: off, by RACEWAY_ENABLED"
        return f"raceway: {__version__}, a finding fails its test: {self._fail_on}"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect."""
        told = getattr(report, "raceway", None)
        if told is None:
            return
        self._findings += [(report.nodeid, finding) for finding in told["findings"]]
        self._tests += report.when == "teardown"
        self._accesses += told["accesses"]
        self._aside += told["aside"]
        self._problems.update(dict.fromkeys(told["problems"]))
        if told["error"] and told["error"] not in self._errors:
            self._errors.append(told["error"])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write a section."""
        if not self._tests:
            return
        out = terminalreporter
        out.section("raceway")
        for nodeid, finding in self._findings:
            bad = finding["severity"] == "critical"
            out.write(finding["severity"].upper(), red=bad, yellow=not bad, bold=True)
            known = "  expected" if finding["expected"] else ""
            out.line(f"  {finding['type']}  {finding['subject']}  {finding['id']}{known}")
            out.line(f"  {nodeid}")
            out.line(f"  {', '.join(finding['places'])}")
        for error in self._errors:
            out.line(f"internal error: {error}; please report this", yellow=True)
        for problem in self._problems:
            out.line(problem, yellow=True)
        looked = f"{number(self._accesses, 'access')} to watched objects"
        if not self._accesses:
            looked = f"nothing watched was used, so only lock order was checked ({HOW_TO_WATCH})"
        tests = number(self._tests, "test")
        found = f"{number(len(self._findings), 'finding')} in {tests}"
        if self._aside:
            found += f", {self._aside:,} suppressed or known"
        out.line(f"{found}; {looked}")
