"""anyio on asyncio: what ``to_thread.run_sync`` runs is an actor of its own.

Emits: fork when it is submitted, end when it is over, join when its caller goes on.

anyio has worker threads of its own there (on trio it has trio's), in which Starlette and FastAPI
run what is not ``async``.  Which worker runs it is chance, as in an executor.  The caller waits,
whatever it holds: unlike a job, what runs is protected by the locks of its caller.
"""

from __future__ import annotations

from raceway.model import ops
from raceway.record import recorder
from raceway.record.callables import name_of
from raceway_autopatch.patching import contained, wrap

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

    from raceway.record.recorder import State

SUPPORTS = "anyio>=3.6"


class _Job:
    """A function on its way to a worker thread."""

    def __init__(self, function: Any, kind: str) -> None:
        self._function = function
        self.over = False
        self.state = recorder.new_state(f"worker ({name_of(function)})", kind)
        recorder.fork_actor(self.state)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = recorder.install(self.state)
        try:
            return self._function(*args, **kwargs)
        finally:
            self._ends(before)

    @contained
    def _ends(self, before: State) -> None:
        recorder.local.s = self.state
        recorder.sync(ops.END, self.state.actor)
        self.over = True
        recorder.local.s = before


async def _run_sync(wrapped: Any, _backend: Any, args: Any, kwargs: Any) -> Any:
    job = _make(args, kwargs)
    if job is None:
        return await wrapped(*args, **kwargs)
    try:
        return await wrapped(job, *args[1:], **kwargs)
    finally:
        if job.over:  # else it was abandoned
            recorder.sync(ops.JOIN, job.state.actor)


def _make(args: Any, kwargs: Any) -> _Job | None:
    try:
        if not recorder.status.active or not args:
            return None
        abandoned = kwargs.get("abandon_on_cancel", args[2] if len(args) > 2 else False)
        return _Job(args[0], "job" if abandoned else "call")
    except BaseException as error:
        recorder.lost("anyio", error)
        return None


PATCHES = {
    "anyio._backends._asyncio": (
        wrap("AsyncIOBackend.run_sync_in_worker_thread", _run_sync, optional=True),
    ),
}
