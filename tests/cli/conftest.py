"""The command ``raceway`` in child processes, beside a run that was kept."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from suppressions.conftest import Shop


class Command(Shop):
    """The folder of a program, its report ``r.json`` and its recording."""

    recording = ""

    def raceway(self, *arguments, **options):
        """Run the command of this interpreter."""
        return self.run(sys.executable, "-m", "raceway", *arguments, **options)

    def finding(self, variable):
        """Return the id of a finding of the report."""
        return next(one["id"] for one in self.document["findings"] if one["variable"] == variable)


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """One run, for all tests that only look at it."""
    with tempfile.TemporaryDirectory(prefix="rw-") as temporary:
        shop = Command(tmp_path_factory.mktemp("kept"), temporary)
        shop.outcome, shop.document = shop.sell(env={"RACEWAY_KEEP_RUN": "1"})
        (name,) = os.listdir(temporary)
        shop.recording = os.path.join(temporary, name)
        yield shop


@pytest.fixture
def command(kept, tmp_path):
    """A folder of one's own for the command to work in; the program is elsewhere."""
    one = Command(tmp_path, kept.temporary)
    one.recording, one.document = kept.recording, kept.document
    Path(tmp_path, "r.json").write_bytes(Path(kept.folder, "r.json").read_bytes())
    return one
