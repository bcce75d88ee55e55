"""Where settings come from, if the code does not give them: the environment and pyproject.toml.

For each setting the first that says anything wins: the argument in the code, the environment
variable, the table ``[tool.raceway]`` of the nearest ``pyproject.toml`` from the working directory
upwards, the default.
"""

from __future__ import annotations

import os
from typing import Any

from raceway import project
from raceway.exceptions import UsageError

VARIABLES = {
    "endpoint": ("RACEWAY_ENDPOINT", str),
    "service_name": ("RACEWAY_SERVICE", str),
    "environment": ("RACEWAY_ENVIRONMENT", str),
    "batch_size": ("RACEWAY_BATCH_SIZE", int),
    "flush_interval": ("RACEWAY_FLUSH_INTERVAL", float),
    "debug": ("RACEWAY_DEBUG", bool),
    "api_key": ("RACEWAY_API_KEY", str),
    "request_timeout": ("RACEWAY_REQUEST_TIMEOUT", float),
    "shutdown_timeout": ("RACEWAY_SHUTDOWN_TIMEOUT", float),
    "max_buffer_bytes": ("RACEWAY_MAX_BUFFER_BYTES", int),
    "max_batch_bytes": ("RACEWAY_MAX_BATCH_BYTES", int),
    "max_value_bytes": ("RACEWAY_MAX_VALUE_BYTES", int),
    "max_events_per_second": ("RACEWAY_MAX_EVENTS_PER_SECOND", float),
    "capture_http": ("RACEWAY_CAPTURE_HTTP", bool),
    "redact": ("RACEWAY_REDACT", tuple),
    "dialect": ("RACEWAY_DIALECT", str),
    "spool": ("RACEWAY_SPOOL", str),
    "max_spool_bytes": ("RACEWAY_MAX_SPOOL_BYTES", int),
    "proxy": ("RACEWAY_PROXY", str),
    "flush_on_sigterm": ("RACEWAY_FLUSH_ON_SIGTERM", bool),
}
"""The settings that can be given outside of the code: their variables, and what they are.

The instance id is not among them: ``Config.current_instance_id`` asks for its variable in each
process anew.
"""

_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")


def is_enabled() -> bool:
    """Return whether the user has left Raceway on: ``RACEWAY_ENABLED``."""
    return os.environ.get("RACEWAY_ENABLED", "").strip().lower() not in _OFF


def read(given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings that are given anywhere, and where those come from that are found here.

    Args:
        given: What the code gives.

    Raises:
        UsageError: A variable cannot be read, or the table has a key that is no setting.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    path, table = project.project_table()
    for key, value in table.items():
        name = key.replace("-", "_")
        if name in project.NOT_SETTINGS:
            continue
        if name not in VARIABLES and name != "instance_id":
            raise UsageError(f"{path}: [tool.raceway] has no setting {key!r}{_nearest(name)}")
        if name == "max_events_per_second" and value in (0, False):
            value = None  # noqa: PLW2901 - TOML has no null
        values[name], sources[name] = value, f"{path}: [tool.raceway] {key}"
    for name, (variable, kind) in VARIABLES.items():
        text = os.environ.get(variable, "")
        if text and name not in given:
            values[name], sources[name] = _parsed(variable, text, kind), variable
    for name, value in given.items():
        values[name] = value
        sources.pop(name, None)
    return values, sources


def _parsed(variable: str, text: str, kind: type) -> Any:
    word = text.strip().lower()
    if kind is bool:
        if word not in _ON + _OFF:
            raise UsageError(f"{variable}={text!r} is not usable: give 1 or 0")
        return word in _ON
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is str:
        return text
    if word == "none" and variable == "RACEWAY_MAX_EVENTS_PER_SECOND":
        return None
    try:
        return kind(word)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageError(f"{variable}={text!r} is not usable: give {what}") from None


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, VARIABLES, 1)
    return f": did you mean {found[0]!r}?" if found else ""
