# title: two tasks take two trio locks in opposite order
# expect: lock-order-inversion
# lines: 11
# requires: trio
# why: each can have its first lock and wait for the other's.
import trio
import trio.testing


async def move(first: trio.Lock, second: trio.Lock) -> None:
    async with first:
        async with second:
            await trio.lowlevel.checkpoint()


async def main() -> None:
    savings, current = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(move, savings, current)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(move, current, savings)


trio.run(main)
print("moved")
