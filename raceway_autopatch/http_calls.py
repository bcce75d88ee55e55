"""HTTP calls that the program makes: what all patches of HTTP clients have in common.

The headers that carry the trace (``traceparent``, ``tracestate``, ``raceway-clock``) are what
orders two processes, so they are added where there is a server, or another process that is
recorded; requests adds them always.  Within a process connections order.  A request that has a
``traceparent`` of the program's own is left as it is, and is ordered by nothing.

Libraries call each other: requests calls urllib3, which calls http.client.  The outermost one that
is patched records the call.  It :meth:`carries <Call.carry>` the traceparent while it lasts, and
whoever meets that one further down leaves the call alone.  A call with another one, of a token that
is fetched meanwhile, is a call of its own.
"""

from __future__ import annotations

import os
import sys
import time
from contextvars import ContextVar

from raceway import context
from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.patching import contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from contextvars import Token
    from typing import Any

REPLY = "raceway-reply"
"""Response header by which a recorded handler says that it sent its reply; taken out again."""
_SENT_KEPT = 1024

_sent: dict[str, None] = {}
"""The last values of traceparent that are ours: a redirect copies the headers of its request."""
_carried: ContextVar[str | None] = ContextVar("raceway_carried", default=None)
"""The traceparent of the call that is being made by a library further up."""


class Call:
    """One request on its way; made by :func:`begin`.

    Attributes:
        span: Id of the call: that of the handler's span, if the trace goes with it.
        sent: The traceparent that it carries, ours or the program's; or None.  Empty: there is
            nobody to read one.
    """

    __slots__ = ("_began", "_token", "sent", "span")

    def __init__(self, span: str, sent: str | None) -> None:
        self.span = span
        self.sent = sent
        self._began = time.monotonic()
        self._token: Token[str | None] | None = None

    @contained
    def carry(self) -> None:
        """Let libraries further down know the call, until it ends; for calls that block only.

        A task that is started meanwhile would inherit it.
        """
        if self.sent is not None:
            self._token = _carried.set(self.sent)

    @contained
    def end(self, status: int, headers: Any) -> None:
        """Record the outcome, and receive the reply if there is one.

        Args:
            status: HTTP status; 0: there was no response.
            headers: Those of the response, or None; the reply is taken out of them.
        """
        token, self._token = self._token, None
        if token is not None:
            _carried.reset(token)
        take_reply(headers, self.sent)
        duration = (time.monotonic() - self._began) * 1000
        recorder.sync(ops.HTTP_RESPONSE, 1, (int(status), duration, self.span))


@contained
def begin(method: object, url: object, headers: Any, *, outermost: bool = False) -> Call | None:
    """Record that a request is about to leave, and let its headers carry the trace.

    Args:
        method: HTTP method.
        url: Absolute URL; user, password and query are not recorded.
        headers: Its headers: ``get``, ``in`` and assignment, whatever the case of the names.
        outermost: No patched library calls this one.

    Returns:
        The call, to be ended; None if it is not to be recorded.
    """
    if not recorder.status.active or _is_internal():
        return None
    if not outermost and not _is_for_others():
        return None if _carried.get() is not None else _begun(method, url, "", "")
    earlier = headers.get("traceparent")
    if earlier is not None and not outermost and earlier == _carried.get():
        return None
    span = ""
    if earlier is None or earlier in _sent:
        added = carry_trace(headers, replace=earlier is not None)
        earlier = added["traceparent"]
        span = earlier.split("-")[2]
    return _begun(method, url, span, earlier)


def _begun(method: object, url: object, span: str, sent: str | None) -> Call:
    call = Call(span or context.new_span_id(), sent)
    recorder.sync(ops.HTTP_REQUEST, 1, (str(method), without_credentials(str(url)), call.span))
    if span:
        recorder.sync(ops.REMOTE_SEND, 0, span)
    return call


def is_ours(traceparent: object) -> bool:
    """Return whether this process has made a value of traceparent, not long ago."""
    return traceparent in _sent


def carry_trace(headers: Any, *, replace: bool) -> dict[str, str]:
    """Let a message carry the current trace; one begins if there is none.

    Args:
        headers: Its headers; changed in place.
        replace: Those that are there are ours, of an earlier message.

    Returns:
        The headers of the trace.
    """
    trace = context.current()
    if trace is None:
        # Whoever calls outside of any request has a trace of its own from now on: its calls
        # belong together.
        trace = context.begin(context.TraceContext()).trace
    added = context.format_headers(trace, *_identity())
    for name, value in added.items():
        if replace or name not in headers:
            headers[name] = value
    _sent[added["traceparent"]] = None
    while len(_sent) > _SENT_KEPT:
        _sent.pop(next(iter(_sent), ""), None)
    return added


@contained
def take_reply(headers: Any, sent: str | None) -> None:
    """Receive what the handler has sent with a response, if it says that it did; once.

    Args:
        headers: Those of the response, or None; changed in place.
        sent: The traceparent of the request.
    """
    span = headers.get(REPLY) if headers is not None else None
    if span:
        del headers[REPLY]
        if sent in _sent and f"-{span}-" in str(sent):
            recorder.sync(ops.REMOTE_RECEIVE, 0, f"{span}:reply")


def without_credentials(url: str) -> str:
    """Return ``url`` without user and password, and without what may hold a secret: the query.

    Args:
        url: An absolute URL.

    Example:
        >>> without_credentials("https://me:secret@example.com/a?token=1#top")
        'https://example.com/a'
    """
    url = url.partition("#")[0].partition("?")[0]
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _is_for_others() -> bool:
    sink: Any = recorder.status.sink
    return not getattr(sink, "analysed_locally", False) or sink.has_company()


def _is_internal() -> bool:
    sender = sys.modules.get("raceway.pipeline.sender")
    return sender is not None and bool(sender.is_internal())


def _identity() -> tuple[str, str]:
    from raceway.config import Config  # late: most processes make no call

    service = os.environ.get("RACEWAY_SERVICE") or Config().service_name
    return service, Config().current_instance_id()
