# title: a consumer is cancelled after its last message, before its first step
# expect: clean
# needs: RECEIVE
# why: what was done before cancel() comes before the CancelledError, even if it was due to run.
import asyncio

import raceway


class Inbox:
    def __init__(self) -> None:
        self.unread = 0


inbox = raceway.watch(Inbox(), name="inbox")


async def consume(started: asyncio.Event, tick: asyncio.Event) -> None:
    started.set()
    try:
        await tick.wait()
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        unread = inbox.unread
        await asyncio.sleep(0)
        inbox.unread = unread - 1


async def main() -> None:
    started, tick = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(consume(started, tick))
    await started.wait()
    tick.set()
    inbox.unread = 5
    task.cancel()
    await task
    print(inbox.unread)


asyncio.run(main())
