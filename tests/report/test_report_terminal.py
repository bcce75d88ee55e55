"""What a terminal can show."""

from __future__ import annotations

import io

import pytest

from raceway.report.terminal import (
    clean,
    display_width,
    pad,
    shorten,
    terminal_options,
    wrap,
)


class Stream(io.StringIO):
    """A stream that says of itself what the test wants."""

    def __init__(self, *, tty: bool = False, encoding: str | None = "utf-8") -> None:
        super().__init__()
        self._tty = tty
        self._encoding = encoding

    @property
    def encoding(self) -> str | None:  # type: ignore[override]  # None is what a mock has
        return self._encoding

    def isatty(self) -> bool:
        if self.closed:
            raise ValueError
        return self._tty


@pytest.mark.parametrize(
    ("tty", "env", "color"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "0"}, False),
        (False, {"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_color(
    tty: bool, env: dict[str, str], color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR before FORCE_COLOR before TERM before the stream itself."""
    monkeypatch.setattr("os.name", "posix")

    assert color == terminal_options(Stream(tty=tty), env)[0]


@pytest.mark.parametrize(
    ("columns", "width"),
    [(None, 100), ("80", 80), ("20", 60), ("500", 120), ("0", 100), ("x", 100), ("9" * 5000, 120)],
)
def test_width(columns: str | None, width: int) -> None:
    """Neither too narrow for the table nor too wide to read."""
    env = {} if columns is None else {"COLUMNS": columns}

    assert width == terminal_options(Stream(), env)[1]


@pytest.mark.parametrize(
    ("encoding", "unicode"),
    [
        ("utf-8", True),
        ("UTF8", True),
        ("utf-16", True),
        ("ascii", False),
        ("latin-1", False),
        ("cp437", False),
        ("no-such", False),
        ("\0", False),
        (None, False),
    ],
)
def test_unicode(encoding: str | None, unicode: bool) -> None:
    """Only an encoding that has every character will do."""
    assert unicode == terminal_options(Stream(encoding=encoding), {})[2]


def test_closed_and_missing_streams_are_plain() -> None:
    """A program may close stderr before it ends."""
    stream = Stream(tty=True)
    stream.close()

    assert terminal_options(stream, {}) == (False, 100, True)
    assert terminal_options(None, {}) == (False, 100, False)


@pytest.mark.parametrize(
    ("text", "with_unicode", "ascii_only"),
    [
        ("plain", "plain", "plain"),
        ("größe", "größe", r"gr\xf6\xdfe"),
        ("\x1b[2J", r"\x1b[2J", r"\x1b[2J"),
        ("a\u202eb", r"a\u202eb", r"a\u202eb"),
        ("\x9b31m", r"\x9b31m", r"\x9b31m"),
        ("a\nb\tc\x7f", r"a\nb\tc\x7f", r"a\nb\tc\x7f"),
        ("\ud800", r"\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001", r"\U000e0001"),
    ],
)
def test_clean(text: str, with_unicode: str, ascii_only: str) -> None:
    """Nothing that moves the cursor, hides or reorders text is left."""
    assert with_unicode == clean(text, unicode=True)
    assert ascii_only == clean(text, unicode=False)


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("ﾊﾝ", 2), ("🙂", 2), ("", 0)]
)
def test_display_width(text: str, width: int) -> None:
    """Columns, not characters."""
    assert width == display_width(text)
    assert display_width(pad(text, 10)) == 10


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abc..."),
        ("漢字漢字", 7, "漢字..."),
        ("漢字漢字", 8, "漢字漢字"),
        ("abcdefg", 2, "ab"),
        ("a" + "\u0301" * 5000, 6, "a" + "\u0301" * 11 + "..."),
    ],
)
def test_shorten(text: str, width: int, expected: str) -> None:
    """The cut is marked and no wide character is split."""
    assert expected == shorten(text, width, "...")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t ", []),
        ("one two three", ["one two", "three"]),
        ("abcdefghij", ["abcdefgh", "ij"]),
        ("漢字漢字漢", ["漢字漢字", "漢"]),
        ("a\x1bb", [r"a\x1bb"]),
    ],
)
def test_wrap(text: str, expected: list[str]) -> None:
    """Words stay whole if they fit at all."""
    assert expected == wrap(text, 8, unicode=True)
