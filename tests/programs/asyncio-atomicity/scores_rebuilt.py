# title: a list of scores is rebuilt with an awaiting comprehension
# expect: atomicity-violation game.scores
# lines: 25,25 | 25,25
# severity: critical
# why: scores that are stored while the comprehension waits are replaced by the rebuilt ones.
import asyncio

import raceway


class Game:
    def __init__(self) -> None:
        self.scores = (1, 2)


game = raceway.watch(Game(), name="game")


async def bonus(score: int) -> int:
    await asyncio.sleep(0)
    return score * 2


async def reward() -> None:
    game.scores = tuple([score + await bonus(score) for score in game.scores])


async def main() -> None:
    await asyncio.gather(reward(), reward())


asyncio.run(main())
print("rewarded")
