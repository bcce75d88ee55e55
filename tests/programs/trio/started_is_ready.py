# title: nursery.start returns when the server says that it has started
# expect: clean
# needs: HANDOFF
# requires: trio
# why: what the server does to the table it does before it calls started().
import trio

import raceway


class Table:
    def __init__(self) -> None:
        self.routes = 0


table = raceway.watch(Table(), name="table")


async def serve(task_status: trio.TaskStatus) -> None:
    routes = table.routes
    await trio.lowlevel.checkpoint()
    table.routes = routes + 1
    task_status.started(80)
    await trio.sleep_forever()


async def main() -> None:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve)
        routes = table.routes
        await trio.lowlevel.checkpoint()
        table.routes = routes + port
        nursery.cancel_scope.cancel()


trio.run(main)
print(table.routes)
