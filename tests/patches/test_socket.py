"""Connections: what was sent happens before its receipt, and nothing more."""

from __future__ import annotations

import socket
import threading

import pytest


@pytest.fixture
def ends(socket_recording):
    """The two ends of a connection within this process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
    with client, served:
        yield client, served


def elsewhere(function):
    """Run ``function`` in a thread, and wait for it by a lock: that is no order."""
    over = threading.Lock()
    over.acquire()

    def run():
        function()
        over.release()

    threading.Thread(target=run).start()
    over.acquire()


@pytest.mark.parametrize("send", ["send", "sendall"])
def test_a_send_comes_before_the_receipt_of_its_bytes(socket_recording, marker, ends, send):
    client, served = ends

    def peer():
        marker("sent")
        getattr(served, send)(b"hello")
        marker("later")

    elsewhere(peer)
    marker("before")
    assert client.recv(100) == b"hello"
    marker("got")
    assert socket_recording.ordered("sent", "got")
    assert not socket_recording.ordered("later", "got")
    assert not socket_recording.ordered("sent", "before")


def test_bytes_are_counted(socket_recording, marker, ends):
    """Who has read the first part knows nothing of the second, although it was sent."""
    client, served = ends

    def peer():
        marker("one")
        served.sendall(b"one")
        marker("two")
        served.sendall(b"two")

    elsewhere(peer)
    assert client.recv(3) == b"one"
    marker("got one")
    assert client.recv_into(bytearray(3)) == 3
    marker("got two")
    assert socket_recording.ordered("one", "got one")
    assert not socket_recording.ordered("two", "got one")
    assert socket_recording.ordered("two", "got two")


def test_the_end_is_received(socket_recording, marker, ends):
    client, served = ends

    def peer():
        marker("over")
        served.sendall(b"")
        served.shutdown(socket.SHUT_WR)

    elsewhere(peer)
    assert client.recv(100) == b""
    marker("seen")
    assert socket_recording.ordered("over", "seen")


def test_peeking_takes_nothing(socket_recording, marker, ends):
    client, served = ends
    elsewhere(lambda: (marker("sent"), served.sendall(b"x")))
    assert client.recv(1, socket.MSG_PEEK) == b"x"
    marker("peeked")
    assert client.recv(1) == b"x"
    marker("got")
    assert socket_recording.ordered("sent", "got")
    assert not socket_recording.ordered("sent", "peeked")


def test_other_connections_are_not_ordered(socket_recording, marker, ends):
    """Datagrams are left alone; errors stay what they are."""
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right, socket.socket() as unconnected:
        elsewhere(lambda: (marker("pair"), left.send(b"x")))
        assert right.recv(1) == b"x"
        marker("got")
        with pytest.raises(OSError, match="not connected"):
            unconnected.recv(1)
        with pytest.raises(TypeError):
            unconnected.send()
    assert not socket_recording.ordered("pair", "got")
    assert socket_recording.errors() == []


def test_the_ends_of_a_socket_pair(socket_recording, marker):
    left, right = socket.socketpair()
    with left, right:
        elsewhere(lambda: (marker("asked"), left.sendall(b"x"), marker("later")))
        assert right.recv(1) == b"x"
        marker("got")
        elsewhere(lambda: (marker("over"), left.close()))
        marker("before the end")
        assert right.recv(1) == b""
        marker("ended")
    assert socket_recording.ordered("asked", "got")
    assert not socket_recording.ordered("later", "got")
    assert not socket_recording.ordered("over", "before the end")
    assert socket_recording.ordered("over", "ended")


def test_a_connection_with_the_names_of_an_earlier_one(socket_recording, marker):
    """What was left unread in the earlier one is no part of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def connected(port=0):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.1", port))
            client.connect(server.getsockname())
            return client, server.accept()[0]

        client, served = connected()
        port = client.getsockname()[1]
        client.sendall(b"never read")
        served.sendall(b"read")
        assert client.recv(100) == b"read"
        served.close()  # with something unread: the other end is reset, and its port free
        client.close()
        del client, served

        client, served = connected(port)
        with client, served:
            elsewhere(lambda: (marker("sent"), client.sendall(b"x")))
            assert served.recv(100) == b"x"
            marker("got")
    assert socket_recording.ordered("sent", "got")
