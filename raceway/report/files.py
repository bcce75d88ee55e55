"""Reports in files: the format follows the name, and a half-written report never exists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from raceway.report.document import encode_document, report_document
from raceway.report.excerpt import source_line
from raceway.report.formats import RUN_TRACE, report_format
from raceway.report.terminal import DEFAULT_WIDTH
from raceway.report.text import render_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.model.findings import Report


def write_report(report: Report, path: str | os.PathLike[str]) -> None:
    """Write the report to a file in the format that the suffix names.

    A file that exists is replaced in one step; one that a reader has open stays as it was.  What
    exists and is no regular file, such as a named pipe, is written to.

    Args:
        report: What to write.
        path: Where, for example ``report.json``.

    Raises:
        ValueError: No format has this suffix, or the report has no trace of the run.
        OSError: The file cannot be written; ``filename`` is ``path``.
    """
    data = _ENCODERS[report_format(path)](report).encode("utf-8", "backslashreplace")
    try:
        _write(data, Path(os.path.realpath(path)))
    except OSError as error:
        # The caller tells the user about the file that was asked for, not about the temporary one.
        error.filename, error.filename2 = os.fspath(path), None
        raise


def _sarif(report: Report) -> str:
    from raceway.report.sarif import render_sarif

    return render_sarif(report, root=_folder())


def _html(report: Report) -> str:
    from raceway.report.html_report import render_html

    return render_html(report, root=_folder())


def _junit(report: Report) -> str:
    from raceway.report.junit import render_junit

    return render_junit(report, root=_folder())


def _run_trace(report: Report) -> str:
    from raceway.report.run_trace import render_run_trace

    return render_run_trace(report, root=_folder())


def _markdown(report: Report) -> str:
    from raceway.report.markdown import render_markdown

    return render_markdown(report, root=_folder())


def _json(report: Report) -> str:
    return encode_document(report_document(report))


def _text(report: Report) -> str:
    return render_text(
        report,
        color=False,
        width=DEFAULT_WIDTH,
        unicode=True,
        root=_folder(),
        read_line=source_line,
        verbose=True,
    )


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # it was removed
        return ""


_ENCODERS: Final[dict[str, Callable[[Report], str]]] = {
    ".html": _html,
    ".json": _json,
    ".md": _markdown,
    ".sarif": _sarif,
    RUN_TRACE: _run_trace,
    ".txt": _text,
    ".xml": _junit,
}


def _write(data: bytes, path: Path) -> None:
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(data)
        return
    # In the same folder, or the replacement could not be one step.  Not made by tempfile, whose
    # files only their owner can read.
    temporary = path.with_name(f".raceway-{os.urandom(8).hex()}.tmp")
    with temporary.open("xb") as stream:
        try:
            stream.write(data)
            stream.close()  # before the replacement: Windows renames no open file
            temporary.replace(path)
        except BaseException:
            stream.close()
            temporary.unlink(missing_ok=True)
            raise
