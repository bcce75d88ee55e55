"""What Raceway costs, beside the same thing without it, in one run.

    python -m benchmarks [GROUP ...] [--rounds N] [--rivals] [--json FILE] [--compare | --update]

Groups: ``operations`` (nanoseconds of single operations), ``programs`` (whole programs), ``engine``
(the analysis alone), ``scaling`` (how the cost grows; with ``--plots DIR`` as SVG).  Without any,
the first three.

``--compare`` fails with status 1 if a ratio is more than a quarter worse than in
``benchmarks/baseline.json``; ``--update`` writes that file.  ``--rivals`` measures other tools
beside ours, as far as PyPI has them for this Python.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

from benchmarks import analysis, operations, programs, scaling
from benchmarks.comparison import BASELINE, regressions, updated

GROUPS = {
    "operations": operations,
    "programs": programs,
    "engine": analysis,
    "scaling": scaling,
}


def main() -> int:
    """Measure, print, write and compare; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("groups", nargs="*", metavar="GROUP", choices=[[], *GROUPS])
    parser.add_argument("--rounds", type=int, default=0, help="how often each is measured")
    parser.add_argument("--only", default="", help="cases with this in their name")
    parser.add_argument("--rivals", action="store_true", help="measure other tools, too")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--plots", type=Path, help="write SVG files of group scaling here")
    parser.add_argument("--compare", action="store_true", help="with the baseline")
    parser.add_argument("--update", action="store_true", help="write the baseline")
    options = parser.parse_args()
    results = {}
    for name in options.groups or ["operations", "programs", "engine"]:
        results[name] = GROUPS[name].run(options)
        print(flush=True)
    version = "{}.{}".format(*sys.version_info)
    whole = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "results": results,
    }
    if options.json:
        options.json.write_text(json.dumps(whole, indent=1) + "\n")
    if options.update:
        BASELINE.write_text(json.dumps(updated(version, results), indent=1, sort_keys=True) + "\n")
    if not options.compare:
        return 0
    worse = regressions(version, results)
    for line in worse:
        print(line)
    print(f"{len(worse)} ratios are more than a quarter worse than the baseline")
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main())
