"""The client: what a program calls to tell a Raceway server what it does.

Nothing that a caller passes makes a ``track_*`` call raise, and none of them waits for the network:
they build the event, put it into a bounded buffer and return. A background thread delivers.

Several methods serve two historical forms of call. Which one is meant is decided by the type or the
look of the arguments and documented at the method.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from raceway import context, settings, values
from raceway.config import Config
from raceway.exceptions import UsageError
from raceway.pipeline import call_forms, callsite, events, processes
from raceway.pipeline.emitter import Emitter
from raceway.pipeline.encoding import Encoder
from raceway.pipeline.sender import Sender
from raceway.pipeline.spool import Spool
from raceway.pipeline.stats import Stats
from raceway.pipeline.transport import Transport
from raceway.redaction import hides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    import requests


observers: list[Callable[[str, dict[str, Any]], None]] = []
"""Functions that hear of every tracked event when it is tracked, with or without a trace.

Each is called as ``observer(kind, fields)`` in the thread that tracks, before the event is built.
``kind`` is a name such as ``StateChange``; ``fields`` has the names of the method's parameters,
completed (location, access type), with the values as the caller passed them. What an observer
raises is ignored.
"""


class RacewayClient:
    """Records events of the current trace and sends them to a Raceway server.

    Safe to use from several threads and asyncio tasks, and after a process fork: the child has an
    instance id, a buffer and a connection of its own. May be used in a ``with`` statement, which
    ends with :meth:`shutdown`.

    Args:
        config: The configuration; what :meth:`Config.load` finds if missing.

    Raises:
        UsageError: ``config`` is something else.

    Example:
        >>> with RacewayClient(Config(service_name="billing")) as client:
        ...     client.track_state_change("total", 1, 2, "app.py:7", "Write")  # no trace: not sent
        >>> client.stats().accepted
        0
    """

    def __init__(self, config: Config | None = None) -> None:
        if config is None:
            config = Config.load()
        self.config = config = _checked(config)
        self._hides = hides(config.redact)
        self._sender = Sender(
            Transport(config.endpoint, config.api_key, config.request_timeout, config.proxy),
            batch_size=config.batch_size,
            batch_bytes=config.max_batch_bytes,
            flush_interval=config.flush_interval,
            buffer_bytes=config.max_buffer_bytes,
            rate=config.max_events_per_second,
            exit_timeout=config.shutdown_timeout,
            spool=Spool(config.spool, config.max_spool_bytes) if config.spool else None,
            idempotent=config.dialect == "full",
            at_sigterm=config.flush_on_sigterm is not False,
            encode=Encoder(
                values.text(config.service_name), values.text(config.environment), self._hides
            ).encode,
        )
        put = self._sender.put if settings.is_enabled() else _nowhere
        self._emitter = Emitter(config, put, self._hides)
        self._session: tuple[int, requests.Session] | None = None
        if config.flush_on_sigterm:
            processes.catch_sigterm()
        if config.debug:
            _log_to_stderr()

    def __enter__(self) -> RacewayClient:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Shut down; an exception of the block passes through."""
        self.shutdown()

    # --- traces ------------------------------------------------------------------------------

    def start_trace(self) -> str:
        """Open a new trace in the current thread or task.

        asyncio tasks created afterwards belong to it, too; new threads do not. A trace that was
        open is resumed by :meth:`end_trace`.

        Returns:
            The trace id, a UUID.

        Example:
            >>> client = RacewayClient()
            >>> len(client.start_trace())
            36
            >>> client.end_trace()
        """
        trace = context.TraceContext()
        context.begin(trace)
        return trace.trace_id

    def end_trace(self) -> None:
        """Close the innermost trace of the current thread or task; its events are sent at once.

        Does not wait for them. Without an open trace it does nothing.
        """
        if context.end() is not None:
            self._sender.nudge()

    # --- events ------------------------------------------------------------------------------

    def track_state_change(
        self,
        variable: str,
        old_value: object = None,
        new_value: object = None,
        location: str | None = None,
        access_type: str | None = None,
    ) -> None:
        """Track a read or write of a variable.

        The access type may also be the fourth argument, in place of the location.

        Args:
            variable: Name of the variable, the same wherever it is accessed.
            old_value: Value before.
            new_value: Value after, or the value that was read.
            location: ``file:line``; found by itself if missing.
            access_type: ``Read``, ``Write``, ``AtomicRead``, ``AtomicWrite`` or ``AtomicRMW`` in
                any case; ``Write`` if missing or unknown.

        Example:
            >>> client = RacewayClient()
            >>> client.track_state_change("counter", 5, 6, "app.py:100", "Write")
            >>> client.track_state_change("counter", None, 6, "Read")
        """
        frame = context.current_frame()
        if frame is None and not observers:
            return
        try:
            if access_type is not None:
                access = events.access_type(access_type) or "Write"
            elif location is None or (meant := events.access_type(location)) is None:
                access = "Write"
            else:
                location, access = None, meant
            place = callsite.location() if location is None else location
            if observers:
                fields = {
                    "variable": variable,
                    "old_value": old_value,
                    "new_value": new_value,
                    "location": place,
                    "access_type": access,
                }
                _observe("StateChange", fields)
            if frame is not None:
                self._emitter.state_change(frame, variable, old_value, new_value, place, access)
        except Exception as error:
            _contain(error)

    def track_function_call(
        self,
        function_name: str,
        module: object = None,
        args: object = None,
        file: str | None = None,
        line: int | None = None,
        duration_ns: int | None = None,
    ) -> None:
        """Track the entry of a function.

        Two shorter forms are served: ``(name, args)`` and ``(name, args, duration_ns)``, meant if
        the second argument is neither text nor None, and ``(name, None, duration_ns)``.

        Args:
            function_name: Name of the function.
            module: Its module; that of the caller if missing.
            args: Its arguments, usually a dict.
            file: Source file; that of the caller if missing.
            line: Line in it; that of the caller if missing.
            duration_ns: Duration in nanoseconds, if it is known already.

        Example:
            >>> client = RacewayClient()
            >>> client.track_function_call("total", "billing", {"items": 3}, "billing.py", 50)
            >>> client.track_function_call("total", {"items": 3})
        """
        if not _listening():
            return
        try:
            module, args, duration = call_forms.function_call(module, args, file, duration_ns)
            site = callsite.UNKNOWN
            if module is None or file is None or line is None:
                site = callsite.find()
            fields = {
                "function_name": function_name,
                "module": site.module if module is None else module,
                "args": args,
                "file": site.file if file is None else file,
                "line": call_forms.line(site, file, line),
                "duration_ns": duration,
            }
            if _observe("FunctionCall", fields):
                kind = events.function_call(
                    function_name,
                    fields["module"],
                    self._emitter.capture(args),
                    fields["file"],
                    fields["line"],
                )
                self._emitter.emit(kind, duration_ns=call_forms.duration(duration))
        except Exception as error:
            _contain(error)

    def track_function_return(
        self,
        function_name: str,
        return_value: object = None,
        file: str | None = None,
        line: int | None = None,
        duration_ns: int | None = None,
    ) -> None:
        """Track the exit of a function.

        A Raceway server has no kind for it and would refuse one; it gets a FunctionCall named
        ``<name>:return`` with the return value among the arguments. In the *full* dialect it is a
        FunctionReturn.

        Args:
            function_name: Name of the function.
            return_value: What it returned.
            file: Source file; that of the caller if missing.
            line: Line in it; that of the caller if missing.
            duration_ns: Duration of the call in nanoseconds.

        Example:
            >>> RacewayClient().track_function_return("total", 42)
        """
        if not _listening():
            return
        try:
            site = callsite.find()
            fields = {
                "function_name": function_name,
                "return_value": return_value,
                "file": site.file if file is None else file,
                "line": call_forms.line(site, file, line),
                "duration_ns": duration_ns,
            }
            if _observe("FunctionReturn", fields):
                value = self._emitter.capture(return_value)
                place = (fields["file"], fields["line"])
                if self.config.dialect == "full":
                    kind = events.function_return(function_name, site.module, value, *place)
                else:
                    name = values.text(function_name) + ":return"
                    kind = events.function_call(name, site.module, {"return_value": value}, *place)
                tags = {"event.kind": "FunctionReturn"}
                self._emitter.emit(kind, tags=tags, duration_ns=call_forms.duration(duration_ns))
        except Exception as error:
            _contain(error)

    def track_http_request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        *,
        direction: str = "out",
    ) -> None:
        """Track an HTTP request.

        Args:
            method: Such as ``GET``.
            url: URL or path.
            headers: HTTP headers; credentials and cookies are not recorded.
            body: Anything.
            direction: ``out`` for a request that the program makes, ``in`` for one that it serves.

        Example:
            >>> RacewayClient().track_http_request("POST", "/api/users", {}, {"name": "Alice"})
        """
        if not _listening():
            return
        try:
            fields = {
                "method": method,
                "url": url,
                "headers": headers,
                "body": body,
                "direction": direction,
            }
            if _observe("HttpRequest", fields):
                kind = events.http_request(
                    method, url, headers, self._emitter.capture(body), self._hides
                )
                self._emitter.emit(kind, tags={"http.direction": values.text(direction)})
        except Exception as error:
            _contain(error)

    def track_http_response(
        self,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        duration_ms: float = 0,
        *,
        direction: str = "out",
    ) -> None:
        """Track an HTTP response.

        Args:
            status: HTTP status.
            headers: HTTP headers; credentials and cookies are not recorded.
            body: Anything.
            duration_ms: Time since the request in milliseconds; rounded up to a whole number.
            direction: That of the request: ``out`` or ``in``.

        Example:
            >>> RacewayClient().track_http_response(200, {}, {"id": "123"}, 45)
        """
        if not _listening():
            return
        try:
            fields = {
                "status": status,
                "headers": headers,
                "body": body,
                "duration_ms": duration_ms,
                "direction": direction,
            }
            if _observe("HttpResponse", fields):
                captured = self._emitter.capture(body)
                kind = events.http_response(status, headers, captured, duration_ms, self._hides)
                whole = kind["HttpResponse"]["duration_ms"]
                self._emitter.emit(
                    kind,
                    tags={"http.direction": values.text(direction)},
                    duration_ns=min(whole * 10**6, context.U64_MAX),
                )
        except Exception as error:
            _contain(error)

    def track_async_spawn(
        self, task_id: object, task_name: str | None = None, location: str | None = None
    ) -> None:
        """Track the spawn of an async task.

        Args:
            task_id: Any id. What is not a UUID is sent as a UUID derived from it, the same in
                :meth:`track_async_await`, and kept in the event's tags.
            task_name: Name for people.
            location: ``file:line``; found by itself if missing.

        Example:
            >>> RacewayClient().track_async_spawn("task-123", "process_payment", "app.py:200")
        """
        if not _listening():
            return
        try:
            place = callsite.location() if location is None else location
            fields = {"task_id": task_id, "task_name": task_name, "location": place}
            if _observe("AsyncSpawn", fields):
                tags = {"async.id": values.text(task_id, 1024)}
                if task_name is not None:
                    tags["async.task_name"] = values.text(task_name, 1024)
                kind = events.async_spawn(task_id, place, self._emitter.instance())
                self._emitter.emit(kind, tags=tags)
        except Exception as error:
            _contain(error)

    def track_async_await(self, future_id: object, location: str | None = None) -> None:
        """Track that an async operation is awaited.

        Args:
            future_id: Any id, as in :meth:`track_async_spawn`.
            location: ``file:line``; found by itself if missing.

        Example:
            >>> RacewayClient().track_async_await("future-456", "app.py:210")
        """
        if not _listening():
            return
        try:
            place = callsite.location() if location is None else location
            if _observe("AsyncAwait", {"future_id": future_id, "location": place}):
                kind = events.async_await(future_id, place, self._emitter.instance())
                self._emitter.emit(kind, tags={"async.id": values.text(future_id, 1024)})
        except Exception as error:
            _contain(error)

    def track_lock_acquire(
        self, lock_id: str, lock_type: str = "Lock", location: str | None = None
    ) -> None:
        """Track that a lock has been acquired. Call it after the acquire.

        Of a re-entrant lock only the outermost acquire is sent.

        Args:
            lock_id: Id of the lock, unique among the locks of the program.
            lock_type: Such as ``Lock``; :meth:`track_lock_release` remembers it.
            location: ``file:line``; found by itself if missing.

        Example:
            >>> RacewayClient().track_lock_acquire("mutex-1", "Lock", "app.py:50")
        """
        try:
            name = values.text(lock_id)
            kind = values.text(lock_type or "Lock")
            place = callsite.location() if location is None else values.text(location)
            fields = {"lock_id": lock_id, "lock_type": kind, "location": place}
            _observe("LockAcquire", fields)
            self._emitter.acquire(name, kind, place)
        except Exception as error:
            _contain(error)

    def track_lock_release(
        self, lock_id: str, location: str | None = None, lock_type: str | None = None
    ) -> None:
        """Track that a lock is released. Call it before the release.

        The lock type may also be the second argument: what neither ends in ``:<line>`` nor contains
        a path separator is not a location.

        Args:
            lock_id: Id of the lock, as in :meth:`track_lock_acquire`.
            location: ``file:line``; found by itself if missing.
            lock_type: Type of the lock; that of the acquire if missing.

        Example:
            >>> client = RacewayClient()
            >>> client.track_lock_release("mutex-1", "app.py:60")
            >>> client.track_lock_release("mutex-2", "RWLock")
        """
        try:
            location, lock_type = call_forms.lock_release(location, lock_type)
            name = values.text(lock_id)
            kind = None if lock_type is None else values.text(lock_type)
            place = callsite.location() if location is None else values.text(location)
            fields = {
                "lock_id": lock_id,
                "lock_type": kind or self._emitter.lock_type(name),
                "location": place,
            }
            _observe("LockRelease", fields)
            self._emitter.release(name, kind, place)
        except Exception as error:
            _contain(error)

    def track_error(
        self, error_type: object, message: object = "", stack_trace: object = None
    ) -> None:
        """Track an error.

        Args:
            error_type: Name of the exception, or its class.
            message: What it says.
            stack_trace: A list of text, text with line ends, or a traceback object.

        Example:
            >>> RacewayClient().track_error("ValidationError", "Invalid email", ["app.py:100"])
        """
        if not _listening():
            return
        try:
            fields = {"error_type": error_type, "message": message, "stack_trace": stack_trace}
            if _observe("Error", fields):
                self._emitter.emit(events.error(error_type, message, stack_trace))
        except Exception as error:
            _contain(error)

    def track_memory_fence(self, ordering: str = "SeqCst", location: str | None = None) -> None:
        """Track a point at which memory is ordered.

        Args:
            ordering: ``Relaxed``, ``Acquire``, ``Release``, ``AcqRel`` or ``SeqCst``.
            location: ``file:line``; found by itself if missing.
        """
        if not _listening():
            return
        try:
            place = callsite.location() if location is None else location
            if _observe("MemoryFence", {"ordering": ordering, "location": place}):
                self._emitter.emit(events.memory_fence(ordering, place))
        except Exception as error:
            _contain(error)

    def track_database_query(self, query: str, database: str = "", duration_ms: float = 0) -> None:
        """Track a database query.

        Args:
            query: The statement, best with placeholders in place of values.
            database: Which database.
            duration_ms: Its duration in milliseconds; rounded up.
        """
        if not _listening():
            return
        try:
            fields = {"query": query, "database": database, "duration_ms": duration_ms}
            if _observe("DatabaseQuery", fields):
                kind = events.database_query(query, database, duration_ms)
                whole = kind["DatabaseQuery"]["duration_ms"]
                self._emitter.emit(kind, duration_ns=min(whole * 10**6, context.U64_MAX))
        except Exception as error:
            _contain(error)

    def track_database_result(self, rows_affected: int) -> None:
        """Track the result of a database query.

        Args:
            rows_affected: Number of rows.
        """
        if not _listening():
            return
        try:
            if _observe("DatabaseResult", {"rows_affected": rows_affected}):
                self._emitter.emit(events.database_result(rows_affected))
        except Exception as error:
            _contain(error)

    def track_custom(self, name: str, data: object = None) -> None:
        """Track an event of your own.

        Args:
            name: Kind of the event.
            data: Anything.
        """
        if not _listening():
            return
        try:
            if _observe("Custom", {"name": name, "data": data}):
                self._emitter.emit(events.custom(name, self._emitter.capture(data)))
        except Exception as error:
            _contain(error)

    # --- calls to other services -------------------------------------------------------------

    def propagation_headers(self, extra_headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the headers that carry the current trace to another service.

        To be called once for each call: the callee gets a span id of its own.

        Args:
            extra_headers: Headers to be included.

        Returns:
            The extra headers with ``traceparent``, ``raceway-clock`` and, if one came in,
            ``tracestate``.

        Raises:
            RuntimeError: No trace is open in this thread or task.

        Example:
            >>> client = RacewayClient()
            >>> trace_id = client.start_trace()
            >>> sorted(client.propagation_headers({"x-service-name": "payments"}))
            ['raceway-clock', 'traceparent', 'x-service-name']
            >>> client.end_trace()

        Source: W3C Trace Context (https://www.w3.org/TR/trace-context/).
        """
        trace = context.current()
        if trace is None:
            message = (
                "propagation_headers() called outside of an active context: "
                "call start_trace() first, or use the Flask or ASGI middleware"
            )
            raise RuntimeError(message)
        own = context.format_headers(trace, self.config.service_name, self._emitter.instance())
        result = {
            name: value for name, value in (extra_headers or {}).items() if name.lower() not in own
        }
        result.update(own)
        return result

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:
        """Make an HTTP request that carries the current trace, if there is one.

        Cookies that a service sets are not kept for later requests.

        Args:
            method: Such as ``GET``.
            url: An absolute URL.
            **kwargs: As for :meth:`requests.Session.request`. A ``traceparent`` among the headers
                is left as it is.

        Returns:
            The response.

        Raises:
            requests.RequestException: As :mod:`requests` does.

        Example:
            >>> client = RacewayClient()
            >>> client.request("POST", "http://ledger.internal/debit", json={})  # doctest: +SKIP
        """
        headers = dict(kwargs.pop("headers", None) or {})
        if context.current() is not None and not any(_is_traceparent(name) for name in headers):
            headers = self.propagation_headers(headers)
        return self.session.request(method, url, headers=headers, **kwargs)

    @property
    def session(self) -> requests.Session:
        """The session that :meth:`request` uses: one per process, none of it used for delivery."""
        session = self._session
        if session is None or session[0] != os.getpid():
            # Late: requests imports ssl, which a program that uses gevent must patch before.
            from http.cookiejar import DefaultCookiePolicy

            import requests

            session = self._session = (os.getpid(), requests.Session())
            # One session serves the requests of all: a cookie that one got is not for the next.
            session[1].cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session[1]

    # --- delivery ----------------------------------------------------------------------------

    def flush(self, timeout: float | None = None) -> bool:
        """Send what has been tracked so far and wait for it.

        Args:
            timeout: Longest time to wait, in seconds; ``Config.shutdown_timeout`` if missing.

        Returns:
            True if all of it was delivered in time.

        Example:
            >>> RacewayClient().flush(timeout=1.0)
            True
        """
        return self._sender.flush(call_forms.timeout(timeout, self.config.shutdown_timeout))

    def shutdown(self, timeout: float | None = None) -> bool:
        """Send what has been tracked so far and stop the background thread. Safe to repeat.

        Waits two seconds at most if the server does not answer. What is tracked afterwards is
        dropped. At the end of the process it happens by itself.

        Args:
            timeout: Longest time to wait, in seconds; ``Config.shutdown_timeout`` if missing.

        Returns:
            True if nothing was lost.

        Example:
            >>> RacewayClient().shutdown()
            True
        """
        done = self._sender.close(call_forms.timeout(timeout, self.config.shutdown_timeout))
        session, self._session = self._session, None
        if session is not None and session[0] == os.getpid():
            session[1].close()
        return done

    def stats(self) -> Stats:
        """Return what became of the events of this process, in numbers.

        Example:
            >>> RacewayClient().stats().dropped
            0
        """
        return self._sender.stats()


def _nowhere(_event: object, _size: int, _essential: bool = False) -> bool:
    """Stand for the sender if everything is switched off."""
    return False


def _checked(config: object) -> Config:
    if not isinstance(config, Config):
        message = f"config={config!r} is not usable: pass a raceway.Config"
        raise UsageError(message)
    return config


def _listening() -> bool:
    """Return whether anybody wants to hear of an event: the gate that costs next to nothing."""
    return bool(observers) or context.current_frame() is not None


def _observe(kind: str, fields: dict[str, Any]) -> bool:
    """Tell the observers; return whether a trace is open, so that the server is to hear of it."""
    for observer in tuple(observers):
        try:
            observer(kind, fields)
        except Exception as error:
            _contain(error)
    return context.current_frame() is not None


def _contain(error: Exception) -> None:
    """Keep our failure, or that of an object passed to us, away from the application."""
    try:
        import logging  # late: it is slow to import and needed in case of trouble only

        logging.getLogger("raceway").debug("an event was not recorded: %s", type(error).__name__)
    except Exception:  # noqa: S110 - a handler of the application; there is nobody to tell
        pass


def _is_traceparent(name: object) -> bool:
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and name.lower() == "traceparent"


def _log_to_stderr() -> None:
    import logging  # late: only with debug=True

    logger = logging.getLogger("raceway")
    logger.setLevel(logging.DEBUG)
    if not logger.hasHandlers():
        logger.addHandler(logging.StreamHandler())
