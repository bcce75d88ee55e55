# title: write() puts the old text on a stack and changes it, undo() takes the last one back
# expect: clean
# why: text and stack are changed together in one critical section, whoever it is.
import threading

import raceway


class Page:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.text = ""
        self.before: list[str] = []

    def write(self, letter: str) -> None:
        with self.lock:
            self.before.append(self.text)
            self.text += letter

    def undo(self) -> None:
        with self.lock:
            if self.before:
                self.text = self.before.pop()


page = raceway.watch(Page(), name="page")


def work(letter: str) -> None:
    for _ in range(2):
        page.write(letter)
    page.undo()


threads = [threading.Thread(target=work, args=(letter,)) for letter in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(page.text), len(page.before))
