"""Raceway's automatic patches: what ``raceway-run`` switches on before a program starts.

A program that is not started by ``raceway-run`` calls :func:`install` as its first statement:
objects that other modules took by ``from threading import Lock`` before that stay unpatched.

PYTEST_DONT_REWRITE: pytest would warn that it comes too late, as this is loaded before it.
"""

from __future__ import annotations

import os

__all__ = ["install", "uninstall"]

if os.environ.get("RACEWAY_FAULTS"):  # only in tests of ours
    from raceway_autopatch import faults

    faults.install(os.environ["RACEWAY_FAULTS"])


def install() -> None:
    """Start to record this process, and patch what it uses, now or when it is imported.

    Where the ops go is read from the environment: ``RACEWAY_RUN_DIR`` (set by ``raceway-run``),
    ``RACEWAY_ENDPOINT`` (a Raceway server), or neither: then the process and its children make a
    run of their own, whose report is printed to stderr when the process ends.

    Calling it again changes nothing.  With ``RACEWAY_ENABLED=0`` it does nothing.

    Raises:
        OSError: The directory for the run cannot be made.
    """
    from raceway_autopatch import activation

    activation.install()


def uninstall() -> None:
    """Take every patch back and stop recording; nothing of ours stays behind.

    What other tools have put over our patches stays in place; our part of it only calls the
    original from then on.  A run of the process's own is reported now.
    """
    from raceway_autopatch import activation

    activation.uninstall()
