"""Pipes: what was written happens before who reads it, and nothing more."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import pytest

BAD = os.strerror(errno.EBADF)


def elsewhere(function):
    """Run ``function`` in a thread, and wait for it by a lock: that is no order."""
    over = threading.Lock()
    over.acquire()

    def run():
        function()
        over.release()

    threading.Thread(target=run).start()
    over.acquire()


@pytest.fixture
def pipe(pipe_recording):
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:  # the test has closed it
            pass


def test_a_write_comes_before_the_read_of_its_bytes(pipe_recording, marker, pipe):
    reader, writer = pipe

    def peer():
        marker("one")
        os.write(writer, b"one")
        marker("two")
        os.write(writer, b"two")

    elsewhere(peer)
    marker("before")
    assert os.read(reader, 3) == b"one"
    marker("got one")
    assert os.readv(reader, [bytearray(3)]) == 3
    marker("got two")
    assert not pipe_recording.ordered("one", "before")
    assert pipe_recording.ordered("one", "got one")
    assert not pipe_recording.ordered("two", "got one")
    assert pipe_recording.ordered("two", "got two")


def test_the_end_is_read(pipe_recording, marker, pipe):
    reader, writer = pipe
    elsewhere(lambda: (marker("over"), os.close(writer)))
    assert os.read(reader, 100) == b""
    marker("seen")
    assert pipe_recording.ordered("over", "seen")


def test_a_descriptor_of_a_pipe_that_was_closed_behind_our_back(
    pipe_recording, marker, pipe, tmp_path
):
    """Its number may be that of something else: two files are not the ends of a pipe."""
    reader, writer = pipe
    elsewhere(lambda: (marker("written"), os.write(writer, b"x")))
    (tmp_path / "file").write_bytes(b"y")
    other = os.open(tmp_path / "file", os.O_RDONLY)
    os.dup2(other, reader)
    os.close(other)
    assert os.read(reader, 1) == b"y"
    marker("read")
    assert not pipe_recording.ordered("written", "read")


def test_errors_and_pipes_of_the_standard_library(pipe_recording, pipe):
    _, writer = pipe
    with pytest.raises(TypeError, match="integer"):
        os.write([], b"x")
    with pytest.raises(OSError, match=BAD):
        os.read(writer, 1)
    os.close(writer)
    with pytest.raises(OSError, match=BAD):
        os.write(writer, b"x")
    with pytest.raises(OSError, match=BAD):
        os.close(writer)
    recorded = len(pipe_recording.ops)
    done = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True)
    assert done.stdout == b"1\n"
    assert not {"HANDOFF", "RECEIVE"} & {op.name for op in pipe_recording.ops[recorded:]}
