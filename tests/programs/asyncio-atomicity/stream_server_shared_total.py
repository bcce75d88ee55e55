# title: the handlers of a stream server add to one total across drain()
# expect: atomicity-violation server.bytes
# lines: 20,22
# severity: critical
# why: each connection has a task of its own, and the total is read before an await.
import asyncio

import raceway


class Server:
    def __init__(self) -> None:
        self.bytes = 0


server = raceway.watch(Server(), name="server")


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    before = server.bytes
    line = await reader.readline()
    server.bytes = before + len(line)
    writer.write(b"ok\n")
    await writer.drain()
    writer.close()


async def client(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    await reader.readline()
    writer.close()


async def main() -> None:
    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    await asyncio.gather(client(port), client(port))
    listener.close()


asyncio.run(main())
print("served")
