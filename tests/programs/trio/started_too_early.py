# title: a server says that it has started, and then fills its table
# expect: atomicity-violation table.routes
# lines: 22,24 | 30,32
# severity: critical
# requires: trio
# why: nursery.start waits for started() and for nothing else.
import trio

import raceway


class Table:
    def __init__(self) -> None:
        self.routes = 0


table = raceway.watch(Table(), name="table")


async def serve(task_status: trio.TaskStatus) -> None:
    task_status.started()
    routes = table.routes
    await trio.lowlevel.checkpoint()
    table.routes = routes + 1


async def main() -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve)
        routes = table.routes
        await trio.lowlevel.checkpoint()
        table.routes = routes + 80


trio.run(main)
print("served")
