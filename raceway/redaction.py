"""Secrets by name: what is called a password or a token is not recorded, nor shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from raceway import settings
from raceway.exceptions import UsageError

SECRETS = (
    "password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "authorization",
    "cookie", "credential", "private_key",
)  # fmt: skip
"""Words in the names of what is not recorded."""
REDACTED = "<redacted>"
"""What stands in its place."""

Hides = Callable[[str], object] | None


def hides(words: Collection[str]) -> Hides:
    """Return a function that says whether a name contains one of ``words``, in any case.

    Example:
        >>> bool(hides(["password"])("db_Password")), hides([])
        (True, None)
    """
    if not words:
        return None
    return re.compile("|".join(map(re.escape, words)), re.IGNORECASE).search


def configured() -> Hides:
    """Return what :func:`hides` makes of the words that are set outside of the code."""
    try:
        words = settings.read({})[0].get("redact", SECRETS)
    except UsageError:  # whoever needs the other settings says so
        words = SECRETS
    usable = isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words)
    return hides([word for word in words if word] if usable else SECRETS)
