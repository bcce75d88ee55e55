"""The box office of ``tickets.py``; it takes the ticket away before it waits for the payment.

Looking and taking happen without a wait in between, so no other greenlet can run there: no lock is
needed.
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
        if self.left == 0:
            return False
        self.left -= 1
        charge_customer()
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
