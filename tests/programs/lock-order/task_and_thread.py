# title: a task takes two thread locks in the opposite order to a worker thread
# expect: lock-order-inversion
# lines: 14,22 | 15,23 | 14,23 | 15,22
# why: the event loop stands still while its task waits for a thread lock for ever.
import asyncio
import threading

lock_a = threading.Lock()
lock_b = threading.Lock()
done = []


def a_then_b() -> None:
    with lock_a:
        with lock_b:
            done.append("ab")


async def b_then_a() -> None:
    while not done:
        await asyncio.sleep(0)
    with lock_b:
        with lock_a:
            done.append("ba")


async def main() -> None:
    await asyncio.gather(asyncio.to_thread(a_then_b), b_then_a())


asyncio.run(main())
print(done)
