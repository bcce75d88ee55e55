import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from history import History


@pytest.fixture
def history():
    history = History()
    yield history
    history.close()
