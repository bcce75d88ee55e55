# title: two tasks take two asyncio locks in opposite order
# expect: lock-order-inversion
# lines: 13,21 | 11,19
# why: only the sleep kept the tasks from waiting for each other for ever.
import asyncio

done = []


async def a_then_b(lock_a: asyncio.Lock, lock_b: asyncio.Lock) -> None:
    async with lock_a:
        await asyncio.sleep(0)
        async with lock_b:
            done.append("ab")


async def b_then_a(lock_a: asyncio.Lock, lock_b: asyncio.Lock) -> None:
    await asyncio.sleep(0.1)
    async with lock_b:
        await asyncio.sleep(0)
        async with lock_a:
            done.append("ba")


async def main() -> None:
    lock_a, lock_b = asyncio.Lock(), asyncio.Lock()
    await asyncio.gather(a_then_b(lock_a, lock_b), b_then_a(lock_a, lock_b))


asyncio.run(main())
print(done)
