"""The data folder: one server at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Final

from raceway.exceptions import UsageError

_LOCK: Final = "lock"


class DataFolder:
    """A data folder that belongs to this process until it is closed.

    Args:
        path: The folder; it is made if it is not there.

    Raises:
        UsageError: It cannot be used, or another server uses it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            reason = error.strerror or str(error)
            raise UsageError(
                f"{path}: cannot be used as data folder: {reason}; give --data"
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = self._holder()
            os.close(self._lock)
            raise UsageError(
                f"{path}: in use by another raceway serve{holder}: stop it, or give --data"
            ) from None

    def tell(self, url: str) -> None:
        """Write down who has the folder, for whoever wants it."""
        os.ftruncate(self._lock, 0)
        with contextlib.suppress(OSError):  # the disk is full
            os.pwrite(self._lock, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def close(self) -> None:
        """Leave the folder to others."""
        os.close(self._lock)

    def _holder(self) -> str:
        try:
            told = json.loads(os.pread(self._lock, 1000, 0))
            return f" (process {int(told['pid'])}, {told['url']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""
