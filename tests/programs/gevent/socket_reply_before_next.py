# title: one client sends its orders one after the other to a server of greenlets
# expect: clean
# requires: gevent
# needs: RECEIVE
# why: the reply to the first order precedes the second, in whatever greenlet it is handled.
import gevent
from gevent import socket
from gevent.server import StreamServer

import raceway


class Stock:
    def __init__(self) -> None:
        self.books = 5


stock = raceway.watch(Stock(), name="stock")


def handle(connection: socket.socket, _address: object) -> None:
    with connection:
        connection.recv(100)
        books = stock.books
        gevent.sleep(0)
        stock.books = books - 1
        connection.sendall(b"done")


server = StreamServer(("127.0.0.1", 0), handle)
server.start()
for _ in range(3):
    with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
        connection.sendall(b"buy")
        connection.recv(100)
server.stop()
print(stock.books)
