# title: an update names the version that it was made from
# expect: clean
# why: the store compares the version under its lock and raises if it is another one.
import threading

import raceway


class ConflictError(Exception):
    pass


class Register:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.version = 0
        self.value = 0

    def store(self, value: int, *, expected: int) -> None:
        with self.lock:
            if self.version == expected:
                self.value = value
                self.version = expected + 1
                return
        raise ConflictError


register = raceway.watch(Register(), name="register")


def double_and_add(amount: int) -> None:
    while True:
        with register.lock:
            version = register.version
            value = register.value
        try:
            register.store(value * 2 + amount, expected=version)
        except ConflictError:
            continue
        return


threads = [threading.Thread(target=double_and_add, args=(n,)) for n in (1, 2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(register.version)
