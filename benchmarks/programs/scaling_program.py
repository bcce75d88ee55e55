"""Programs of any size: so many threads, objects, locks or tasks."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time

LEAST = 200_000
"""Operations at least, so that there is something to measure."""


class Item:
    """Something to watch."""

    def __init__(self):
        self.count = 0


def threads(size):
    """Increment under one lock."""
    lock, item, each = threading.Lock(), Item(), LEAST // size

    def increment():
        for _ in range(each):
            with lock:
                item.count += 1

    workers = [threading.Thread(target=increment) for _ in range(size)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return each * size


def objects(size):
    """Increment attributes of many objects in turn."""
    items, turns = [Item() for _ in range(size)], max(1, LEAST // size)
    for _ in range(turns):
        for item in items:
            item.count += 1
    return turns * size


def locks(size):
    """Take many locks in turn."""
    every, turns = [threading.Lock() for _ in range(size)], max(1, LEAST // size)
    for _ in range(turns):
        for lock in every:
            with lock:
                pass
    return turns * size


def tasks(size):
    """Let tasks write once each, a thousand at a time."""
    item = Item()

    async def write():
        await asyncio.sleep(0)
        item.count += 1

    async def main():
        for _ in range(size // 1000 or 1):
            await asyncio.gather(*(write() for _ in range(min(size, 1000))))

    asyncio.run(main())
    return size


def nothing(size):
    """Only begin and end."""
    return size


if __name__ == "__main__":
    before = time.process_time()
    count = globals()[sys.argv[1]](int(sys.argv[2]))
    cpu = time.process_time() - before
    print(json.dumps({"cpu": cpu, "count": count}))
