# title: two tasks take two asyncio locks in opposite order inside a third one
# expect: clean
# why: who holds the gate is alone with the two inner locks.
import asyncio

done = []


async def take(gate: asyncio.Lock, first: asyncio.Lock, second: asyncio.Lock) -> None:
    async with gate:
        async with first:
            await asyncio.sleep(0)
            async with second:
                done.append("both")


async def main() -> None:
    gate, lock_a, lock_b = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
    await asyncio.gather(take(gate, lock_a, lock_b), take(gate, lock_b, lock_a))


asyncio.run(main())
print(done)
