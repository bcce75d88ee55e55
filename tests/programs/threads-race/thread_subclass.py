# title: subclasses of Thread add up into one object
# expect: data-race total.words
# lines: 25,25
# severity: critical
# why: run() of two threads updates the same attribute, join() comes later for both.
import threading

import raceway


class Total:
    def __init__(self) -> None:
        self.words = 0


total = raceway.watch(Total(), name="total")


class WordCounter(threading.Thread):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def run(self) -> None:
        total.words += len(self.text.split())


threads = [WordCounter("to be or not"), WordCounter("to be")]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("counted")
