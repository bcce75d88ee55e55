# title: a chat server counts the messages of a room without a switch in between
# expect: clean
# requires: gevent
# why: the counters change between two switches; the clients read the replies to their own.
import gevent
from gevent import socket
from gevent.server import StreamServer

import raceway


class Room:
    def __init__(self) -> None:
        self.messages = 0


room = raceway.watch(Room(), name="room")


def handle(connection: socket.socket, _address: object) -> None:
    with connection, connection.makefile("rwb") as lines:
        for line in lines:
            room.messages += 1
            lines.write(line.upper())
            lines.flush()


def client(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(2):
            connection.sendall(b"hello\n")
            connection.recv(100)


server = StreamServer(("127.0.0.1", 0), handle)
server.start()
gevent.joinall([gevent.spawn(client, server.server_port) for _ in range(2)], raise_error=True)
server.stop()
print(room.messages)
