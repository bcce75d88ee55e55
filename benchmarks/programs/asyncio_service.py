"""An asyncio service over TCP: JSON in and out, and statistics that all connections share.

    python asyncio_service.py [ITEMS]

With 80 items a request takes 80 us of CPU time, client included; with 2,000 it is one that does
something.
"""

from __future__ import annotations

import asyncio
import json
import sys

from telling import protected, work

CLIENTS = 20
REQUESTS = 200
ITEMS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
BODY = {"name": "x" * 40, "items": list(range(ITEMS))}


class Statistics:
    """What all connections share."""

    def __init__(self):
        self.requests = 0
        self.items = 0


async def main():
    """Serve and ask."""
    statistics = protected(Statistics(), None)
    lock = asyncio.Lock()

    async def serve(reader, writer):
        while line := await reader.readline():
            request = json.loads(line)
            answer = {"total": sum(request["items"]), "sorted": sorted(request["items"])[::-1]}
            async with lock:
                statistics.requests += 1
                statistics.items += len(request["items"])
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def ask():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(REQUESTS):
            writer.write(json.dumps(BODY).encode() + b"\n")
            assert await reader.readline()
        writer.close()
        await writer.wait_closed()

    with work():
        await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    server.close()
    assert statistics.requests == CLIENTS * REQUESTS


if __name__ == "__main__":
    asyncio.run(main())
