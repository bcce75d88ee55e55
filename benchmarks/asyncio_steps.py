"""What a task and a step of a task cost, with and without the patches of asyncio.

    python benchmarks/asyncio_steps.py

Every figure is the minimum of interleaved runs in child processes, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 5
COUNT = 20_000
NAMES = ("sleep(0)", "await task", "await done task", "sleep(1e-9)", "lock", "queue put+get")


async def _child() -> None:
    pass


async def _measure() -> list[float]:
    lock, queue = asyncio.Lock(), asyncio.Queue()
    done = asyncio.create_task(_child())
    await done

    async def sleep() -> None:
        for _ in range(COUNT):
            await asyncio.sleep(0)

    async def task() -> None:
        for _ in range(COUNT):
            await asyncio.create_task(_child())

    async def done_task() -> None:
        for _ in range(COUNT):
            await done

    async def timer() -> None:
        for _ in range(COUNT // 10):
            await asyncio.sleep(1e-9)

    async def locked() -> None:
        for _ in range(COUNT):
            async with lock:
                pass

    async def items() -> None:
        for _ in range(COUNT):
            await queue.put(1)
            await queue.get()

    figures = []
    for function in (sleep, task, done_task, timer, locked, items):
        began = time.perf_counter()
        await function()
        count = COUNT // 10 if function is timer else COUNT
        figures.append((time.perf_counter() - began) / count * 1e9)
    return figures


class _Nowhere:
    def write(self, chunk: list, definitions: list) -> None:
        pass

    def after_fork(self) -> None:
        pass


def _child_process(mode: str) -> None:
    if mode != "bare":
        from raceway.record import recorder
        from raceway_autopatch.registry import Registry

        Registry(order=("asyncio",), selection="").install()
        if mode == "recorded":
            recorder.start(_Nowhere())
    print(*asyncio.run(_measure()))


def main() -> None:
    """Print a table."""
    best: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for mode in ("bare", "patched", "recorded"):
            command = [sys.executable, __file__, mode]
            root = str(Path(__file__).resolve().parents[1])
            output = subprocess.run(
                command, capture_output=True, text=True, check=True, env={"PYTHONPATH": root}
            ).stdout
            figures = [float(word) for word in output.split()]
            known = best.setdefault(mode, figures)
            best[mode] = [min(pair) for pair in zip(known, figures, strict=True)]
    print(f"{'ns':18}" + "".join(f"{mode:>10}" for mode in best))
    for index, name in enumerate(NAMES):
        print(f"{name:18}" + "".join(f"{best[mode][index]:10.0f}" for mode in best))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _child_process(sys.argv[1])
    else:
        main()
