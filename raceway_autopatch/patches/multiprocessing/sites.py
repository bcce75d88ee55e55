"""Where the user's code called multiprocessing."""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.record import recorder
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, emit, flush, monotonic_ns
from raceway_autopatch.lock_ops import note_caller

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import FrameType

_getframe = sys._getframe
_OURS = "raceway_autopatch."
_THEIRS = "multiprocessing."


def user_frame(depth: int = 2) -> FrameType:
    """Return the nearest frame outside multiprocessing and Raceway.

    The properties of a ``Value`` are made by ``exec`` in a namespace without ``__name__``.

    Args:
        depth: Frames up from here where to begin to look.
    """
    frame: FrameType | None = _getframe(depth)
    first = frame
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if type(name) is str and not name.startswith((_THEIRS, _OURS)):
            return frame
        frame = frame.f_back
    return first  # type: ignore[return-value]  # there is one at this depth


def record(op: int, number: int, depth: int = 2) -> None:
    """Record, with its time, what happens to something that processes share.

    Args:
        op: ACQUIRE, RELEASE, WAIT_RELEASE ...
        number: Of the lock.
        depth: Frames up from here where to begin to look for the user's code.
    """
    state = recorder.current()
    frame = user_frame(depth + 1)
    note_caller(state, frame)
    token = state.tok
    # fmt: off
    emit((token, ops.TIME, None, monotonic_ns(),
          token, number << ops.OP_BITS | op, frame.f_code, frame.f_lasti))
    # fmt: on
    state.tok += 1
    if len(BUFFER) > CHUNK_ITEMS:
        flush()
