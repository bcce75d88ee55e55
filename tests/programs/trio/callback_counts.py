# title: a thread has the run call a function, and goes on counting
# expect: data-race counter.value
# lines: 23,29
# severity: critical
# requires: trio
# why: run_sync_soon does not wait.
import threading

import trio

import raceway


class Counter:
    def __init__(self) -> None:
        self.value = 0


counter = raceway.watch(Counter(), name="counter")


def count(called: trio.Event) -> None:
    counter.value += 1
    called.set()


def work(token: trio.lowlevel.TrioToken, called: trio.Event) -> None:
    token.run_sync_soon(count, called)
    counter.value += 1


async def main() -> None:
    called = trio.Event()
    token = trio.lowlevel.current_trio_token()
    thread = threading.Thread(target=work, args=(token, called))
    thread.start()
    await called.wait()
    await trio.to_thread.run_sync(thread.join)


trio.run(main)
print("counted")
