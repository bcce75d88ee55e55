# title: worker threads schedule their updates into the loop
# expect: clean
# why: all updates run in the thread of the loop, one callback after the other.
import asyncio
import threading

import raceway

levels = raceway.watch({"disk": 0}, name="levels")


def add(amount: int) -> None:
    levels["disk"] += amount


def probe(loop: asyncio.AbstractEventLoop, amount: int) -> None:
    for _ in range(3):
        loop.call_soon_threadsafe(add, amount)


async def main() -> None:
    loop = asyncio.get_running_loop()
    threads = [threading.Thread(target=probe, args=(loop, n)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)
    add(1)


asyncio.run(main())
print(levels["disk"])
