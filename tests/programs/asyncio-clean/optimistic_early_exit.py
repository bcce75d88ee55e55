# title: an order is confirmed only if its revision has not moved during the payment
# expect: clean
# why: the early return is the comparison of the revision, and no await follows it.
import asyncio

import raceway


class Order:
    def __init__(self) -> None:
        self.revision = 1
        self.total = 10


order = raceway.watch(Order(), name="order")


async def pay(amount: int) -> None:
    await asyncio.sleep(0)


async def confirm(discount: int) -> bool:
    seen = order.revision
    total = order.total - discount
    await pay(total)
    if order.revision != seen:
        return False
    order.revision = seen + 1
    order.total = total
    return True


async def main() -> None:
    print(sorted(await asyncio.gather(confirm(1), confirm(2))))


asyncio.run(main())
