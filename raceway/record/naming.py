"""What the source calls a thing: the name that the result of a call is assigned to.

``accounts_lock = threading.Lock()`` makes a lock that a report can call ``accounts_lock``.  The
name is in the byte code right behind the call, so no source is needed, and it is looked up long
after the call, when a chunk is written.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType

_LOOK_AHEAD = 4
"""``self.lock = Lock()`` loads ``self`` between the call and the store."""


def assigned_name(code: CodeType, offset: int) -> str:
    """Return the name that the value made at ``offset`` is stored under, or an empty string.

    Args:
        code: Code object that contains the call.
        offset: ``f_lasti`` of the call.

    Example:
        In ``self.lock = threading.Lock()`` inside ``Bank.__init__`` the result is ``Bank.lock``.
    """
    import dis

    seen = 0
    for instruction in dis.get_instructions(code):
        if instruction.offset <= offset:
            continue
        name = instruction.opname
        if name in {"CACHE", "COPY", "EXTENDED_ARG", "PRECALL", "NOP", "RESUME"}:
            continue
        seen += 1
        if name.startswith("STORE_ATTR"):
            owner = getattr(code, "co_qualname", code.co_name).rpartition(".")[0]
            owner = owner.rpartition(".")[2]
            prefix = f"{owner}." if owner and owner != "<locals>" else ""
            return f"{prefix}{instruction.argval}"
        if name.startswith("STORE_") and name not in {"STORE_SUBSCR", "STORE_SLICE"}:
            argument = instruction.argval
            return str(argument[0] if isinstance(argument, tuple) else argument)
        if seen >= _LOOK_AHEAD or not name.startswith("LOAD_"):
            return ""
    return ""
