# title: tasks overwrite a status with what they have found out
# expect: clean
# why: the new status does not depend on the old one.
import asyncio

import raceway


class Presence:
    def __init__(self) -> None:
        self.status = "unknown"


presence = raceway.watch(Presence(), name="presence")


async def ask(device: str) -> str:
    await asyncio.sleep(0)
    return "online"


async def refresh(device: str) -> None:
    presence.status = await ask(device)


async def main() -> None:
    await asyncio.gather(refresh("phone"), refresh("laptop"))


asyncio.run(main())
print(presence.status)
