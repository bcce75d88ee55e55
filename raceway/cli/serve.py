"""``raceway serve``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from raceway.cli.commands import CommandError
from raceway.exceptions import UsageError

if TYPE_CHECKING:
    import argparse

_NEEDED: Final = ("starlette", "uvicorn", "msgspec", "jinja2", "prometheus_client")


def serve(given: argparse.Namespace) -> int:
    """Run a server until it is told to stop.

    Raises:
        CommandError: It cannot run.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        names = " and ".join((", ".join(missing[:-1]), missing[-1]) if missing[1:] else missing)
        verb = "are" if missing[1:] else "is"
        raise CommandError(
            f"raceway serve needs {names}, which {verb} not installed:"
            " pip install 'raceway-sdk[server]'"
        )
    from raceway.server.options import read_options
    from raceway.server.serving import serve as run

    try:
        options = read_options(
            given.config,
            host=given.host,
            port=given.port,
            data=given.data,
            sources=given.source,
            log_format=given.log_format,
        )
        return run(options)
    except UsageError as error:
        raise CommandError(str(error)) from None
