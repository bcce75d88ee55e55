"""The run directory: where the processes of a run leave what they recorded."""

from __future__ import annotations

import os
import sys
import time

_SHARED_MODE = 0o1733
"""Workers that give up root's privileges can still make their files, and nobody can list them."""


def create() -> str:
    """Make a private directory for one run and return its path.

    Raises:
        OSError: There is no directory for temporary files in which one can be made.
    """
    # Not tempfile: it imports random, shutil and the compression modules into the program.
    names = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    for folder in [*filter(None, names), "/tmp", "/var/tmp", os.curdir]:  # noqa: S108 - 64 random bits
        path = os.path.abspath(os.path.join(folder, f"raceway-{os.urandom(8).hex()}"))
        try:
            os.mkdir(path, 0o700)
        except OSError:
            continue
        # Also where that is the mode already: the umask may have taken something away.
        shared = hasattr(os, "geteuid") and os.geteuid() == 0
        os.chmod(path, _SHARED_MODE if shared else 0o700)
        return path
    message = "no directory for temporary files can be written to; set TMPDIR to one"
    raise OSError(message)


def leave_word(path: str, where: str, error: BaseException) -> None:
    """Let the run know that a process could not be recorded; never raises.

    The suffix is :data:`raceway.record.oplog.FAILED_SUFFIX`: importing that may be what has failed.

    Args:
        path: The run directory; an empty string for none.
        where: The part of Raceway that failed.
        error: What it raised.
    """
    try:
        name = f"{os.getpid()}-{time.time_ns()}.failed"
        text = "\0".join((where, f"{type(error).__name__}: {error}", "1"))
        descriptor = os.open(os.path.join(path, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, text.encode("utf-8", "backslashreplace"))
        finally:
            os.close(descriptor)
    except Exception:  # noqa: S110 - the run is over, or its disk full
        pass


def is_kept() -> bool:
    """Return whether the user wants to keep what was recorded: ``RACEWAY_KEEP_RUN=1``."""
    return os.environ.get("RACEWAY_KEEP_RUN", "") not in ("", "0")


def remove(path: str, *, keep: bool = False) -> str:
    """Remove a run directory.

    Args:
        path: The directory.
        keep: Leave it where it is; ``RACEWAY_KEEP_RUN=1`` does the same.

    Returns:
        The line to print about it, or an empty string.
    """
    if keep or is_kept():
        return f"raceway: the recording was kept in {path}\n"
    import shutil

    # Renamed first: a daemon that still records would put new files into it while it is emptied.
    gone = f"{path}-removed"
    try:
        os.rename(path, gone)
    except OSError:
        gone = path
    shutil.rmtree(gone, ignore_errors=True)
    return ""


def say(text: str) -> None:
    """Write to stderr; never raises, whatever has become of it."""
    try:
        stream = sys.stderr
        stream.write(text)
        stream.flush()
    except Exception:  # noqa: S110 - closed, full, a broken pipe, or None: nobody is listening
        pass
