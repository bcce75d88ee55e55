"""The files in which a project says what it wants: pyproject.toml and raceway.toml."""

from __future__ import annotations

import os
from typing import Any

PYPROJECT = "pyproject.toml"
OWN_FILE = "raceway.toml"
NOT_SETTINGS = ("suppress", "baseline", "watch")
"""Keys of ``[tool.raceway]`` that are not about the client."""


class Unreadable(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """A file of the project cannot be read; the message says why, and what to do."""


def nearest(name: str) -> str:
    """Return the path of the file of this name in the working directory or its nearest parent.

    Returns:
        The path, or an empty string if there is none.
    """
    try:
        folder = os.getcwd()
    except OSError:  # it was deleted
        return ""
    while True:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def load(path: str) -> dict[str, Any]:
    """Read a TOML file.

    Python 3.10 has no reader for it; ``tomli`` is used there if it is installed.

    Raises:
        Unreadable: It cannot be read, or is no TOML.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unreadable(f"{path}: cannot be read: {reason}") from None
    try:
        document: dict[str, Any] = _parser()(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also of UTF-8
        raise Unreadable(f"{path}: is not valid TOML, correct it: {error}") from None
    except ImportError:
        message = f"{path}: Python 3.10 cannot read TOML: use a newer one, or install tomli"
        raise Unreadable(message) from None
    return document


def tool_table(document: dict[str, Any]) -> dict[str, Any]:
    """Return the table ``[tool.raceway]`` of a pyproject.toml."""
    tool = document.get("tool", {})
    table = tool.get("raceway", {}) if isinstance(tool, dict) else {}
    return table if isinstance(table, dict) else {}


def project_table() -> tuple[str, dict[str, Any]]:
    """Return the path of the nearest pyproject.toml and its table; nothing if there is none."""
    path = nearest(PYPROJECT)
    if not path:
        return "", {}
    try:
        return path, tool_table(load(path))
    except Unreadable:  # raceway-run says so; it may not even be about us
        return path, {}


def _parser() -> Any:
    from importlib import import_module

    try:
        return import_module("tomllib").loads
    except ImportError:
        return import_module("tomli").loads
