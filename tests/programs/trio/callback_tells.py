# title: a thread counts, and has the run set an event
# expect: clean
# needs: HANDOFF
# requires: trio
# why: what the thread did comes before the function that it has asked for.
import threading

import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")


def work(token: trio.lowlevel.TrioToken, counted: trio.Event) -> None:
    counter.value += 1
    token.run_sync_soon(counted.set)


async def main() -> None:
    counted = trio.Event()
    token = trio.lowlevel.current_trio_token()
    thread = threading.Thread(target=work, args=(token, counted))
    thread.start()
    await counted.wait()
    counter.value += 1
    print(counter.value)
    await trio.to_thread.run_sync(thread.join)


trio.run(main)
