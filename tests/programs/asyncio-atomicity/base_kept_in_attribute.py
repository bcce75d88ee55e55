# title: an editor object keeps the revision that it started from across an await
# expect: atomicity-violation doc.revision
# lines: 22,28
# severity: critical
# why: a second editor that starts before the first one saves works on the same revision.
import asyncio

import raceway


class Document:
    def __init__(self) -> None:
        self.revision = 1


class Editor:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.base = 0

    def open(self) -> None:
        self.base = self.document.revision

    async def type(self) -> None:
        await asyncio.sleep(0)

    def save(self) -> None:
        self.document.revision = self.base + 1


doc = raceway.watch(Document(), name="doc")


async def session() -> None:
    editor = Editor(doc)
    editor.open()
    await editor.type()
    editor.save()


async def main() -> None:
    await asyncio.gather(session(), session())


asyncio.run(main())
print("saved")
