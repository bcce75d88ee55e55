# title: a score is compared through one locked method and raised through another
# expect: atomicity-violation board.top
# lines: 18,22
# severity: critical
# why: a higher score that is stored after the comparison is replaced by the lower one.
import threading

import raceway


class Board:
    def __init__(self) -> None:
        self._guard = threading.Lock()
        self.top = 0

    def beats(self, score: int) -> bool:
        with self._guard:
            return score > self.top

    def crown(self, score: int) -> None:
        with self._guard:
            self.top = score


board = raceway.watch(Board(), name="board")
compared = threading.Barrier(2)


def play(score: int) -> None:
    winner = board.beats(score)
    compared.wait()
    if winner:
        board.crown(score)


threads = [threading.Thread(target=play, args=(score,)) for score in (7, 9)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print("played")
