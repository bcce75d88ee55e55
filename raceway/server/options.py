"""What ``raceway serve`` is told: arguments, then raceway.toml, then defaults.

The file is that of the Raceway server in Rust; its keys that have no meaning here are named when
the server starts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from raceway.exceptions import UsageError
from raceway.project import Unreadable, load
from raceway.server.keys import Key

DEFAULT_PORT: Final = 8080
_MIB: Final = 1024 * 1024
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_KNOWN: Final[dict[str, dict[str, type | tuple[type, ...]]]] = {
    "server": {
        "host": str, "port": int, "auth_enabled": bool, "api_keys": list, "ui_password": str,
        "rate_limit_enabled": bool, "rate_limit_rpm": int, "hosts": list, "sources": list,
        "max_body_bytes": int,
    },
    "storage": {"path": str, "max_age_days": (int, float), "max_bytes": int, "durable": bool},
    "engine": {"buffer_size": int, "delay_ms": int},
}  # fmt: skip
_SILENT: Final = {
    "server": {"verbose", "cors_enabled", "cors_origins"},
    "storage": {"backend", "postgres"},
    "engine": {"batch_size", "flush_interval_ms"},
}
_PARTS: Final = (
    "race_detection",
    "anomaly_detection",
    "distributed_tracing",
    "logging",
    "development",
)


def default_folder() -> Path:
    """Return where the store lies if nobody says where."""
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local/share")
    return Path(base, "raceway", "server")


@dataclass(frozen=True)
class ServerOptions:
    """How the server runs.

    Attributes:
        host: Address to listen at.
        port: Port to listen at; 0 for a free one.
        data: Folder of the store.
        keys: Who may do what; nobody is asked for a key if there are none.
        ui_password: Password for the pages, besides the keys; may read.
        hosts: Names under which the server may be asked for, besides its own.
        sources: Folders of which source code may be shown.
        rate_limit: Requests a minute of one key or peer, or None.
        queue_events: Events that may wait to be stored.
        max_body_bytes: Size of a request, unpacked.
        max_age: Seconds after which events are deleted.
        max_bytes: Most that the store of events holds.
        durable: Whether an event is acknowledged only when the disk has it.
        delay: Seconds that what was tracked by hand waits for what other processes did before.
        log_format: ``text`` or ``json``.
        notes: What there is to say about the configuration.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    data: Path = field(default_factory=default_folder)
    keys: tuple[Key, ...] = ()
    ui_password: str = ""
    hosts: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    rate_limit: int | None = None
    queue_events: int = 100_000
    max_body_bytes: int = 16 * _MIB
    max_age: float = 7 * 86400.0
    max_bytes: int = 1024 * _MIB
    durable: bool = False
    delay: float = 2.0
    log_format: str = "text"
    notes: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in _LOOPBACK or self.host.startswith("127.")

    @property
    def asks_for_key(self) -> bool:
        """Whether requests need a key."""
        return bool(self.keys or self.ui_password)


def read_options(
    config: str = "",
    *,
    host: str | None = None,
    port: int | None = None,
    data: str | None = None,
    sources: list[str] | None = None,
    log_format: str = "text",
) -> ServerOptions:
    """Return the options of a server.

    Args:
        config: A raceway.toml; the one in the working directory if there is one and none is given.
        host: Overrides the file, as all that follows.
        port: Port.
        data: Data folder.
        sources: Folders of which source code may be shown.
        log_format: ``text`` or ``json``.

    Raises:
        UsageError: Something is not usable; the message says what to do.
    """
    path = config or ("raceway.toml" if os.path.isfile("raceway.toml") else "")
    document: dict[str, Any] = {}
    if path:
        try:
            document = load(path)
        except Unreadable as error:
            raise UsageError(str(error)) from None
    notes = _check(path, document)
    server, storage = document.get("server", {}), document.get("storage", {})
    keys = tuple(_key(path, entry) for entry in server.get("api_keys", ()))
    keys += tuple(
        Key.parse(text) for text in os.environ.get("RACEWAY_SERVER_KEYS", "").split(",") if text
    )
    if keys and server.get("auth_enabled") is False:
        notes.append(f"{path}: [server] auth_enabled = false: keys are given and not asked for")
        keys = ()
    if server.get("auth_enabled") and not keys:
        raise UsageError(f'{path}: [server] auth_enabled needs a key: add api_keys = ["..."]')
    found = server.get("sources", ()) if sources is None else sources
    options = ServerOptions(
        host=server.get("host", "127.0.0.1") if host is None else host,
        port=server.get("port", DEFAULT_PORT) if port is None else port,
        data=Path(data or storage.get("path") or default_folder()),
        keys=keys,
        ui_password=server.get("ui_password", ""),
        hosts=tuple(map(str, server.get("hosts", ()))),
        sources=tuple(map(str, found)) or (os.getcwd(),),
        rate_limit=server.get("rate_limit_rpm", 1000) if server.get("rate_limit_enabled") else None,
        queue_events=max(1000, document.get("engine", {}).get("buffer_size", 100_000)),
        max_body_bytes=server.get("max_body_bytes", 16 * _MIB),
        max_age=storage.get("max_age_days", 7) * 86400.0,
        max_bytes=storage.get("max_bytes", 1024 * _MIB),
        durable=storage.get("durable", False),
        delay=document.get("engine", {}).get("delay_ms", 2000) / 1000,
        log_format=log_format,
        notes=tuple(notes),
    )
    if not 0 <= options.port <= 65535:
        raise UsageError(f"port {options.port} is not usable: give one from 0 to 65535")
    if not options.is_loopback and not options.keys:
        raise UsageError(
            f"host {options.host!r} can be reached from other machines, and no key is set: add"
            " [server] api_keys to raceway.toml or set RACEWAY_SERVER_KEYS, or leave --host out"
        )
    return options


def data_folder(config: str = "", data: str | None = None) -> Path:
    """Return the data folder of a server, without asking for anything else that it needs.

    Args:
        config: As for :func:`read_options`.
        data: Overrides the file.

    Raises:
        UsageError: The file is not usable.
    """
    path = config or ("raceway.toml" if os.path.isfile("raceway.toml") else "")
    document: dict[str, Any] = {}
    if path and not data:
        try:
            document = load(path)
        except Unreadable as error:
            raise UsageError(str(error)) from None
        _check(path, document)
    return Path(data or document.get("storage", {}).get("path") or default_folder())


def _key(path: str, entry: object) -> Key:
    try:
        return Key.of(entry)
    except ValueError as error:
        raise UsageError(f"{path}: [server] api_keys: {error}") from None


def _check(path: str, document: dict[str, Any]) -> list[str]:
    """Check types; return what there is to say about keys that have no meaning here."""
    ignored: list[str] = []
    for part, table in document.items():
        if part in _PARTS:
            ignored.append(f"[{part}]")
            continue
        if part not in _KNOWN or not isinstance(table, dict):
            if part in {"suppress", "baseline", "watch"}:
                continue
            ignored.append(f"[{part}]")
            continue
        for key, value in table.items():
            wanted = _KNOWN[part].get(key)
            if wanted is None:
                ignored.append(f"[{part}] {key}")
                continue
            wrong_bool = isinstance(value, bool) and wanted is not bool
            if not isinstance(value, wanted) or wrong_bool:
                raise UsageError(
                    f"{path}: [{part}] {key} = {value!r} is not usable: {_wanted(wanted)}"
                )
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value < 0:
                raise UsageError(
                    f"{path}: [{part}] {key} = {value!r} is not usable: it is negative"
                )
    return [f"{path}: has no meaning here: {', '.join(ignored)}"] if ignored else []


def _wanted(kind: type | tuple[type, ...]) -> str:
    words = {
        str: "give text",
        int: "give a whole number",
        bool: "give true or false",
        list: "give a list",
    }
    return words.get(kind, "give a number") if isinstance(kind, type) else "give a number"
