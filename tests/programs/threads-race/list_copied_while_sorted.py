# title: a list is copied while another thread sorts it in place
# expect: data-race scores
# lines: 14,20
# why: the list appears empty to others for the duration of the sort.
import threading

import raceway

scores = raceway.watch([3, 1, 2], name="scores")
copies = []


def publish() -> None:
    copies.append(scores.copy())


def rank() -> None:
    while not copies:
        pass
    scores.sort()


threads = [threading.Thread(target=publish), threading.Thread(target=rank)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(copies)
