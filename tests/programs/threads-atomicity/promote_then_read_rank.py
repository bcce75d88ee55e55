# title: a player is promoted in one critical section and rewarded for the rank read in the next
# expect: atomicity-violation player.rank
# lines: 22,24
# why: a second promotion in between is rewarded twice, the first one never.
import threading

import raceway


class Player:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.rank = 0


player = raceway.watch(Player(), name="player")
rewards = []


def set_rank(rank: int) -> None:
    with player.lock:
        player.rank = rank
    with player.lock:
        reached = player.rank
    rewards.append(f"medal {reached}")


threads = [threading.Thread(target=set_rank, args=(n,)) for n in (3, 4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(rewards))
