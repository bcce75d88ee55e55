# title: a protocol starts a task for its only message
# expect: clean
# needs: RECEIVE, FORK
# why: the methods of one protocol follow each other, and the task is started by the last of them.
import asyncio
import socket

import raceway


class Link(asyncio.Protocol):
    def __init__(self, done: "asyncio.Future[None]") -> None:
        self.pending = 0
        self.done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.pending = 1

    def data_received(self, data: bytes) -> None:
        self.task = asyncio.create_task(self.answer())

    async def answer(self) -> None:
        pending = self.pending
        await asyncio.sleep(0)
        self.pending = pending - 1
        self.done.set_result(None)


async def main() -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    link = raceway.watch(Link(done), name="link")
    transport, _ = await loop.create_connection(lambda: link, sock=ours)
    theirs.sendall(b"hello")
    await done
    transport.close()
    theirs.close()
    print("answered")


asyncio.run(main())
