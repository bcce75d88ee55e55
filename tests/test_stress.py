"""The log of a program in which everything happens at once holds exactly what it did."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 12


def test_no_op_is_lost_torn_doubled_or_out_of_order(tmp_path):
    """A short run of benchmarks/stress.py; it says itself what is wrong."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "stress.py"), "--rounds", str(ROUNDS)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("0 complaints\n")
