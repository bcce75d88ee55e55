from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from wire_server import WireServer

from raceway import client, context


@pytest.fixture
def server():
    server = WireServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_residue():
    """Every test starts and ends outside a trace and without observers."""
    assert context.current() is None
    assert client.observers == []
    yield
    while context.end() is not None:
        pass
    client.observers.clear()
