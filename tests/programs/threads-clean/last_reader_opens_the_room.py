# title: the first reader locks the room, the last one unlocks it, whoever that is
# expect: clean
# why: a writer holds the room alone; a reader leaves before the last reader frees the room.
import threading
import time

import raceway


class Room:
    """Shared by readers, exclusive for a writer."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._empty = threading.Semaphore(1)
        self._inside = 0

    def enter_shared(self) -> None:
        with self._turn:
            self._inside += 1
            if self._inside == 1:
                self._empty.acquire()

    def leave_shared(self) -> None:
        with self._turn:
            self._inside -= 1
            if self._inside == 0:
                self._empty.release()

    def enter_alone(self) -> None:
        self._empty.acquire()

    def leave_alone(self) -> None:
        self._empty.release()


room = Room()
model = raceway.watch({"weights": [1, 1, 1], "generation": 0}, name="model")
predictions: list[bool] = []


def predict() -> None:
    for _ in range(10):
        room.enter_shared()
        try:
            expected = model["generation"] + 1
            predictions.append(all(w == expected for w in model["weights"]))
            time.sleep(0.001)
        finally:
            room.leave_shared()
        time.sleep(0.0005)


def update() -> None:
    for _ in range(5):
        room.enter_alone()
        try:
            for index in range(3):
                model["weights"][index] += 1
            model["generation"] += 1
        finally:
            room.leave_alone()
        time.sleep(0.001)


threads = [threading.Thread(target=predict) for _ in range(2)]
threads.append(threading.Thread(target=update))
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(predictions), all(predictions), model["generation"], list(model["weights"]))
