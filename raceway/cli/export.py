"""``raceway export``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from raceway.cli.commands import CommandError
from raceway.exceptions import UsageError

if TYPE_CHECKING:
    import argparse

_NEEDED: Final = {"pyarrow": "parquet", "msgspec": "server"}


def export(given: argparse.Namespace) -> int:
    """Write what a server has stored.

    Returns:
        The exit status.

    Raises:
        CommandError: It cannot be written.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise CommandError(
            f"raceway export needs {' and '.join(missing)}, which {verb} not installed:"
            " pip install 'raceway-sdk[server,parquet]'"
        )
    from raceway.server.export import export as write
    from raceway.server.options import data_folder

    try:
        written = write(data_folder(given.config, given.data), given.parquet)
    except UsageError as error:
        raise CommandError(str(error)) from None
    for path, rows in written:
        sys.stdout.write(f"{path}: {rows:,} {'row' if rows == 1 else 'rows'}\n")
    return 0
