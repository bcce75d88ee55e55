"""raceway.client: what a program tracks by hand takes part in the local analysis.

``client.track_state_change("counter", ...)`` becomes an access of a variable of that name, and
``track_lock_acquire`` an acquire.  Nothing is patched: the client has observers.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

SUPPORTS = None
PATCHES = ()

_ACCESS = {
    "Read": ops.READ,
    "AtomicRead": ops.READ,
    "Write": ops.WRITE,
    "AtomicWrite": ops.UPDATE,
    "AtomicRMW": ops.UPDATE,
}
_variables: dict[str, int] = {}
_locks: dict[str, int] = {}


def setup() -> None:
    """Listen, if there is a local analysis; a server hears of it from the client itself."""
    if getattr(recorder.status.sink, "analysed_locally", False):
        _observers().append(_observe)


def teardown() -> None:
    """Listen no more."""
    observers = _observers()
    if _observe in observers:
        observers.remove(_observe)


def _observers() -> list[Any]:
    observers: list[Any] = sys.modules["raceway.client"].observers
    return observers


def _observe(kind: str, fields: dict[str, Any]) -> None:
    if kind == "StateChange":
        _access(str(fields["variable"]), _ACCESS[fields["access_type"]], fields["new_value"])
    elif kind == "LockAcquire":
        _lock(ops.ACQUIRE, str(fields["lock_id"]), str(fields["lock_type"]))
    elif kind == "LockRelease":
        _lock(ops.RELEASE, str(fields["lock_id"]), str(fields["lock_type"]))


def _access(name: str, op: int, value: object) -> None:
    variable = _variables.get(name)
    if variable is None:
        variable = _variables[name] = recorder.next_variable()
        recorder.define((ops.DEF_VARIABLE, variable, 0, name, ops.ROLE_NAMED, False, None))
        recorder.define((ops.DEF_BY_HAND, "variable", variable))
    state = recorder.current()
    frame = recorder.user_frame(1)
    recorder.note_stack(state, frame.f_back)
    record = (state.tok, variable << ops.OP_BITS | op, frame.f_code, frame.f_lasti)
    if op == ops.READ:
        recorder.emit(record)
        return
    annotation = variable << ops.OP_BITS | ops.VALUE
    if type(value) in ops.SCALARS:
        recorder.emit((*record, state.tok, annotation, None, value))
    elif type(value) is str:
        recorder.emit((*record, state.tok, annotation, None, value[: ops.TEXT_LIMIT]))
    else:
        recorder.emit((*record, state.tok, annotation, type(value), None))


def _lock(op: int, name: str, kind: str) -> None:
    lock = _locks.get(name)
    frame = recorder.user_frame(1)
    if lock is None:
        lock = _locks[name] = recorder.next_lock()
        definition = (ops.DEF_LOCK, lock, kind, name, frame.f_code, frame.f_lasti)
        recorder.define(definition)
        recorder.define((ops.DEF_BY_HAND, "lock", lock))
    state = recorder.current()
    recorder.note_stack(state, frame.f_back)
    recorder.emit((state.tok, lock << ops.OP_BITS | op, frame.f_code, frame.f_lasti))
    state.tok += 1
