"""A server for tests that refuses what a Raceway server refuses, and a way to break it on demand.

The validator checks every field of every event; a violation answers the whole batch with 422 and a
text that names ``events[N]``, as the original does.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from raceway.client import RacewayClient
from raceway.config import Config

MAX_BODY = 2_097_152
MAX_NESTING = 128
TRIAL = b'{"events":[]}'
U16, U32, U64 = 2**16 - 1, 2**32 - 1, 2**64 - 1
PATIENCE = 20  # seconds before a test that waits for an event gives up

_HEX32 = re.compile(r"[0-9a-fA-F]{32}")
_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
    r"([Zz]|[+-]\d{2}:?\d{2})"
)
_ACCESS = {"Read", "Write", "AtomicRead", "AtomicWrite", "AtomicRMW"}
_ORDERING = {"Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"}


class Refused(Exception):  # noqa: N818 - reads as a sentence
    """The event at ``index`` has a bad field."""


def is_uuid(value: object) -> bool:
    if not isinstance(value, str):
        return False
    text = value.removeprefix("urn:uuid:")
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    if len(text) == 36:
        if [i for i, c in enumerate(text) if c == "-"] != [8, 13, 18, 23]:
            return False
        text = text.replace("-", "")
    return _HEX32.fullmatch(text) is not None


def _uuid(v):
    return is_uuid(v)


def _str(v):
    return isinstance(v, str)


def _unsigned(limit):
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= limit


def _strings(v):
    return isinstance(v, list) and all(map(_str, v))


def _str_map(v):
    return isinstance(v, dict) and all(map(_str, v.values()))


def _anything(v):
    return True


def _optional(check):
    return lambda v: v is None or check(v)


def _vector(v):
    return isinstance(v, list) and all(
        isinstance(p, list) and len(p) == 2 and _str(p[0]) and _unsigned(U64)(p[1]) for p in v
    )


LOCK = {"lock_id": _str, "lock_type": _str, "location": _str}
KINDS = {
    "FunctionCall": {
        "function_name": _str,
        "module": _str,
        "args": _anything,
        "file": _str,
        "line": _unsigned(U32),
    },
    "StateChange": {
        "variable": _str,
        "old_value?": _anything,
        "new_value": _anything,
        "location": _str,
        "access_type": lambda v: isinstance(v, str) and v in _ACCESS,
    },
    "LockAcquire": LOCK,
    "LockRelease": LOCK,
    "AsyncSpawn": {"task_id": _uuid, "spawned_by": _str},
    "AsyncAwait": {"future_id": _uuid, "awaited_at": _str},
    "HttpRequest": {"method": _str, "url": _str, "headers": _str_map, "body?": _anything},
    "HttpResponse": {
        "status": _unsigned(U16),
        "headers": _str_map,
        "body?": _anything,
        "duration_ms": _unsigned(U64),
    },
    "Error": {"error_type": _str, "message": _str, "stack_trace": _strings},
    "MemoryFence": {
        "ordering": lambda v: isinstance(v, str) and v in _ORDERING,
        "location": _str,
    },
    "DatabaseQuery": {"query": _str, "database": _str, "duration_ms": _unsigned(U64)},
    "DatabaseResult": {"rows_affected": _unsigned(U64)},
    "Custom": {"name": _str, "data": _anything},
}
EVENT = {
    "id": _uuid,
    "trace_id": _uuid,
    "parent_id?": _optional(_uuid),
    "timestamp": lambda v: isinstance(v, str) and _TIME.fullmatch(v) is not None,
    "kind": lambda v: isinstance(v, dict) and len(v) == 1,
    "metadata": lambda v: isinstance(v, dict),
    "causality_vector": _vector,
    "lock_set": _strings,
}
METADATA = {
    "thread_id": _str,
    "process_id": _unsigned(U32),
    "service_name": _str,
    "environment": _str,
    "tags": _str_map,
    "duration_ns?": _optional(_unsigned(U64)),
    "instance_id?": _optional(_str),
    "distributed_span_id?": _optional(_str),
    "upstream_span_id?": _optional(_str),
}


def _check(where: str, value: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, check in fields.items():
        key = name.rstrip("?")
        if key not in value:
            if name == key:
                raise Refused(f"{where}: missing field `{key}`")
        elif not check(value[key]):
            raise Refused(f"{where}.{key}: invalid value {value[key]!r:.100}")


def validate(events: object) -> None:
    """Raise Refused as a Raceway server would refuse ``events``."""
    if not isinstance(events, list):
        raise Refused("events: invalid type, expected a sequence")
    for index, event in enumerate(events):
        where = f"events[{index}]"
        if not isinstance(event, dict):
            raise Refused(f"{where}: invalid type")
        _check(where, event, EVENT)
        _check(f"{where}.metadata", event["metadata"], METADATA)
        [(kind, fields)] = event["kind"].items()
        if kind not in KINDS:
            raise Refused(f"{where}.kind: unknown variant `{kind}`")
        if not isinstance(fields, dict):
            raise Refused(f"{where}.kind: invalid type")
        _check(f"{where}.kind.{kind}", fields, KINDS[kind])


def _no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError("duplicate field")
    return dict(pairs)


def _nesting(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_nesting, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_nesting, value), default=0)
    return 0


def _no_constant(name):
    raise ValueError(name)


def parse(body: bytes) -> Any:
    """Parse JSON as strictly as the server does; ValueError otherwise."""
    document = json.loads(
        body.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_duplicates
    )
    json.dumps(document, ensure_ascii=False).encode("utf-8")  # lone surrogates raise
    if _nesting(document) >= MAX_NESTING:
        raise ValueError("recursion limit exceeded")
    return document


@dataclass
class Reply:
    """What to answer to one request instead of the truth; status 0 hangs up without an answer."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class WireServer:
    """An in-process server. ``replies`` are used up first; then batches are validated."""

    def __init__(self, port: int = 0) -> None:
        self.changed = threading.Condition()
        self.batches: list[list[dict[str, Any]]] = []  # as far as they were accepted
        self.requests: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.trials = 0  # empty batches, with which new connections are tried out
        self.refusals: list[str] = []
        self.replies: deque[Reply] = deque()
        self.api_key: str | None = None
        self.max_body = MAX_BODY
        self.names_index = True
        self.poison: str | None = None  # an event that contains this text is refused
        self.gate = threading.Event()  # while it is not set no request is answered
        self.gate.set()
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._in_progress = 0
        self.most_at_once = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                server.connections += 1
                server._open.add(self.connection)

            def finish(self):
                server._open.discard(self.connection)
                super().finish()

            def do_POST(self):
                server._post(self)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128  # a full queue resets connections

            def handle_error(self, request, client_address):
                pass  # a client that hangs up is part of what is tested

        self._http = Server(("127.0.0.1", port), Handler)
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.gate.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def events(self) -> list[dict[str, Any]]:
        with self.changed:
            return [event for batch in self.batches for event in batch]

    def kinds(self) -> list[tuple[str, dict[str, Any]]]:
        return [next(iter(event["kind"].items())) for event in self.events]

    def wait(self, condition) -> None:
        """Wait until ``condition(self)`` holds."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), PATIENCE), (
                f"{len(self.events)} events, refused {self.refusals}"
            )

    def wait_events(self, count: int) -> list[dict[str, Any]]:
        self.wait(lambda server: len(server.events) >= count)
        return self.events

    def _post(self, handler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if body == TRIAL:
            with self.changed:
                self.trials += 1
                self.changed.notify_all()
            self.gate.wait(PATIENCE)
            self._answer(handler, self._judge(handler, body, handler.headers))
            return
        with self.changed:
            self._in_progress += 1
            self.most_at_once = max(self.most_at_once, self._in_progress)
            self.requests.append({name.lower(): value for name, value in handler.headers.items()})
            self.bodies.append(body)
            self.changed.notify_all()
        self.gate.wait(PATIENCE)
        with self.changed:
            headers = self.requests[-1]
            reply = self.replies.popleft() if self.replies else self._judge(handler, body, headers)
            self._in_progress -= 1
            self.changed.notify_all()
        if reply.status == 0:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(handler, reply)

    def _answer(self, handler, reply: Reply) -> None:
        payload = reply.body.encode()
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        handler.wfile.write(payload)

    def _judge(self, handler, body: bytes, headers) -> Reply:
        if handler.path != "/events":
            return self._refuse(404, "not found")
        if self.api_key is not None and headers.get("authorization") != f"Bearer {self.api_key}":
            return self._refuse(401, '{"success":false,"data":null,"error":"Unauthorized"}')
        if len(body) > self.max_body:
            return self._refuse(413, "Failed to buffer the request body: length limit exceeded")
        if headers.get("content-type") != "application/json":
            return self._refuse(415, "Expected request with `Content-Type: application/json`")
        try:
            document = parse(body)
        except (ValueError, RecursionError) as error:
            return self._refuse(400, f"Failed to parse the request body as JSON: {error}")
        try:
            events = document["events"]
            validate(events)
            for index, event in enumerate(events):
                if self.poison is not None and self.poison in json.dumps(event):
                    raise Refused(f"events[{index}].kind: poisoned")
        except (Refused, KeyError, TypeError) as error:
            text = str(error) if self.names_index else "somewhere"
            return self._refuse(
                422, f"Failed to deserialize the JSON body into the target type: {text}"
            )
        if events:
            self.batches.append(events)
        return Reply(200, ok(len(events)))

    def _refuse(self, status: int, text: str) -> Reply:
        self.refusals.append(f"{status} {text}")
        return Reply(status, text)


class Clocks:
    """Keeps clocks as a Raceway server does, and tells whether one event comes before another."""

    def __init__(self, events=()):
        self.clocks: dict[str, dict[str, int]] = {}
        self.counts: dict[str, int] = {}
        self.events: list[dict[str, Any]] = []
        for event in events:
            self.take(event)

    def take(self, event):
        clock = dict(self.clocks[event["parent_id"]]) if event["parent_id"] else {}
        for key, count in event["causality_vector"]:
            clock[key] = max(clock.get(key, 0), count)
        trace = event["trace_id"]
        self.counts[trace] = clock[trace] = self.counts.get(trace, 0) + 1
        self.clocks[event["id"]] = clock
        self.events.append(event)
        return True

    def before(self, one, two):
        if one["metadata"]["thread_id"] == two["metadata"]["thread_id"]:
            return True
        first, second = self.clocks[one["id"]], self.clocks[two["id"]]
        return first != second and all(second.get(key, -1) >= n for key, n in first.items())


def ok(count: int) -> str:
    return json.dumps({"success": True, "data": f"Ingested {count} events", "error": None})


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def tracing(server: WireServer, **options):
    """A client of ``server`` with an open trace; afterwards everything must have been accepted."""
    client = make_client(server, **options)
    client.start_trace()
    try:
        yield client
    finally:
        client.end_trace()
        client.shutdown()
    assert server.refusals == []


def make_client(server: WireServer, **options) -> RacewayClient:
    defaults = {"service_name": "svc", "instance_id": "i-1", "flush_interval": 60.0}
    return RacewayClient(Config(endpoint=server.url, **{**defaults, **options}))
