"""Compares ratios with those of the baseline.

Only ratios are kept: they are about the same on all machines, times are not.
"""

from __future__ import annotations

import json
from pathlib import Path

BASELINE = Path(__file__).with_name("baseline.json")
WORSE = 0.25
"""By more than this part of it a ratio is a regression."""
SLACK = 0.05
"""What a ratio may be worse in any case: where there is no cost, a quarter of it is nothing."""


def ratios(results):
    """Return the ratios of all groups: ``group/case/variant``."""
    return {
        f"{group}/{case}/{variant}": ratio
        for group, cases in results.items()
        for case, found in cases.items()
        for variant, ratio in found.get("ratios", {}).items()
    }


def known(version):
    """Return the baseline of a version of Python, or of the nearest one that has any."""
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if version in baseline or not baseline:
        return baseline.get(version, {})
    minor = int(version.partition(".")[2])
    return baseline[min(baseline, key=lambda one: abs(int(one.partition(".")[2]) - minor))]


def regressions(version, results):
    """Return a line for each ratio that has become worse."""
    before = known(version)
    return [
        f"{name}: {ratio:.2f}, was {before[name]:.2f}"
        for name, ratio in ratios(results).items()
        # What costs less than nothing has a negative ratio: a lock of ours is faster.
        if name in before and ratio - before[name] > abs(before[name]) * WORSE + SLACK
    ]


def updated(version, results):
    """Return the baseline with these results in it; what was not measured stays."""
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    rounded = {name: round(ratio, 3) for name, ratio in ratios(results).items()}
    rivals = ("raceguard", "pyvft", "threadcheck")
    mine = {name: ratio for name, ratio in rounded.items() if not name.endswith(rivals)}
    return {**baseline, version: {**baseline.get(version, {}), **mine}}
