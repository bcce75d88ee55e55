# title: a withdrawal retries the payment with the balance that it read at the start
# expect: atomicity-violation wallet.balance
# lines: 30,39
# severity: critical
# why: the attempts take time, and the balance is not read again.
import asyncio

import raceway


class Wallet:
    def __init__(self) -> None:
        self.balance = 100


class BusyError(Exception):
    pass


wallet = raceway.watch(Wallet(), name="wallet")


async def pay(attempt: int) -> None:
    await asyncio.sleep(0)
    if attempt == 0:
        raise BusyError


async def withdraw(amount: int) -> bool:
    balance = wallet.balance
    for attempt in range(3):
        try:
            await pay(attempt)
        except BusyError:
            continue
        break
    else:
        return False
    wallet.balance = balance - amount
    return True


async def main() -> None:
    await asyncio.gather(withdraw(10), withdraw(20))


asyncio.run(main())
print("withdrawn")
