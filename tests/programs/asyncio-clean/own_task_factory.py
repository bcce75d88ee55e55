# title: a task factory of the program, and a parent that awaits its task
# expect: clean
# needs: JOIN
# why: the factory makes ordinary tasks; await orders the child before the parent.
import asyncio

import raceway


class Trace:
    def __init__(self) -> None:
        self.spans = 0


trace = raceway.watch(Trace(), name="trace")


def factory(loop, coro, **kwargs):  # type: ignore[no-untyped-def]
    return asyncio.Task(coro, loop=loop, **kwargs)


async def child() -> None:
    spans = trace.spans
    await asyncio.sleep(0)
    trace.spans = spans + 1


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(factory)
    spans = trace.spans
    await asyncio.sleep(0)
    trace.spans = spans + 1
    task = asyncio.create_task(child())
    for _ in range(5):
        await asyncio.sleep(0)
    await task
    spans = trace.spans
    await asyncio.sleep(0)
    trace.spans = spans + 1
    print(trace.spans)


asyncio.run(main())
