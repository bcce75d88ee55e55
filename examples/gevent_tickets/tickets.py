"""A box office that sells more tickets than it has: greenlets take turns inside ``buy``.

A greenlet gives way only where it waits. Here it waits for the payment, after it has looked at the
number of tickets and before it changes it.
"""

from __future__ import annotations

import gevent

import raceway

CUSTOMERS = 6


class BoxOffice:
    """The tickets of one evening."""

    def __init__(self, seats: int) -> None:
        self.left = seats
        self.sold = 0

    def buy(self) -> bool:
        """Sell one ticket if there is one left."""
        left = self.left
        if left == 0:
            return False
        charge_customer()
        self.left = left - 1
        self.sold += 1
        return True


def charge_customer() -> None:
    """Stand for a call to a payment service: other greenlets run meanwhile."""
    gevent.sleep(0.001)


def main() -> None:
    """Let all customers buy at once."""
    office = raceway.watch(BoxOffice(seats=4), name="office")
    gevent.joinall([gevent.spawn(office.buy) for _ in range(CUSTOMERS)], raise_error=True)
    print(f"tickets: 4 before, {office.sold} sold, {office.left} left")


if __name__ == "__main__":
    main()
