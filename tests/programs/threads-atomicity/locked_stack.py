# title: a stack with locked methods is asked whether it is empty, then popped
# expect: atomicity-violation items | items[*]
# lines: 17,21
# why: another thread can pop the last item between the two calls.
import threading

import raceway


class Stack:
    def __init__(self, items: list) -> None:
        self._lock = threading.Lock()
        self._items = raceway.watch(items, name="items")

    def empty(self) -> bool:
        with self._lock:
            return len(self._items) == 0

    def pop(self) -> int:
        with self._lock:
            return self._items.pop()


stack = Stack([1, 2, 3, 4])
taken = []


def take() -> None:
    if not stack.empty():
        taken.append(stack.pop())


threads = [threading.Thread(target=take) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(taken))
