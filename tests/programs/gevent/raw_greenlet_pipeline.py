# title: raw greenlets pass a parcel on by switch(), as generators would
# expect: clean
# requires: greenlet
# why: the parcel is handed over with the switch, and comes back with the next one.
from greenlet import getcurrent, greenlet

import raceway


class Parcel:
    def __init__(self) -> None:
        self.stamps = 0


def stamp(parcel: Parcel) -> None:
    stamps = parcel.stamps
    parcel = getcurrent().parent.switch("stamping")
    parcel.stamps = stamps + 1


def office(parcel: Parcel) -> None:
    stamp(parcel)


parcel = raceway.watch(Parcel(), name="parcel")
parcel.stamps = 1
first = greenlet(office)
print(first.switch(parcel))
first.switch(parcel)
parcel.stamps += 1
print(parcel.stamps, first.dead)
