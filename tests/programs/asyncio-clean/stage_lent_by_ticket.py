# title: a stage is given back only with the ticket it was taken with
# expect: clean
# why: who finds a ticket in it waits, so that one at a time counts the plays.
import asyncio
import itertools

import raceway


class Stage:
    def __init__(self) -> None:
        self.ticket = None
        self.plays = 0


stage = raceway.watch(Stage(), name="stage")
tickets = itertools.count(100)


def take() -> int | None:
    if stage.ticket is not None:
        return None
    ticket = next(tickets)
    stage.ticket = ticket
    return ticket


def give_back(ticket: int) -> None:
    if stage.ticket == ticket:
        stage.ticket = None


async def play() -> None:
    while (ticket := take()) is None:
        await asyncio.sleep(0)
    plays = stage.plays
    await asyncio.sleep(0)
    stage.plays = plays + 1
    give_back(ticket)


async def main() -> None:
    await asyncio.gather(play(), play(), play())
    print(stage.plays)


asyncio.run(main())
