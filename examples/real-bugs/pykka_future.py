"""Two threads wait for the same answer of an actor."""

import threading

import pykka


class Adder(pykka.ThreadingActor):
    def add(self, a: int, b: int) -> int:
        return a + b


adder = Adder.start().proxy()
answer = adder.add(1, 2)


def wait() -> None:
    try:
        print(answer.get(timeout=1))
    except pykka.Timeout:
        print("the answer is there, and yet it timed out")


waiters = [threading.Thread(target=wait) for _ in range(2)]
for waiter in waiters:
    waiter.start()
for waiter in waiters:
    waiter.join()
adder.stop()
