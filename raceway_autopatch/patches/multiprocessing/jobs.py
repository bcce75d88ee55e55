"""Jobs of a pool: actors of their own, in whichever process or thread they run.

Two jobs that one worker ran one after the other are as concurrent as any two, unless the pool has
no other worker, or the worker is a process: what lies in its memory is never used by two of its
jobs at a time.  The worker itself has only the initializer, and the end of all its jobs.

A pool ends its idle workers by SIGTERM.  A handler in Python, such as ours, is not run if the
signal comes right before the call that waits for the next job; then the pool would wait for ever.
So while a worker process is idle it has the default action, and everything has been written out.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what signal.py is made of; it has no stub

from raceway.model import ops
from raceway.record import recorder, shared
from raceway.record.callables import name_of

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any


class Worker:
    """A worker that runs jobs; used by its thread alone.

    Args:
        single: It is the only worker of its pool.
        process: It is a process, and no thread.
    """

    __slots__ = ("_before", "_finished", "_handler", "_name", "_ready", "process", "single")

    def __init__(self, *, single: bool, process: bool) -> None:
        self.single = single
        self.process = process
        self._handler: Any = None
        """Ours for SIGTERM, while the default action is in its place."""
        self._finished = recorder.next_channel()
        self._ready = 0
        self._before: recorder.State | None = None
        self._name = ""

    def rest(self) -> None:
        """Wait for the next job, and be terminated meanwhile, as without us."""
        if self.process:
            recorder.flush()
            handler = _signal.getsignal(_signal.SIGTERM)
            if getattr(handler, "__module__", "") == "raceway_autopatch.exits":
                self._handler = handler
                _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)

    def wake(self) -> None:
        """Go on, whatever it was that came."""
        handler, self._handler = self._handler, None
        if handler is not None:
            _signal.signal(_signal.SIGTERM, handler)

    def begin(self, name: str, function: Any) -> None:
        """Become the actor of a job.

        Args:
            name: Of the job, in all processes.
            function: What it runs.
        """
        if not self._ready:  # the initializer has run
            self._ready = recorder.next_channel()
            recorder.sync(ops.SEND, self._ready)
        self._name = name
        kind, group = ("process job", recorder.current().group) if self.process else ("job", 0)
        job = recorder.new_state(f"job {name_of(function)}", kind, group)
        self._before = recorder.install(job)
        recorder.sync(ops.RECEIVE, self._ready)
        if self.single:
            recorder.sync(ops.RECEIVE, self._finished)

    def end(self) -> str:
        """Become the worker again; return the name of the job, or nothing if there was none."""
        before, name = self._before, self._name
        self._before, self._name = None, ""
        if before is None:
            return ""
        shared.sync(ops.SEND, shared.channel(done(name)))
        shared.forget_channel(done(name))
        recorder.sync(ops.SEND, self._finished)
        recorder.sync(ops.END, recorder.current().actor)
        recorder.local.s = before
        return name

    def stop(self) -> None:
        """Know of the end of all jobs: who waits for the worker has waited for them."""
        self.end()
        recorder.sync(ops.RECEIVE, self._finished)


def done(name: str) -> str:
    """Return the name of the channel on which the end of a job is told."""
    return f"{name} done"
