# title: the draft is thrown away if the version changed while it was rendered
# expect: clean
# why: the comparison and both stores follow the last await, so a stale draft is never stored.
import asyncio

import raceway


class Page:
    def __init__(self) -> None:
        self.version = 0
        self.words: tuple[str, ...] = ()


page = raceway.watch(Page(), name="page")


async def render(words: tuple[str, ...], word: str) -> tuple[str, ...]:
    await asyncio.sleep(0)
    return tuple(sorted({*words, word}))


def commit(base: int, words: tuple[str, ...]) -> bool:
    if page.version != base:
        return False
    page.words = words
    page.version = base + 1
    return True


async def edit(word: str) -> int:
    for attempt in range(1, 10):
        base = page.version
        draft = await render(page.words, word)
        if commit(base, draft):
            return attempt
    raise RuntimeError("too many conflicts")


async def main() -> None:
    attempts = await asyncio.gather(*(edit(word) for word in ("snow", "ice", "frost")))
    print(page.version, page.words, max(attempts) > 1)


asyncio.run(main())
