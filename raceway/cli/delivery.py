"""``raceway report --to``: sends a recording to a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raceway.cli.commands import CommandError
from raceway.config import Config
from raceway.exceptions import UsageError
from raceway.pipeline.oplog_delivery import NotDelivered, OpLogDelivery

if TYPE_CHECKING:
    import argparse


def deliver(given: argparse.Namespace) -> int:
    """Send a recording, and say what has become of it.

    Returns:
        The exit status.

    Raises:
        CommandError: It could not be sent.
    """
    for name in ("report", "fail_on", "baseline", "suppressions", "verbose"):
        if getattr(given, name):
            option = f"--{name.replace('_', '-')}"
            raise CommandError(f"--to sends a recording and shows nothing: leave {option} out")
    options: dict[str, Any] = {"endpoint": given.to}
    if given.api_key is not None:
        options["api_key"] = given.api_key
    if given.service is not None:
        options["service_name"] = given.service
    try:
        delivery = OpLogDelivery(Config.load(**options), "--api-key")
        logs = delivery.send(Path(given.source))
    except (UsageError, NotDelivered) as error:
        raise CommandError(str(error)) from None
    for name in delivery.damaged:
        sys.stderr.write(f"raceway: {name}: could not be read to its end\n")
    if delivery.refused:
        sys.stderr.write(f"raceway: {given.to} did not take {delivery.refused:,} events\n")
    if not given.quiet:
        noun = "process" if logs == 1 else "processes"
        already = f", {delivery.known} known there already" if delivery.known else ""
        sys.stdout.write(f"{delivery.sent:,} events of {logs} {noun} sent to {given.to}{already}\n")
    return 1 if delivery.refused or delivery.damaged else 0
