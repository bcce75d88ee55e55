"""A proxy in front of the server of the tests that breaks connections, each at a chosen point."""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque

PASS = "pass"
REFUSE = "reset at once"
CUT_REQUEST = "reset in the middle of the request"
SWALLOW = "reset instead of the answer"
CUT_ANSWER = "reset in the middle of the answer"
GARBAGE = "an answer that is not HTTP"
SLOW = "an answer in small pieces"
HANG = "no answer"


class Proxy:
    """Passes on one request per connection, as the next of ``faults`` says; then all of them."""

    def __init__(self, port: int) -> None:
        self.faults: deque[str] = deque()
        self.met: list[str] = []
        self._target = port
        self._stopped = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def stop(self) -> None:
        self._stopped.set()
        # close() alone does not wake accept().
        socket.create_connection(self._listener.getsockname()).close()
        self._listener.close()
        for connection in list(self._open):
            reset(connection)
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopped.is_set():
                connection.close()
                return
            self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while True:
                fault = self.faults.popleft() if self.faults else PASS
                if fault == REFUSE:
                    self.met.append(fault)
                    return
                request = _message(connection, 300 if fault == CUT_REQUEST else None)
                if not request:
                    if fault != PASS:
                        self.faults.appendleft(fault)  # the client had hung up
                    return
                self.met.append(fault)
                if fault == CUT_REQUEST:
                    return
                if fault == HANG:
                    self._stopped.wait()
                    return
                answer = self._ask(request)
                if fault == SWALLOW:
                    return
                if fault == GARBAGE:
                    connection.sendall(b"SSH-2.0-OpenSSH\r\n")
                    return
                if fault == CUT_ANSWER:
                    connection.sendall(answer[: len(answer) // 2])
                    return
                step = 7 if fault == SLOW else len(answer)
                for start in range(0, len(answer), step):
                    connection.sendall(answer[start : start + step])
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            reset(connection)

    def _ask(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            server.sendall(request)
            return _message(server, None)


def _message(connection: socket.socket, limit: int | None) -> bytes:
    """Read one HTTP message with a Content-Length, or only so many bytes of it."""
    data = b""
    while limit is None or len(data) < limit:
        head, end, body = data.partition(b"\r\n\r\n")
        if end:
            [length] = [
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ]
            if len(body) >= length:
                return data
        more = connection.recv(65536 if limit is None else limit)
        if not more:
            return b""
        data += more
    return data


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets a reset."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    except OSError:
        pass
