"""Source lines and paths."""

from __future__ import annotations

import os
import sysconfig
from typing import TYPE_CHECKING

import pytest

from raceway.model.findings import Frame
from raceway.report.excerpt import excerpt, is_library, shown_path, source_line, user_frames

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
import x


def f(a):

    one(a)

    two(
        a,
        b,
    )
\tthree(a)


def g(): pass
class C:
    four = 4
"""
LINES = SOURCE.splitlines()


def read_line(_file: str, line: int) -> str | None:
    return LINES[line - 1] if 0 < line <= len(LINES) else None


def shown(*frames: Frame, context: int = 1) -> list[str]:
    return [
        f"{'>' if line.marked else ' '}{line.number} {line.text}"
        for line in excerpt(frames, read_line, context)
    ]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([Frame("f", 6, "f", first_line=4)], [">6 one(a)"]),
        ([Frame("f", 4, "f", first_line=4)], [">4 def f(a):"]),
        (
            [Frame("f", 8, "f", 11, first_line=4)],
            [">8 two(", " 9     a,", " 10     b,", " 11 )", " 12 three(a)"],
        ),
        ([Frame("f", 15, "g", first_line=15)], [">15 def g(): pass", " 16 class C:"]),
        ([Frame("f", 17, "C", first_line=16)], [" 16 class C:", ">17     four = 4"]),
        ([Frame("f", 16, "<module>")], [" 15 def g(): pass", ">16 class C:", " 17     four = 4"]),
        ([Frame("f", 18, "f")], []),
        ([Frame("f", 5, "f")], []),
        ([Frame("f", 0, "f")], []),
        ([Frame("f", -3, "f")], []),
    ],
)
def test_excerpt(frames: list[Frame], expected: list[str]) -> None:
    """A line before and after, of the same function, without the shared indentation."""
    assert expected == shown(*frames)


def test_close_places_are_one_piece() -> None:
    """In whichever order they are given."""
    one, two = Frame("f", 6, "f", first_line=4), Frame("f", 12, "f", first_line=4)

    expected = [">6 one(a)", " 7 ", " 8 two(", " 9     a,", " 10     b,", " 11 )", ">12 three(a)"]
    assert expected == shown(one, two)
    assert expected == shown(two, one)


def test_distant_places_have_a_gap_between() -> None:
    """Number 0 stands for what is left out."""
    one, two = Frame("f", 4, "f", first_line=4), Frame("f", 17, "f", first_line=4)

    assert shown(one, two, context=0) == [">4 def f(a):", " 0 ", ">17     four = 4"]


def test_one_unreadable_place_does_not_hide_the_other() -> None:
    """The source may have been edited since."""
    assert shown(Frame("f", 17, "f"), Frame("f", 20, "f"), context=0) == [">17 four = 4"]


def test_source_line(tmp_path: Path) -> None:
    """Lines come without their end; what is not there is None."""
    file = tmp_path / "x.py"
    file.write_bytes("a = 1\r\nb = 'ö'\n".encode())

    assert source_line(str(file), 1) == "a = 1"
    assert source_line(str(file), 2) == "b = 'ö'"
    assert source_line(str(file), 3) is None
    assert source_line(str(file), 0) is None
    assert source_line("<string>", 1) is None


@pytest.mark.skipif(os.sep != "/", reason="the table is written for one separator")
@pytest.mark.parametrize(
    ("file", "root", "expected"),
    [
        ("/app/a/b.py", "/app", "a/b.py"),
        ("/app/a/b.py", "/app/", "a/b.py"),
        ("/application/b.py", "/app", "/application/b.py"),
        ("/b.py", "/", "b.py"),
        ("/app/", "/app", "/app/"),
        ("b.py", "/app", "b.py"),
        ("/app/b.py", "", "/app/b.py"),
    ],
)
def test_shown_path(file: str, root: str, expected: str) -> None:
    """Relative only below the root itself."""
    assert expected == shown_path(file, root)


STDLIB = sysconfig.get_path("stdlib")


@pytest.mark.skipif(os.sep != "/", reason="the table is written for one separator")
@pytest.mark.parametrize(
    ("file", "root", "expected"),
    [
        ("/app/b.py", "/app", False),
        ("/other/b.py", "/app", False),
        ("/app/.venv/lib/python3.12/site-packages/x.py", "/app", True),
        ("/usr/lib/python3/dist-packages/x.py", "/app", True),
        ("/usr/lib/python3.11/threading.py", "/", True),
        ("/usr/lib/python3.13t/threading.py", "/app", True),
        ("C:\\Python\\Lib\\site-packages\\x.py", "/app", True),
        ("<frozen importlib._bootstrap>", "/app", True),
        ("<string>", "/app", False),
        (f"{STDLIB}/threading.py", "/app", True),
        (f"{STDLIB}/site-packages/mine/b.py", f"{STDLIB}/site-packages/mine", False),
        ("/home/me/lib/python3-tools/b.py", "/app", False),
    ],
)
def test_is_library(file: str, root: str, expected: bool) -> None:
    """The user's own program is not folded, wherever it lies."""
    assert expected == is_library(file, root)


def test_user_frames_count_what_they_skip() -> None:
    """Library frames below the last user frame do not count."""
    library, own = Frame("/x/site-packages/a.py", 1, "l"), Frame("/app/a.py", 1, "f")

    expected = [(own, 0), (own, 2)]
    assert expected == user_frames((own, library, library, own, library), "/app")
