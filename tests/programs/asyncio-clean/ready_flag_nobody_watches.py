# title: two threads with a loop each; one asks under a lock whether the other one is done
# expect: clean
# why: the total is read only after ``state.closed`` was seen, which is set after the last booking.
import asyncio
import threading

import raceway

book = raceway.watch({"total": 0}, name="book")


class State:
    closed = False


state = State()
lock = threading.Lock()


async def booking() -> None:
    for amount in range(4):
        await asyncio.sleep(0)
        book["total"] = book["total"] + amount
    with lock:
        state.closed = True


async def closing() -> None:
    while True:
        with lock:
            done = state.closed
        if done:
            break
        await asyncio.sleep(0)
    book["total"] = book["total"] * 2


threads = [threading.Thread(target=asyncio.run, args=(one(),)) for one in (booking, closing)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(book["total"])
