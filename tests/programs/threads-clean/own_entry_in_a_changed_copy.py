# title: a changed copy of the table is published, and the own entry looked up in the current one
# expect: clean
# why: others publish changed copies of the current table, so that every entry stays in it.
import threading

import raceway


class Directory:
    def __init__(self) -> None:
        self.table: dict[str, int] = {}
        self.lock = threading.Lock()

    def enter(self, name: str, room: int) -> None:
        with self.lock:
            table = dict(self.table)
            table[name] = room
            self.table = table

    def room(self, name: str) -> int:
        with self.lock:
            table = self.table
        return table[name]


directory = raceway.watch(Directory(), name="directory")
found = []


def move_in(letter: str) -> None:
    for number in range(3):
        name = f"{letter}{number}"
        directory.enter(name, number)
        found.append(directory.room(name))


threads = [threading.Thread(target=move_in, args=(letter,)) for letter in "ab"]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(found))
