# title: an auction compares and stores under one lock
# expect: clean
# why: the comparison is made in the critical section of the store.
import threading

import raceway

bids = raceway.watch({"lot": 10}, name="bids")
door = threading.Lock()


def bid(lot: str, offer: int) -> bool:
    with door:
        accepted = offer > bids.get(lot, 0)
        if accepted:
            bids[lot] = offer
    return accepted


threads = [threading.Thread(target=bid, args=("lot", offer)) for offer in (20, 30)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(bids["lot"])
