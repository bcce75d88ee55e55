"""One method for each kind of event: what becomes of the arguments of a call.

Several methods serve two historical forms of call. Which one is meant is decided by the type or the
look of the arguments and documented at the method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raceway import context, values
from raceway.pipeline import call_forms, callsite, events
from raceway.pipeline.observing import contain, listening, observe, observers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from raceway.config import Config
    from raceway.pipeline.emitter import Emitter
    from raceway.redaction import Hides

_EXACT = frozenset(events.ACCESS_TYPES)


class Tracking:
    """The part of a client that tracks events."""

    config: Config
    _emitter: Emitter
    _hides: Hides

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
                if type(access_type) is str and access_type in _EXACT:
                    access = access_type  # nearly always
                else:
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
                observe("StateChange", fields)
            if frame is not None:
                self._emitter.state_change(frame, variable, old_value, new_value, place, access)
        except Exception as error:
            contain(error)

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
        if not listening():
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
            if observe("FunctionCall", fields):
                kind = events.function_call(
                    function_name,
                    fields["module"],
                    self._emitter.capture(args),
                    fields["file"],
                    fields["line"],
                )
                self._emitter.emit(kind, duration_ns=call_forms.duration(duration))
        except Exception as error:
            contain(error)

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
        if not listening():
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
            if observe("FunctionReturn", fields):
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
            contain(error)

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
        if not listening():
            return
        try:
            fields = {
                "method": method,
                "url": url,
                "headers": headers,
                "body": body,
                "direction": direction,
            }
            if observe("HttpRequest", fields):
                kind = events.http_request(
                    method, url, headers, self._emitter.capture(body), self._hides
                )
                self._emitter.emit(kind, tags={"http.direction": values.text(direction)})
        except Exception as error:
            contain(error)

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
        if not listening():
            return
        try:
            fields = {
                "status": status,
                "headers": headers,
                "body": body,
                "duration_ms": duration_ms,
                "direction": direction,
            }
            if observe("HttpResponse", fields):
                captured = self._emitter.capture(body)
                kind = events.http_response(status, headers, captured, duration_ms, self._hides)
                whole = kind["HttpResponse"]["duration_ms"]
                self._emitter.emit(
                    kind,
                    tags={"http.direction": values.text(direction)},
                    duration_ns=min(whole * 10**6, context.U64_MAX),
                )
        except Exception as error:
            contain(error)

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
        if not listening():
            return
        try:
            place = callsite.location() if location is None else location
            fields = {"task_id": task_id, "task_name": task_name, "location": place}
            if observe("AsyncSpawn", fields):
                tags = {"async.id": values.text(task_id, 1024)}
                if task_name is not None:
                    tags["async.task_name"] = values.text(task_name, 1024)
                kind = events.async_spawn(task_id, place, self._emitter.instance())
                self._emitter.emit(kind, tags=tags)
        except Exception as error:
            contain(error)

    def track_async_await(self, future_id: object, location: str | None = None) -> None:
        """Track that an async operation is awaited.

        Args:
            future_id: Any id, as in :meth:`track_async_spawn`.
            location: ``file:line``; found by itself if missing.

        Example:
            >>> RacewayClient().track_async_await("future-456", "app.py:210")
        """
        if not listening():
            return
        try:
            place = callsite.location() if location is None else location
            if observe("AsyncAwait", {"future_id": future_id, "location": place}):
                kind = events.async_await(future_id, place, self._emitter.instance())
                self._emitter.emit(kind, tags={"async.id": values.text(future_id, 1024)})
        except Exception as error:
            contain(error)

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
            observe("LockAcquire", fields)
            self._emitter.acquire(name, kind, place)
        except Exception as error:
            contain(error)

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
            observe("LockRelease", fields)
            self._emitter.release(name, kind, place)
        except Exception as error:
            contain(error)

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
        if not listening():
            return
        try:
            fields = {"error_type": error_type, "message": message, "stack_trace": stack_trace}
            if observe("Error", fields):
                self._emitter.emit(events.error(error_type, message, stack_trace))
        except Exception as error:
            contain(error)

    def track_memory_fence(self, ordering: str = "SeqCst", location: str | None = None) -> None:
        """Track a point at which memory is ordered.

        Args:
            ordering: ``Relaxed``, ``Acquire``, ``Release``, ``AcqRel`` or ``SeqCst``.
            location: ``file:line``; found by itself if missing.
        """
        if not listening():
            return
        try:
            place = callsite.location() if location is None else location
            if observe("MemoryFence", {"ordering": ordering, "location": place}):
                self._emitter.emit(events.memory_fence(ordering, place))
        except Exception as error:
            contain(error)

    def track_database_query(self, query: str, database: str = "", duration_ms: float = 0) -> None:
        """Track a database query.

        Args:
            query: The statement, best with placeholders in place of values.
            database: Which database.
            duration_ms: Its duration in milliseconds; rounded up.
        """
        if not listening():
            return
        try:
            fields = {"query": query, "database": database, "duration_ms": duration_ms}
            if observe("DatabaseQuery", fields):
                kind = events.database_query(query, database, duration_ms)
                whole = kind["DatabaseQuery"]["duration_ms"]
                self._emitter.emit(kind, duration_ns=min(whole * 10**6, context.U64_MAX))
        except Exception as error:
            contain(error)

    def track_database_result(self, rows_affected: int) -> None:
        """Track the result of a database query.

        Args:
            rows_affected: Number of rows.
        """
        if not listening():
            return
        try:
            if observe("DatabaseResult", {"rows_affected": rows_affected}):
                self._emitter.emit(events.database_result(rows_affected))
        except Exception as error:
            contain(error)

    def track_custom(self, name: str, data: object = None) -> None:
        """Track an event of your own.

        Args:
            name: Kind of the event.
            data: Anything.
        """
        if not listening():
            return
        try:
            if observe("Custom", {"name": name, "data": data}):
                self._emitter.emit(events.custom(name, self._emitter.capture(data)))
        except Exception as error:
            contain(error)
