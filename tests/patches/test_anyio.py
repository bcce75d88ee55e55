"""anyio: calls into worker threads are actors of their own, and hold the locks of their caller."""

from __future__ import annotations

import asyncio

import pytest

to_thread = pytest.importorskip("anyio.to_thread")


def test_calls(anyio_recording, marker):
    async def main():
        marker("before")
        await to_thread.run_sync(marker, "one")
        marker("between")
        other = asyncio.create_task(to_thread.run_sync(marker, "two"))
        await asyncio.sleep(0)
        marker("unordered")
        await other

    asyncio.run(main())
    assert anyio_recording.ordered("before", "one")
    assert anyio_recording.ordered("one", "between")
    assert anyio_recording.ordered("between", "two")
    assert not anyio_recording.ordered("unordered", "two")
    assert anyio_recording.who("one") == anyio_recording.who("two") == "worker (mark)"
    assert anyio_recording.actors("call") == ["worker (mark)"] * 2
    assert anyio_recording.errors() == []


def test_what_may_be_abandoned_is_a_job(anyio_recording):
    async def main():
        return await to_thread.run_sync(int, "3", abandon_on_cancel=True)

    assert asyncio.run(main()) == 3
    assert anyio_recording.actors("job") == ["worker (int)"]
