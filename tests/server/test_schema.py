"""The description of the API holds: schemathesis asks for all that it says, and for what it does not."""

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
from running_server import access, environment

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_every_route_answers_as_described(server, tmp_path):
    # There is something that can be asked for.
    server.post([access("x", "Write", 5 + n, n, thread=f"h:t-{n}", at=n / 100) for n in range(2)])
    assert len(server.findings()) == 1
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json",
         "--checks", ",".join(CHECKS), "--exclude-path", "/live", "--phases", "coverage,fuzzing",
         "--max-examples", "5", "--generation-deterministic", "--no-color"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)\s", run.stdout)
    assert found is not None, run.stdout
    selected, described, tested = map(int, found.groups())
    assert 30 < selected == tested == described - 1
    log = (tmp_path / "data.log").read_text()
    assert "Traceback" not in log and "ERROR" not in log
