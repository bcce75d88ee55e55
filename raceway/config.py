"""Configuration of the client: one dataclass, validated when it is made.

The instance id is the one value that is not fixed then. Unless it was given, it contains the
process id, and a process that was forked after the configuration was made is another instance.
"""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Optional

from raceway import settings
from raceway.exceptions import UsageError
from raceway.redaction import SECRETS

_MAX_VALUE_BYTES = 256 * 1024
_MAX_BATCH_BYTES = 2_000_000  # a Raceway server refuses bodies of 2 MiB (2,097,152 bytes)
_MIN_BATCH_BYTES = 1024


@dataclass
class Config:
    """Raceway client configuration.

    Args:
        endpoint: Base URL of the Raceway server, http or https; ``/events`` is appended.
        service_name: What the server and the reports call this service.
        instance_id: Name of this process among those of the service. Without it,
            ``$RACEWAY_INSTANCE_ID`` or ``<hostname>-<pid>``, see :meth:`current_instance_id`.
        environment: Deployment environment, free text.
        batch_size: Most events in one request.
        flush_interval: Longest time that an event waits for others, in seconds.
        debug: Log what the client does to the logger ``raceway`` at level DEBUG, on stderr.
        api_key: Key for a server that demands one. It goes to ``endpoint`` and nowhere else.
        request_timeout: Limit for connecting to the server, for sending a batch and for its
            answer, in seconds.
        shutdown_timeout: Longest time that ``shutdown()``, ``flush()`` without a timeout and the
            end of the process wait for delivery, in seconds.
        max_buffer_bytes: Most memory for events that wait for delivery, in bytes. When it is
            full new events are counted and dropped.
        max_batch_bytes: Size at which a request is cut, in bytes; at most 2,000,000.
        max_value_bytes: Most that is kept of one captured value, in bytes; at most 262,144.
        redact: Words; what has one of them in its name (a key, a field, a variable, a header, a
            parameter of a URL) is recorded as ``<redacted>``, in any case of letters.
        capture_http: Whether the middleware records the headers of requests and responses. Bodies
            are recorded only by :meth:`RacewayClient.track_http_request` and its like.
        dialect: ``compact`` or ``full``. The compact one is what every Raceway server takes. The
            full one is for a server that knows more: returns are events of their own, each event
            of an instrumented program names all that it comes after, and says what of it is due
            to locks only; a batch that got no answer is sent again.
        spool: Folder for events that find no room in memory while the server is away, and for
            those that wait when the process ends: the next process that uses it sends them.
        max_spool_bytes: Most that one process writes there, in bytes.
        proxy: HTTP proxy on the way to the server, ``http://host:port``, with ``user:password@`` if
            it wants that. The variables for proxies (``HTTPS_PROXY`` and the like) do not apply.
        flush_on_sigterm: Whether SIGTERM, where the program leaves it its default action, ends the
            process only after delivery, for two seconds at most if the server does not answer.
            ``None``: where the program cannot see it, which takes the C extension. ``True``: also
            by a handler in Python, if the client is made in the main thread. ``False``: never.
        max_events_per_second: Sustained rate of delivery; a burst of 8,000 events is sent
            without delay. A Raceway server takes about 950 events a second and refuses the rest.
            ``None`` removes the limit.

    Raises:
        UsageError: A value cannot be used.

    Example:
        >>> Config(service_name="billing").endpoint
        'http://localhost:8080'
    """

    # "Optional" is how the public documentation spells these fields.
    endpoint: str = "http://localhost:8080"
    service_name: str = "unknown-service"
    instance_id: Optional[str] = None  # noqa: UP045 - as documented
    environment: str = "development"
    batch_size: int = 50
    flush_interval: float = 1.0
    debug: bool = False
    _: KW_ONLY
    api_key: Optional[str] = field(default=None, repr=False)  # noqa: UP045 - as above
    request_timeout: float = 10.0
    shutdown_timeout: float = 5.0
    max_buffer_bytes: int = 64 * 1024 * 1024
    max_batch_bytes: int = 1024 * 1024
    max_value_bytes: int = 64 * 1024
    max_events_per_second: Optional[float] = 900.0  # noqa: UP045 - as above
    redact: tuple[str, ...] = SECRETS
    capture_http: bool = False
    dialect: str = "compact"
    spool: Optional[str] = None  # noqa: UP045 - as above
    max_spool_bytes: int = 1024 * 1024 * 1024
    flush_on_sigterm: Optional[bool] = None  # noqa: UP045 - as above
    proxy: Optional[str] = field(default=None, repr=False)  # noqa: UP045 - as above

    def __post_init__(self) -> None:
        """Check every value and say how to repair a bad one."""
        self._pid = os.getpid()
        self.endpoint = _endpoint(self.endpoint)
        _text("service_name", self.service_name)
        _text("environment", self.environment)
        if self.instance_id is not None:
            _text("instance_id", self.instance_id)
        if self.api_key is not None:
            _api_key(self.api_key)
        _whole("batch_size", self.batch_size, 1)
        _whole("max_buffer_bytes", self.max_buffer_bytes, 1)
        _whole("max_batch_bytes", self.max_batch_bytes, _MIN_BATCH_BYTES, _MAX_BATCH_BYTES)
        _whole("max_value_bytes", self.max_value_bytes, 64, _MAX_VALUE_BYTES)
        self.redact = _words("redact", self.redact)
        _whole("max_spool_bytes", self.max_spool_bytes, 1)
        if self.spool is not None:
            _text("spool", self.spool)
            self.spool = os.path.abspath(self.spool)  # the program may change its directory
        if self.proxy is not None:
            self.proxy = _proxy(self.proxy)
        _flag("debug", self.debug)
        _flag("capture_http", self.capture_http)
        if self.flush_on_sigterm is not None:
            _flag("flush_on_sigterm", self.flush_on_sigterm)
        if self.dialect not in ("compact", "full"):
            raise _refuse("dialect", self.dialect, "give 'compact' or 'full'")
        _seconds("flush_interval", self.flush_interval)
        _seconds("request_timeout", self.request_timeout)
        _seconds("shutdown_timeout", self.shutdown_timeout)
        if self.max_events_per_second is not None:
            _seconds("max_events_per_second", self.max_events_per_second, unit="events per second")

    @classmethod
    def load(cls, **given: Any) -> Config:
        """Make a configuration of what is set outside of the code.

        Args:
            **given: What the code decides. It wins over the environment variables, these win over
                the table ``[tool.raceway]`` of the nearest ``pyproject.toml``.

        Returns:
            The configuration.

        Raises:
            UsageError: A value cannot be used; the text says where it comes from.

        Example:
            >>> Config.load(service_name="billing").service_name
            'billing'
        """
        values, sources = settings.read(given)
        try:
            return cls(**values)
        except UsageError as error:
            name = str(error).partition("=")[0].partition(" ")[0]
            if name in sources:
                raise UsageError(f"{sources[name]}: {error}") from None
            raise

    def current_instance_id(self) -> str:
        """Return the instance id of the process that asks.

        Returns:
            ``instance_id`` if it was given, else ``$RACEWAY_INSTANCE_ID``, else
            ``<hostname>-<pid>``. After a process fork the child gets its own: that which was
            given, with the process id behind it.

        Example:
            >>> Config(instance_id="web-1").current_instance_id()
            'web-1'
        """
        given = self.instance_id or os.environ.get("RACEWAY_INSTANCE_ID")
        if given:
            return given if os.getpid() == self._pid else f"{given}-{os.getpid()}"
        return f"{_hostname()}-{os.getpid()}"


def _hostname() -> str:
    # Not socket.gethostname(): importing socket before gevent patches it is not ours to decide.
    try:
        return os.uname().nodename or "localhost"
    except AttributeError:  # Windows
        return os.environ.get("COMPUTERNAME") or "localhost"


def _refuse(name: str, value: object, remedy: str) -> UsageError:
    return UsageError(f"{name}={value!r} is not usable: {remedy}")


def _endpoint(value: object) -> str:
    remedy = "give the base URL of the server, such as 'http://localhost:8080'"
    if not isinstance(value, str):
        raise _refuse("endpoint", value, remedy)
    from urllib.parse import urlsplit  # late: only those who configure a client need it

    try:
        parts = urlsplit(value.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise _refuse("endpoint", value, remedy) from None
    printable = value.strip().isascii() and value.strip().isprintable() and " " not in value.strip()
    if parts.scheme not in ("http", "https") or not host or not printable:
        raise _refuse("endpoint", value, remedy)
    if parts.query or parts.fragment:
        raise _refuse("endpoint", value, "leave out everything from '?' or '#' on")
    if parts.username is not None or parts.password is not None:
        # The value is not repeated: it would put a password into a traceback.
        message = "endpoint with a user name is not usable: pass the key as api_key instead"
        raise UsageError(message)
    return value.strip().rstrip("/")


def _proxy(value: object) -> str:
    # The value is not repeated: there may be a password in it.
    message = "proxy is not usable: give its URL, such as 'http://proxy.internal:3128'"
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise UsageError(message)
    from urllib.parse import urlsplit  # late: as above

    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in value.strip() or parts.path.strip("/") or parts.query:
        raise UsageError(message)
    return value.strip().rstrip("/")


def _text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise _refuse(name, value, "give a text that is not empty")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _refuse(name, value, "leave out the lone surrogates") from None


def _api_key(value: object) -> None:
    usable = isinstance(value, str) and value.isascii() and value.isprintable() and value.strip()
    if not usable:
        message = "api_key is not usable: give the key as text of printable ASCII characters"
        raise UsageError(message)


def _whole(name: str, value: object, least: int, most: int | None = None) -> None:
    limits = f"at least {least}" if most is None else f"{least} to {most}"
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]  # whole says it is an int
        raise _refuse(name, value, f"give a whole number, {limits}")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _refuse(name, value, "give True or False")


def _words(name: str, value: object) -> tuple[str, ...]:
    usable = isinstance(value, (list, tuple, set, frozenset))
    if not usable or not all(isinstance(word, str) and word for word in value):  # type: ignore[attr-defined]  # usable says it can be walked over
        raise _refuse(name, value, "give a list of words that are not empty")
    return tuple(value)  # type: ignore[arg-type]  # as above


def _seconds(name: str, value: object, unit: str = "seconds") -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # The comparison is false for NaN. A day is the most that every platform's lock can wait.
    if not number or not 0 < value <= 86400:  # type: ignore[operator]  # number says it is one
        raise _refuse(name, value, f"give a number of {unit} above 0, at most 86400")
