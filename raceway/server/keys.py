"""Who may do what: keys with scopes, sessions of browsers, and how often each may ask."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

Scope = Literal["ingest", "read", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("ingest", "read", "admin")
SESSION_SECONDS: Final = 7 * 86400
_SESSIONS_KEPT: Final = 1000
_BUCKETS_KEPT: Final = 10_000
_HASHED: Final = "sha256:"


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        name: What the log calls it.
        digest: SHA-256 of the key: the key itself is not kept.
        scopes: What it allows; ``admin`` allows everything.
    """

    name: str
    digest: bytes
    scopes: frozenset[str]

    @classmethod
    def of(cls, entry: object) -> Key:
        """Return the key that an entry of ``api_keys`` describes.

        Args:
            entry: The key, or a table with ``key`` (or ``sha256``, its hash in hexadecimal),
                ``name`` and ``scopes``.

        Raises:
            ValueError: It describes none.
        """
        if isinstance(entry, str):
            return cls.parse(entry)
        if not isinstance(entry, dict):
            raise ValueError(  # noqa: TRY004 - a value of a file
                f"{entry!r} is no key: give text, or {{ key = ..., scopes = [...] }}"
            )
        scopes = entry.get("scopes", ["admin"])
        unknown = [scope for scope in scopes if scope not in SCOPES] if scopes else ["none"]
        if unknown or not isinstance(scopes, list):
            raise ValueError(f"scopes = {scopes!r}: give some of {', '.join(SCOPES)}")
        text = entry.get("key") or f"{_HASHED}{entry.get('sha256', '')}"
        return cls(str(entry.get("name", "key")), _digest_of(text), frozenset(scopes))

    @classmethod
    def parse(cls, text: str) -> Key:
        """Return a key that allows everything; ``sha256:<hexadecimal>`` is a hash of one."""
        return cls("key", _digest_of(text.strip()), frozenset({"admin"}))

    def allows(self, scope: Scope) -> bool:
        """Tell whether it allows something."""
        return scope in self.scopes or "admin" in self.scopes


def _digest_of(text: object) -> bytes:
    if not isinstance(text, str) or len(text) < 8:
        raise ValueError("a key has at least 8 characters")
    if text.startswith(_HASHED):
        digest = bytes.fromhex(text[len(_HASHED) :])
        if len(digest) != 32:
            raise ValueError(f"{text!r} is no SHA-256")
        return digest
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


class Keys:
    """All keys, and the sessions that were opened with them.

    Args:
        keys: The keys.
        password: Password for the pages; it allows to read.
    """

    def __init__(self, keys: Iterable[Key], password: str = "") -> None:
        found = list(keys)
        self._keys = found
        self._password = (
            Key("password", sha256(password.encode()).digest(), frozenset({"read"}))
            if password
            else None
        )
        self._sessions: dict[bytes, tuple[Key, float]] = {}

    @property
    def required(self) -> bool:
        """Whether anybody is asked for a key."""
        return bool(self._keys or self._password)

    def find(self, text: str) -> Key | None:
        """Return the key that ``text`` is; each is compared in constant time."""
        return self._among(self._keys, text)

    def open_session(self, text: str) -> str:
        """Return the token of a new session for a key or the password, or an empty string."""
        known = [*self._keys, *([self._password] if self._password else [])]
        key = self._among(known, text)
        if key is None:
            return ""
        token = secrets.token_urlsafe(32)
        while len(self._sessions) >= _SESSIONS_KEPT:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[sha256(token.encode()).digest()] = (key, time.time() + SESSION_SECONDS)
        return token

    def session(self, token: str) -> Key | None:
        """Return the key of a session, or None."""
        digest = sha256(token.encode("utf-8", "replace")).digest()
        known = self._sessions.get(digest)
        if known is None:
            return None
        if known[1] < time.time():
            del self._sessions[digest]
            return None
        return known[0]

    def close_session(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(sha256(token.encode("utf-8", "replace")).digest(), None)

    @staticmethod
    def _among(keys: Iterable[Key], text: str) -> Key | None:
        digest = sha256(text.encode("utf-8", "replace")).digest()
        found = None
        for key in keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found


class RateLimit:
    """A bucket of tokens for each key or address, which holds a minute's worth.

    Args:
        per_minute: Requests a minute.
    """

    def __init__(self, per_minute: int) -> None:
        self._rate = max(1, per_minute) / 60.0
        self._most = float(max(1, per_minute))
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, who: str, now: float) -> float:
        """Take a token; return 0, or for how many seconds there will be none.

        Args:
            who: Key or address.
            now: The time, in seconds.
        """
        tokens, then = self._buckets.pop(who, (self._most, now))
        tokens = min(self._most, tokens + (now - then) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[who] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > _BUCKETS_KEPT:
            del self._buckets[next(iter(self._buckets))]
        return wait
