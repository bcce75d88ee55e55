# title: add_reader() counts bytes while a task is about to write the count back
# expect: atomicity-violation line.bytes
# lines: 32,36,27
# severity: critical
# why: the callback runs at a switch point of the task.
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
    came = asyncio.Event()

    def readable() -> None:
        line.bytes += len(ours.recv(100))
        loop.remove_reader(ours)
        came.set()

    loop.add_reader(ours, readable)
    before = line.bytes
    theirs.sendall(b"hello")
    for _ in range(20):
        await asyncio.sleep(0)
    line.bytes = before + 1
    await came.wait()
    ours.close()
    theirs.close()


asyncio.run(main())
print("read")
