# title: add_reader() takes a message in and hands it over with a future
# expect: clean
# needs: RECEIVE
# why: the callback counts before it sets the future that the task awaits.
import asyncio
import socket

import raceway


class Line:
    def __init__(self) -> None:
        self.bytes = 0


line = raceway.watch(Line(), name="line")


async def main() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    came = loop.create_future()

    def readable() -> None:
        line.bytes += len(ours.recv(100))
        loop.remove_reader(ours)
        came.set_result(None)

    loop.add_reader(ours, readable)
    theirs.sendall(b"hello")
    await came
    before = line.bytes
    await asyncio.sleep(0)
    line.bytes = before + 1
    print(line.bytes)
    ours.close()
    theirs.close()


asyncio.run(main())
