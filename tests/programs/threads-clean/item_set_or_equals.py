# title: two threads add to a set in a dict with |=
# expect: clean
# why: the set is changed in place and the same set is stored again.
import threading

import raceway

tags = raceway.watch({"post": set()}, name="tags")


def tag(word: str) -> None:
    tags["post"] |= {word}


threads = [threading.Thread(target=tag, args=("a",)), threading.Thread(target=tag, args=("b",))]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(tags["post"]))
