"""Reports in files."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raceway.report import files
from raceway.report.files import write_report
from raceway.report.formats import FORMATS, report_format

if TYPE_CHECKING:
    from raceway.model.findings import Report


@pytest.mark.parametrize("name", ["r.json", "r.JSON", "größe.json"])
def test_json(name: str, tmp_path: Path, report: Report) -> None:
    """The suffix decides."""
    write_report(report, tmp_path / name)

    assert json.loads((tmp_path / name).read_text())["schema"] == "raceway-report/1"
    assert [name] == os.listdir(tmp_path)


def test_text(tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file holds everything, without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    write_report(report, str(tmp_path / "r.txt"))
    text = (tmp_path / "r.txt").read_text("utf-8")

    assert text.startswith("raceway: 1 of 3  CRITICAL")
    assert text.endswith("raceway: not seen: 1 lock made before start-up (bank.py:5)\n")
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ["r.pdf", "r", ".json", "json", "r.json.gz", ""])
def test_unknown_suffix(name: str, report: Report) -> None:
    """The message names the path and what would work."""
    with pytest.raises(ValueError, match=r"must end in \.html, .* or \.xml") as caught:
        write_report(report, name)

    assert repr(name) in str(caught.value)
    assert report_format("x/y.Txt") == ".txt"


def test_missing_folder(tmp_path: Path, report: Report) -> None:
    """The error is about the file that was asked for."""
    path = tmp_path / "no" / "r.json"
    with pytest.raises(FileNotFoundError) as caught:
        write_report(report, path)

    assert str(path) == str(caught.value.filename)
    assert caught.value.filename2 is None


def test_a_folder_is_no_report(tmp_path: Path, report: Report) -> None:
    """And no temporary file is left beside it."""
    path = tmp_path / "r.json"
    path.mkdir()
    with pytest.raises(OSError, match=r"r\.json") as caught:
        write_report(report, path)

    assert str(path) == str(caught.value.filename)
    assert os.listdir(tmp_path) == ["r.json"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do it all")
def test_unwritable_folder(tmp_path: Path, report: Report) -> None:
    """The caller learns the reason."""
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_report(report, tmp_path / "r.json")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_report(
    error: BaseException, tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a report is worse than none."""
    path = tmp_path / "r.json"
    path.write_text("old")

    def replace(_self: Path, _target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(type(error)):
        write_report(report, path)

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.json"]


@pytest.mark.skipif(os.name != "posix", reason="modes and links as in POSIX")
def test_replacement(tmp_path: Path, report: Report) -> None:
    """An open reader keeps the old file, a link stays a link, the mode is the usual one."""
    real = tmp_path / "real.json"
    real.write_text("old")
    link = tmp_path / "r.json"
    link.symlink_to("real.json")
    before = os.umask(0o022)
    try:
        with real.open() as reader:
            write_report(report, link)
            assert reader.read() == "old"
    finally:
        os.umask(before)

    assert link.is_symlink()
    assert json.loads(real.read_text())["findings"]
    assert stat.S_IMODE(real.stat().st_mode) == 0o644


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to(tmp_path: Path, report: Report) -> None:
    """It is not replaced by a file that nobody reads."""
    path = tmp_path / "r.json"
    os.mkfifo(path)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()), daemon=True)
    reader.start()
    write_report(report, path)
    reader.join(10)

    assert json.loads(read[0])["findings"]


def test_a_removed_working_folder_is_survived(
    tmp_path: Path, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are then shown as they are."""

    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "cwd", gone)
    write_report(report, tmp_path / "r.txt")

    assert "/app/bank.py:12" in (tmp_path / "r.txt").read_text("utf-8")


def test_every_format_is_written() -> None:
    """The names that are accepted are those that can be written."""
    assert tuple(files._ENCODERS) == FORMATS
