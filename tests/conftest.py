"""What takes longer than it tells each time is run only where time is no matter."""

import os

import pytest

# Where these tests run in GitHub Actions, the programs that they run do not.
for name in [name for name in os.environ if name.startswith("GITHUB_")]:
    del os.environ[name]


def pytest_collection_modifyitems(items):
    if os.environ.get("RACEWAY_SLOW_TESTS", "") in ("", "0"):
        skip = pytest.mark.skip(reason="one of a table; RACEWAY_SLOW_TESTS=1 runs all")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skip)
