# title: an auction keeps the highest bid in a dict and compares outside of the lock
# expect: atomicity-violation bids['lot']
# lines: 15,22
# why: a higher bid can be stored between the comparison and the store.
import threading

import raceway

bids = raceway.watch({"lot": 10}, name="bids")
door = threading.Condition()


def highest(lot: str) -> int:
    with door:
        return bids.get(lot, 0)


def bid(lot: str, offer: int) -> bool:
    accepted = offer > highest(lot)
    if accepted:
        with door:
            bids[lot] = offer
    return accepted


for_sale = "lot"
looked = []
threads = [threading.Thread(target=bid, args=(for_sale, offer)) for offer in (1000, 2000)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("sold")
