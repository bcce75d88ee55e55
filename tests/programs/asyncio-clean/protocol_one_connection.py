# title: a protocol sets up its state in connection_made() and changes it in a task of its own
# expect: clean
# needs: RECEIVE, JOIN
# why: connection_made() comes before data_received() and before create_connection() returns.
import asyncio
import socket

import raceway


class Link(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.received = 1


async def main() -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    link = raceway.watch(Link(), name="link")
    transport, _ = await loop.create_connection(lambda: link, sock=ours)
    received = link.received
    await asyncio.sleep(0)
    link.received = received + 1
    transport.close()
    theirs.close()
    print(link.received)


asyncio.run(main())
