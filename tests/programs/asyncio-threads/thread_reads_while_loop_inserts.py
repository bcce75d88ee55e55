# title: a thread iterates over the sessions while the loop adds to them
# expect: data-race sessions | sessions[*]
# lines: 16,25
# why: the dict may change its size during the iteration.
import asyncio
import threading

import raceway

sessions = raceway.watch({"a": 1, "b": 2}, name="sessions")
counts = []


def monitor() -> None:
    try:
        counts.append(sum(1 for _ in sessions.values()))
    except RuntimeError:
        counts.append(-1)


async def main() -> None:
    watcher = threading.Thread(target=monitor)
    watcher.start()
    await asyncio.sleep(0)
    sessions["c"] = 3
    await asyncio.to_thread(watcher.join)


asyncio.run(main())
print(len(counts))
