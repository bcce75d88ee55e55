# title: the connection is None between two critical sections of reconnect()
# expect: atomicity-violation client.conn
# lines: 22,25 | 22,30
# why: the lock is free in between, so a sender can see the state that nobody should see.
import threading

import raceway


class Client:
    def __init__(self) -> None:
        self.conn: str | None = "first"


client = raceway.watch(Client(), name="client")
lock = threading.Lock()
sent = []


def reconnect() -> None:
    with lock:
        client.conn = None
    fresh = "second"
    with lock:
        client.conn = fresh


def send() -> None:
    with lock:
        sent.append(client.conn)


threads = [threading.Thread(target=reconnect), threading.Thread(target=send)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(sent), "sent")
