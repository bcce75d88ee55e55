# title: the handlers of a stream server add to one total under a lock
# expect: clean
# why: the lock is held over the await; the total of one line is local.
import asyncio

import raceway


class Server:
    def __init__(self) -> None:
        self.bytes = 0
        self.open = 0


server = raceway.watch(Server(), name="server")


async def main() -> None:
    lock = asyncio.Lock()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.open += 1
        line = await reader.readline()
        async with lock:
            before = server.bytes
            await asyncio.sleep(0)
            server.bytes = before + len(line)
        writer.write(b"ok\n")
        await writer.drain()
        server.open -= 1
        writer.close()

    async def client(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        await reader.readline()
        writer.close()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    await asyncio.gather(client(port), client(port))
    listener.close()


asyncio.run(main())
print("served")
