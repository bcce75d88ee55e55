# title: a protocol starts a task for each message, and all of them change one counter
# expect: atomicity-violation stats.messages
# lines: 33,35
# severity: critical
# why: the messages come one after the other, but their tasks run at the same time.
import asyncio
import socket

import raceway


class Stats:
    def __init__(self) -> None:
        self.messages = 0


stats = raceway.watch(Stats(), name="stats")


class Server(asyncio.Protocol):
    def __init__(self, tasks: "list[asyncio.Task[None]]") -> None:
        self.tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\n")):
            self.tasks.append(asyncio.get_running_loop().create_task(self.count()))
        self.transport.write(b"seen")  # type: ignore[attr-defined]

    async def count(self) -> None:
        messages = stats.messages
        await asyncio.sleep(0)
        stats.messages = messages + 1


async def main() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    transport, _ = await loop.create_connection(lambda: Server(tasks), sock=ours)
    await loop.sock_sendall(theirs, b"one\ntwo\n")
    await loop.sock_recv(theirs, 4)
    await asyncio.wait(tasks)
    transport.close()
    theirs.close()


asyncio.run(main())
print("counted")
