"""Fixtures of the tests of the server."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from running_server import server, shared_server

__all__ = ["server", "shared_server"]
