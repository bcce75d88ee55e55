"""CPython's own tests: each one has the same outcome with us as without.

They know more about locks, queues and tasks than anybody who patches these.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from raceway.record.accelerator import accelerator

RUNNER = Path(__file__).with_name("outcomes.py")
ROOT = Path(__file__).parents[2]

LOCKS = (
    "CRLockTests", "LockTests", "EventTests", "ConditionAsRLockTests", "ConditionTests",
    "SemaphoreTests", "BoundedSemaphoreTests",
)  # fmt: skip
TASKS = ("CTask_CFuture_Tests", "RunCoroutineThreadsafeTests")
QUEUES = ("CQueueTest", "CFailingQueueTest", "CSimpleQueueTest")

SUITES = {
    "test.test_thread": (),
    "test.test_threading": LOCKS,
    "test.test_threading_local": (),
    "test.test_queue": QUEUES,
    "test.test_sched": (),
    "test.test_contextlib_async": (),
    "test.test_asyncio.test_locks": (),
    "test.test_asyncio.test_queues": (),
    "test.test_asyncio.test_runners": (),
    "test.test_asyncio.test_taskgroups": (),
    "test.test_asyncio.test_tasks": TASKS,
    "test.test_asyncio.test_timeouts": (),
    "test.test_concurrent_futures.test_future": (),
}

# A finaliser puts into the queue between the arguments of put() and put() itself: one step in C.
KNOWN = {"test_reentrancy"} if accelerator is None else set()
"""Names of tests that are about what docs/limits.md says."""


def outcomes(folder: Path, launcher: list[str], module: str) -> dict[str, str]:
    folder.mkdir()
    result = folder / "outcomes.json"
    env = {name: text for name, text in os.environ.items() if not name.startswith("RACEWAY_")}
    env["PYTHONPATH"] = str(ROOT)
    command = [*launcher, sys.executable, str(RUNNER), str(result), module, *SUITES[module]]
    child = subprocess.run(
        command, check=False, env=env, cwd=folder, capture_output=True, text=True, timeout=110
    )
    assert child.returncode == 0, child.stderr
    assert "internal error" not in child.stderr
    found: dict[str, str] = json.loads(result.read_text(encoding="utf-8"))
    return {name: what for name, what in found.items() if name.rpartition(".")[2] not in KNOWN}


@pytest.mark.parametrize("module", SUITES)
def test_same_outcomes(module, tmp_path):
    try:
        there = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        there = False
    if not there:
        pytest.skip(f"this interpreter comes without {module}")
    launcher = [sys.executable, "-m", "raceway_autopatch.launcher", "--"]
    with ThreadPoolExecutor() as pool:  # side by side, as most of them wait
        first = pool.submit(outcomes, tmp_path / "plain", [], module)
        second = pool.submit(outcomes, tmp_path / "ours", launcher, module)
        plain, ours = first.result(), second.result()
    assert "passed" in plain.values()
    different = {name for name in plain.keys() | ours.keys() if plain.get(name) != ours.get(name)}
    if different:  # some of them depend on the time that they are given
        again = outcomes(tmp_path / "again", [], module)
        different = {name for name in different if plain.get(name) == again.get(name)}
    assert {(name, plain.get(name), ours.get(name)) for name in different} == set()
