# title: a draft reads the text when it is begun and writes it back when it is saved
# expect: atomicity-violation page.length
# lines: 22,26
# severity: critical
# why: what was saved by another draft since then is overwritten.
import threading

import raceway


class Page:
    def __init__(self) -> None:
        self.length = 0
        self.lock = threading.Lock()


class Draft:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.added = 0
        with page.lock:
            self.before = page.length

    def save(self) -> None:
        with self.page.lock:
            self.page.length = self.before + self.added


page = raceway.watch(Page(), name="page")


def edit(characters: int) -> None:
    draft = Draft(page)
    draft.added += characters
    draft.save()


threads = [threading.Thread(target=edit, args=(count,)) for count in (3, 4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("saved")
