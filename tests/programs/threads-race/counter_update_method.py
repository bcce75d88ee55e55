# title: two threads count words with Counter.update
# expect: data-race words['the']
# lines: 14
# why: Counter.update is Python code that adds item by item; no step of it is locked.
import threading
from collections import Counter

import raceway

words = raceway.watch(Counter(), name="words")


def count() -> None:
    words.update(["the", "the"])


threads = [threading.Thread(target=count), threading.Thread(target=count)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(list(words))
