# title: on trio, an object goes through an anyio stream, and a job in a thread counts on
# expect: clean
# needs: HANDOFF
# requires: trio, anyio
# why: a stream hands over what was done before; who awaits a job comes after it.
import anyio
import anyio.lowlevel
import anyio.to_thread

import raceway


class Parcel:
    def __init__(self) -> None:
        self.stamps = 0


def stamp(parcel: Parcel) -> None:
    parcel.stamps += 1


async def send(stream: "anyio.abc.ObjectSendStream[Parcel]") -> None:
    async with stream:
        for _ in range(3):
            parcel = raceway.watch(Parcel(), name="parcel")
            await anyio.to_thread.run_sync(stamp, parcel)
            await stream.send(parcel)


async def main() -> None:
    sending, receiving = anyio.create_memory_object_stream(2)
    async with anyio.create_task_group() as group:
        group.start_soon(send, sending)
        async for parcel in receiving:
            stamps = parcel.stamps
            await anyio.lowlevel.checkpoint()
            parcel.stamps = stamps + 1
            await anyio.to_thread.run_sync(stamp, parcel)
            print(parcel.stamps)


anyio.run(main, backend="trio")
