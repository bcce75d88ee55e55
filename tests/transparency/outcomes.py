"""Runs tests of a module and writes what became of each; a program, not a test module.

::

    python outcomes.py RESULT MODULE [CLASS ...]
"""

from __future__ import annotations

import json
import os
import sys
import unittest


class Outcomes(unittest.TestResult):
    """Collects ``passed``, ``failed`` or ``skipped`` for each test; the worst of a test counts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def _note(self, test, outcome):
        if outcome != "passed" or test.id() not in self.found:
            self.found[test.id()] = outcome

    def addSuccess(self, test):  # noqa: N802 - unittest's name, as those below
        self._note(test, "passed")

    def addError(self, test, err):  # noqa: N802
        self._note(test, "failed")

    def addFailure(self, test, err):  # noqa: N802
        self._note(test, "failed")

    def addSubTest(self, test, subtest, err):  # noqa: N802
        if err is not None:
            self._note(test, "failed")

    def addSkip(self, test, reason):  # noqa: N802
        self._note(test, "skipped")

    def addExpectedFailure(self, test, err):  # noqa: N802
        self._note(test, "skipped")

    def addUnexpectedSuccess(self, test):  # noqa: N802
        self._note(test, "failed")


def main(result: str, module: str, *classes: str) -> None:
    """Run the tests, and write the outcomes to the file ``result``."""
    names = [f"{module}.{name}" for name in classes] or [module]
    outcomes = Outcomes()
    unittest.defaultTestLoader.loadTestsFromNames(names).run(outcomes)
    with open(result, "w", encoding="utf-8") as file:
        json.dump(outcomes.found, file)


if __name__ == "__main__":
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    main(*sys.argv[1:])
