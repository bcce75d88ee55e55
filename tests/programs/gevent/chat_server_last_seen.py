# title: a chat server notes who was there, with a send between reading and writing
# expect: atomicity-violation room.guests
# lines: 24,27
# severity: critical
# requires: gevent
# why: sending may wait, and another connection is handled in between.
import gevent
from gevent import socket
from gevent.server import StreamServer

import raceway


class Room:
    def __init__(self) -> None:
        self.guests = 0


room = raceway.watch(Room(), name="room")


def handle(connection: socket.socket, _address: object) -> None:
    with connection:
        guests = room.guests
        connection.sendall(b"name?\n")
        connection.recv(100)
        room.guests = guests + 1
        connection.sendall(b"welcome\n")


def client(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.recv(100)
        connection.sendall(b"me\n")
        connection.recv(100)


server = StreamServer(("127.0.0.1", 0), handle)
server.start()
gevent.joinall([gevent.spawn(client, server.server_port) for _ in range(2)], raise_error=True)
server.stop()
print("left")
