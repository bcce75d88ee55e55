# title: a server greets with a number that was prepared before it was started
# expect: clean
# requires: gevent
# needs: FORK
# why: what precedes start() precedes every connection, also one that has sent nothing yet.
import gevent
from gevent import socket
from gevent.lock import BoundedSemaphore
from gevent.server import StreamServer

import raceway


class Desk:
    def __init__(self) -> None:
        self.number = 0


desk = raceway.watch(Desk(), name="desk")
lock = BoundedSemaphore(1)


def draw() -> int:
    number = desk.number
    gevent.sleep(0)
    desk.number = number + 1
    return number


def handle(connection: socket.socket, _address: object) -> None:
    with connection, lock:
        connection.sendall(b"%d" % draw())


def client(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return connection.recv(100)


gevent.sleep(0)
draw()
server = StreamServer(("127.0.0.1", 0), handle)
server.start()
clients = [gevent.spawn(client, server.server_port) for _ in range(2)]
gevent.joinall(clients, raise_error=True)
print(sorted(each.get() for each in clients))
server.stop()
