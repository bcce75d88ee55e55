"""gevent.hub, gevent.baseserver: traces each thread that has a hub; servers, and waiting for all.

Emits: join of every greenlet of the thread when ``gevent.wait()`` finds that nothing is left, and
fork of a server when it begins to accept: what handles a connection is started in the hub, which
knows nothing, and on behalf of the server.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway_autopatch.greenlets import in_hub, install_tracer, started
from raceway_autopatch.patching import around, contained

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _hub_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        try:
            install_tracer()
        except BaseException as error:  # there must be a hub
            recorder.lost("gevent hub", error)
        original(self, *args, **kwargs)

    return __init__


def _hub_join(original: Callable[..., Any]) -> Callable[..., Any]:
    known = contained(_all_known, "gevent.wait")

    def join(self: Any, timeout: Any = None) -> Any:
        over = original(self, timeout)
        if over:
            known()
        return over

    return join


def _all_known() -> None:
    """Nothing is left to run: whoever has waited for that knows of the end of all."""
    here = recorder.current().actor
    for actor in started():
        if actor != here:
            recorder.sync(ops.JOIN, actor)


def _start_accepting(original: Callable[..., Any]) -> Callable[..., Any]:
    starting = contained(_starting)

    def start_accepting(self: Any) -> Any:
        starting(self)
        return original(self)

    return start_accepting


def _starting(server: Any) -> None:
    name, group = type(server).__name__, recorder.current().group
    server._raceway_server = recorder.new_state(name, "callback", group)
    recorder.fork_actor(server._raceway_server, depth=3)


def _do_handle(original: Callable[..., Any]) -> Callable[..., Any]:
    def do_handle(self: Any, *args: Any) -> Any:
        state = self.__dict__.get("_raceway_server")
        if state is None or not in_hub():
            return original(self, *args)
        before = recorder.install(state)
        try:
            return original(self, *args)
        finally:
            recorder.local.s = before

    return do_handle


SERVER = (
    around("BaseServer.start_accepting", _start_accepting, optional=True),
    around("BaseServer.do_handle", _do_handle, optional=True),
)
HUB = (
    around("Hub.__init__", _hub_init),
    around("Hub.join", _hub_join, optional=True),
)
