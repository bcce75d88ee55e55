"""The current trace, and the headers that carry it from service to service.

A trace is open in a *context* (:mod:`contextvars`), so that each thread has its own and asyncio
tasks inherit the trace of whoever created them. What a context holds is an immutable frame: the
trace and the last event recorded there. A task that is created later copies the frame and thereby
knows exactly which events happened before it; events of the creator after that moment do not reach
it. A shared, mutable "last event" would invent an order between tasks that have none.

Parent chains are kept short, because a Raceway server walks them recursively and its process dies
at about 3,000 links: after LINEAR links only events that synchronise (calls, spawns, awaits) extend
the chain, after MAX_DEPTH none does and everything hangs under the last link.

Guarantees: reading headers never raises, whatever they contain, and yields only ids and counters
that a server accepts. Counters are advanced by ``next()`` on an ``itertools.count``, one atomic
step; no lock is held that a process fork could leave locked in the child.

Standard library only, and of it only what is cheap to import: this module is imported at the start
of every instrumented process.

Source: W3C Trace Context (https://www.w3.org/TR/trace-context/) for traceparent and tracestate;
the raceway-clock header is Raceway's own.
"""

from __future__ import annotations

import os
from _random import Random
from contextvars import ContextVar
from itertools import count, repeat

TYPE_CHECKING = False  # typing itself is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    Clock = tuple[tuple[str, int], ...]
    T = TypeVar("T")

MAX_HEADER_LENGTH = 8192  # the usual limit of HTTP servers for one header line
MAX_COMPONENTS = 64
MAX_COMPONENT_LENGTH = 256
LINEAR = 256
MAX_DEPTH = 1500
U64_MAX = 2**64 - 1

_HEX = frozenset("0123456789abcdef")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_CLOCK_PREFIX = "v1;"
_UUID_RANDOM = ~(0xF << 76 | 0x3 << 62)
_UUID_VERSION_4 = 0x4 << 76 | 0x2 << 62

# Not random.Random: slow to import. Not os.urandom() for each id: it lets another thread run.
_random = Random()


def _seed() -> None:
    _random.seed(int.from_bytes(os.urandom(32), "big"))


_seed()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_seed)


class Counter:
    """What one component of a trace's clock has counted so far.

    Attributes:
        trace: The trace.
        component: ``<service>#<instance>``.
        foreign: The whole clock when the component began to count; the others stay as they are.
        fragments: What an encoder keeps here, since it is the same for all events of the counter.
        next: Counts one more and returns its number, which is to be stored as ``last``.
        last: The last number.
    """

    __slots__ = ("component", "foreign", "fragments", "last", "next", "trace")

    def __init__(self, trace: TraceContext, component: str, foreign: Clock, start: int) -> None:
        self.trace = trace
        self.component = component
        self.foreign = foreign
        self.fragments: object = None
        self.last = start
        # Whoever sends a huge number gets no larger one back: it must not leave 64 bits.
        numbers = count(start + 1) if start < U64_MAX // 2 else repeat(U64_MAX)
        # Two threads may store `last` in the wrong order; it is only read when another component
        # takes over, and then one less is as good: the count itself is exact.
        self.next: Callable[[], int] = numbers.__next__


class TraceContext:
    """One trace as this process takes part in it. Shared by all threads and tasks of the trace.

    Args:
        trace_id: UUID in lower case with hyphens; a new one if missing.
        span_id: Own span, 16 lower-case hex digits; a new one if missing.
        upstream_span_id: Span of the caller, or None at an entry point.
        tracestate: The incoming header, to be passed on unchanged.
        clock: Vector clock that came in, as pairs of component and count.

    Attributes:
        counters: By component; asked for with :meth:`counter`, as one may not be there yet.

    Example:
        >>> context = TraceContext(clock=(("gateway#gw-1", 4),))
        >>> context.tick("ledger#l-1")
        (('gateway#gw-1', 4), ('ledger#l-1', 1))
    """

    __slots__ = ("_incoming", "counters", "span_id", "trace_id", "tracestate", "upstream_span_id")

    def __init__(
        self,
        trace_id: str | None = None,
        span_id: str | None = None,
        upstream_span_id: str | None = None,
        tracestate: str | None = None,
        clock: Clock = (),
    ) -> None:
        self.trace_id = trace_id or new_trace_id()
        self.span_id = span_id or new_span_id()
        self.upstream_span_id = upstream_span_id
        self.tracestate = tracestate
        self._incoming = clock
        self.counters: dict[str, Counter] = {}

    def tick(self, component: str) -> Clock:
        """Count one event or outgoing call of ``component`` and return the clock after it.

        Safe to call from several threads; each call gets a number of its own.

        Args:
            component: ``<service>#<instance>`` of the caller. It changes after a process fork.

        Returns:
            All components in the order in which they became known, the caller's included.
        """
        counter = self.counter(component)
        counter.last = value = counter.next()
        entries = [
            (name, value if name == component else number) for name, number in counter.foreign
        ]
        return tuple(entries)

    def counter(self, component: str) -> Counter:
        """Return what ``component`` has counted, from 0 on if it is new here.

        Args:
            component: As for :meth:`tick`.
        """
        counter = self.counters.get(component)
        if counter is None:
            counter = self.counters.setdefault(component, self._counter(component))
        return counter

    def clock(self, component: str) -> Clock:
        """Return the clock as it is, without counting anything.

        Args:
            component: ``<service>#<instance>`` of the caller; 0 if it has counted nothing.
        """
        counter = self.counters.get(component) or self._counter(component)
        return tuple(
            (name, counter.last if name == component else number)
            for name, number in counter.foreign
        )

    def _counter(self, component: str) -> Counter:
        known = dict(self._incoming)
        for name, counter in list(self.counters.items()):
            # This process under another name: another client, or the parent of a process fork.
            known[name] = max(known.get(name, 0), counter.last)
        known.setdefault(component, 0)
        return Counter(self, component, tuple(known.items()), known[component])


class Frame:
    """What one context knows about its trace; never changed after it was made."""

    __slots__ = ("depth", "previous", "tail", "trace")

    def __init__(
        self, trace: TraceContext, previous: Frame | None, tail: int | None, depth: int
    ) -> None:
        self.trace = trace
        self.previous = previous
        self.tail = tail
        self.depth = depth


_current: ContextVar[Frame | None] = ContextVar("raceway_trace", default=None)

current_frame = _current.get
"""Return the frame of the current context, or None outside a trace."""


resume = _current.set
"""Be in a frame from now on, or outside a trace if it is None: for who starts threads and jobs."""


def current() -> TraceContext | None:
    """Return the trace that is open in the current thread or task.

    Returns:
        The innermost open trace, or None.

    Example:
        >>> current() is None
        True
    """
    frame = _current.get()
    return None if frame is None else frame.trace


def begin(trace: TraceContext) -> Frame:
    """Open ``trace`` in the current context, inside whatever is open there.

    Args:
        trace: The trace that events belong to from now on.

    Returns:
        The frame, for :func:`leave`.
    """
    frame = Frame(trace, _current.get(), None, 0)
    _current.set(frame)
    return frame


def end() -> TraceContext | None:
    """Close the innermost trace of the current context and go back to the one around it.

    Returns:
        The trace that was closed, or None if none was open.
    """
    frame = _current.get()
    if frame is None:
        return None
    _current.set(frame.previous)
    return frame.trace


def leave(frame: Frame) -> None:
    """Go back to what was open before ``frame``, however many traces were left open since.

    Args:
        frame: What :func:`begin` returned.
    """
    _current.set(frame.previous)


class raceway_context:  # noqa: N801 - used like a function
    """Be in a trace for the length of a ``with`` block, and in the one before it afterwards.

    The thread of a pool that runs the block does not take the trace along into its next job. One
    object may serve several threads and tasks, and blocks within each other: all are in its trace.

    Args:
        trace: The trace; a new one if missing. What a request brings is read by
            :func:`parse_headers`.

    Example:
        >>> with raceway_context() as trace:
        ...     current() is trace
        True
        >>> current() is None
        True
    """

    __slots__ = ("_trace",)

    def __init__(self, trace: TraceContext | None = None) -> None:
        self._trace = trace if trace is not None else TraceContext()

    def __enter__(self) -> TraceContext:
        """Open the trace and return it."""
        begin(self._trace)
        return self._trace

    def __exit__(self, *error: object) -> None:
        """Go back, also from traces that were left open since; an exception passes through."""
        # Looked for, not remembered: threads and tasks may share this object, and blocks be nested.
        frame = _current.get()
        while frame is not None and frame.trace is not self._trace:
            frame = frame.previous
        if frame is not None:
            leave(frame)


def wrap(function: Callable[..., T]) -> Callable[..., T]:
    """Let a function run in the trace of whoever calls ``wrap``, on whichever thread that will be.

    A new thread, and the job of an executor, know nothing of the trace of who started them. What
    the function does comes after what has been recorded up to now. Afterwards its thread is in
    the trace again that it was in before.

    Args:
        function: The function.

    Returns:
        A function that calls it.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with raceway_context() as trace, ThreadPoolExecutor() as pool:
        ...     pool.submit(wrap(current)).result() is trace
        True
    """
    frame = _current.get()

    def wrapped(*args: object, **kwargs: object) -> T:
        before = _current.get()
        _current.set(frame)
        try:
            return function(*args, **kwargs)
        finally:
            _current.set(before)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        if hasattr(function, name):
            setattr(wrapped, name, getattr(function, name))
    return wrapped


def new_trace_id() -> str:
    """Return a random UUID (version 4) with hyphens.

    Example:
        >>> len(new_trace_id())
        36
    """
    bits = _random.getrandbits(128) & _UUID_RANDOM | _UUID_VERSION_4
    return hyphenated(f"{bits:032x}")


def new_span_id() -> str:
    """Return 16 random lower-case hex digits, never all zero.

    Example:
        >>> len(new_span_id())
        16
    """
    while True:
        bits = _random.getrandbits(64)
        if bits:
            return f"{bits:016x}"


def hyphenated(digits: str) -> str:
    """Write 32 hex digits as a UUID.

    Example:
        >>> hyphenated("7c9e6679742540de944be07fc1f90ae7")
        '7c9e6679-7425-40de-944b-e07fc1f90ae7'
    """
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_headers(headers: Mapping[str, str] | Iterable[tuple[object, object]]) -> TraceContext:
    """Continue the trace that a request brings, or start a new one. Never raises.

    A header that is malformed, too long or holds an id that a server would refuse counts as absent.
    A valid raceway-clock decides alone. With a traceparent alone (the caller is not Raceway) the
    trace id is adopted, the caller's span becomes ``upstream_span_id`` and an own span is made.

    Args:
        headers: A mapping, or pairs of name and value, text or bytes. Names in any case; of
            several headers of one name the first counts, except that tracestate is joined.

    Returns:
        A context with valid ids.

    Example:
        >>> header = "00-7c9e6679742540de944be07fc1f90ae7-53995c3f42cd8ad8-01"
        >>> parse_headers({"Traceparent": header}).trace_id
        '7c9e6679-7425-40de-944b-e07fc1f90ae7'

    Source: W3C Trace Context, sections 3.2 and 3.3.
    """
    try:
        found = _select(headers)
        tracestate = _tracestate(found.get("tracestate"))
        clock = _parse_clock(found.get("raceway-clock"))
        if clock is not None:
            trace_id, span_id, upstream, entries = clock
            return TraceContext(trace_id, span_id, upstream, tracestate, entries)
        parent = _parse_traceparent(found.get("traceparent"))
        if parent is not None:
            return TraceContext(parent[0], None, parent[1], tracestate)
        return TraceContext(tracestate=tracestate)
    except Exception:  # the request must be served whatever its headers are
        return TraceContext()


def format_headers(trace: TraceContext, service: str, instance: str) -> dict[str, str]:
    """Count one outgoing call and return the headers that carry the trace to the callee.

    Args:
        trace: The trace of the caller.
        service: Service name of the caller.
        instance: Instance id of the caller.

    Returns:
        ``traceparent`` with a new span id for the callee, ``tracestate`` if one came in, and
        ``raceway-clock``, unless not even the caller's own component has room in a header.

    Example:
        >>> sorted(format_headers(TraceContext(), "checkout", "web-1"))
        ['raceway-clock', 'traceparent']
    """
    component = f"{service}#{instance}"
    entries = trace.tick(component)
    span_id = new_span_id()
    headers = {"traceparent": f"00-{trace.trace_id.replace('-', '')}-{span_id}-01"}
    if trace.tracestate:
        headers["tracestate"] = trace.tracestate
    while True:
        payload: dict[str, object] = {
            "trace_id": trace.trace_id,
            "span_id": span_id,
            "parent_span_id": trace.span_id,
            "service": service,
            "instance": instance,
            "clock": entries,
        }
        header = _encode_clock(payload)
        others = [entry for entry in entries if entry[0] != component]
        if len(header) <= MAX_HEADER_LENGTH:
            headers["raceway-clock"] = header
        if "raceway-clock" in headers or not others:
            # A name of a service that is longer than any header: the next hop would refuse it all.
            return headers
        # Too long for the next hop: the components of the remotest services go first.
        kept = others[len(others) // 2 + 1 :]
        entries = tuple(entry for entry in entries if entry[0] == component or entry in kept)


def _encode_clock(payload: dict[str, object]) -> str:
    import json  # late: most processes never make a call
    from binascii import b2a_base64

    encoded = json.dumps(payload, separators=(",", ":")).encode("ascii")
    text = b2a_base64(encoded, newline=False).decode("ascii")
    return _CLOCK_PREFIX + text.rstrip("=").replace("+", "-").replace("/", "_")


def _select(headers: Mapping[str, str] | Iterable[tuple[object, object]]) -> dict[str, str]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        key = _header_text(name)
        text = _header_text(value)
        if key is None or text is None:
            continue
        key = key.lower()
        if key not in ("traceparent", "tracestate", "raceway-clock"):
            continue
        if key not in found:
            found[key] = text
        elif key == "tracestate":
            found[key] += "," + text
    return found


def _header_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _hex(text: object, length: int) -> str | None:
    """Return ``text`` in lower case if it is ``length`` hex digits and not all zero."""
    if not isinstance(text, str) or len(text) != length:
        return None
    lower = text.lower()
    # Not int(text, 16): it takes "0x", "_" and digits of other scripts. Not lower() alone either:
    # some other letters become ASCII by it, hence the length is that of the result as well.
    if len(lower) != length or not _HEX.issuperset(lower) or not lower.strip("0"):
        return None
    return lower


def _parse_traceparent(header: str | None) -> tuple[str, str] | None:
    if header is None or len(header) > MAX_HEADER_LENGTH:
        return None
    parts = header.strip(" \t").split("-")
    if len(parts) < 4 or len(parts[0]) != 2 or not _HEX.issuperset(parts[0].lower()):
        return None
    version = parts[0].lower()
    # A later version may append fields, and only then; "ff" is forbidden by the recommendation.
    if version == "ff" or (version == "00" and len(parts) != 4):
        return None
    trace_id, span_id = _hex(parts[1], 32), _hex(parts[2], 16)
    flags = parts[3]
    if trace_id is None or span_id is None:
        return None
    if len(flags) != 2 or not _HEX.issuperset(flags.lower()):
        return None
    return hyphenated(trace_id), span_id


def _tracestate(header: str | None) -> str | None:
    # Passed on unchanged, so it must not be able to smuggle in another header.
    if not header or len(header) > MAX_HEADER_LENGTH or not header.isascii():
        return None
    if not header.replace("\t", " ").isprintable() or not header.strip():
        return None
    return header


def _uuid(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    if len(value) == 36:
        digits = value.replace("-", "")
        if len(digits) != 32 or hyphenated(digits) != value:
            return None
    else:
        digits = value
    lower = _hex(digits, 32)
    return None if lower is None else hyphenated(lower)


def _parse_clock(header: str | None) -> tuple[str, str, str | None, Clock] | None:
    if header is None or len(header) > MAX_HEADER_LENGTH:
        return None
    header = header.strip(" \t")
    if not header.startswith(_CLOCK_PREFIX):
        return None
    payload = _decode_clock(header[len(_CLOCK_PREFIX) :])
    if not isinstance(payload, dict):
        return None
    trace_id, span_id = _uuid(payload.get("trace_id")), _hex(payload.get("span_id"), 16)
    if trace_id is None or span_id is None:
        return None
    upstream = None
    if payload.get("parent_span_id") is not None:
        upstream = _hex(payload["parent_span_id"], 16)
        if upstream is None:
            return None
    entries = payload.get("clock")
    if entries is None:
        entries = []
    if not isinstance(entries, list):
        return None
    sender = f"{payload.get('service')}#{payload.get('instance')}"
    return trace_id, span_id, upstream, _clock_entries(entries, sender)


def _decode_clock(text: str) -> object:
    digits = text.rstrip("=").replace("-", "+").replace("_", "/")
    if not digits or not _BASE64.issuperset(digits):
        return None
    import json  # late: most processes never receive this header
    from binascii import a2b_base64

    try:
        raw = a2b_base64(digits + "=" * (-len(digits) % 4))
        return json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):  # bad base64, UTF-8 or JSON; a hundred thousand "["
        return None


def _no_constant(name: str) -> object:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _clock_entries(entries: list[object], sender: str) -> Clock:
    known: dict[str, int] = {}
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2:
            continue
        name, number = entry
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if not isinstance(name, str) or isinstance(number, bool) or not isinstance(number, int):
            continue
        if not 0 < len(name) <= MAX_COMPONENT_LENGTH or not 0 <= number <= U64_MAX:
            continue
        if not name.isascii() and not _encodable(name):
            continue
        known[name] = max(known.get(name, 0), number)
    # Of too many the remotest services go, which came first. What the sender did is never one.
    kept = set(list(known)[-MAX_COMPONENTS:])
    if len(known) > MAX_COMPONENTS and sender in known and sender not in kept:
        kept.remove(list(known)[-MAX_COMPONENTS])
        kept.add(sender)
    return tuple(entry for entry in known.items() if entry[0] in kept)


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate, which no server reads back
        return False
    return True
