"""Variables: their serial numbers, what reports call them, and how items find theirs.

A variable is known by its *subject*: its serial number, shifted to where an op has it, so that
``subject | ops.READ`` is ready to be recorded.  The subject 0 stands for what is not recorded.
"""

from __future__ import annotations

import sys
from _weakref import ref

from raceway.model import ops
from raceway.record.recorder import define_one_more, lost, next_variable, note, pass_on

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

ITEM_LIMIT = 100_000
"""Item variables of one container; the items after these are not recorded."""
_NOTE_LIMIT = 50
"""Notes of one kind of trouble; a program that has more has the same one everywhere."""
_OBJECT_KEY = object()
UNTOLD = object()
"""In the place of the value of a variable that may not be there yet."""
_noted: set[str] = set()

KEPT = 256
"""Classes and places of the program whose analysis is kept: it keeps them alive, and some programs
make classes as others make objects."""


def keep(table: dict[Any, Any], key: Any, value: Any) -> None:
    """Enter something that can be made again, in the place of the oldest if the table is full."""
    if key not in table and len(table) >= KEPT:
        table.pop(list(table)[0], None)  # noqa: RUF015 - one step, as others may change the table
    table[key] = value


def define_variable(parent: int, text: str, role: str, value: Any = UNTOLD) -> int:
    """Make a variable and return its subject.

    Args:
        parent: Subject of the variable that this one belongs to, or 0.
        text: Name, or what stands between the brackets.
        role: One of the roles in :mod:`raceway.model.ops`.
        value: What it holds now; :data:`UNTOLD` if nothing, or nobody knows.
    """
    try:
        serial = next_variable()
        kind = type(value)
        shown: Any
        if value is None or kind is int or kind is float or kind is bool:
            has_value, shown = True, value
        elif kind is str:
            has_value, shown = True, value[: ops.TEXT_LIMIT]
        else:
            has_value, shown = False, None if value is UNTOLD else kind.__qualname__
        define_one_more(
            (ops.DEF_VARIABLE, serial, parent >> ops.OP_BITS, text, role, has_value, shown)
        )
    except BaseException as error:
        lost("variable", error)
        return 0
    return serial << ops.OP_BITS


def note_once(text: str) -> None:
    """Add a sentence to the report, unless it is there already."""
    if text not in _noted and len(_noted) < _NOTE_LIMIT:
        _noted.add(text)
        note(text)


class Items(dict):  # type: ignore[type-arg] # keys of any kind, and no typing at run time
    """The item variables of one container: key to subject.

    Keys that are no plain values are known by their hash: the container must not keep them alive
    through us.  When such a key dies its hash is forgotten, or the next object at its address
    would take its variable over.
    """

    __slots__ = ("__weakref__", "full", "label", "links", "structure")

    def __init__(self, structure: int, label: str) -> None:
        """Make an empty table.

        Args:
            structure: Subject of the container itself.
            label: What notes call the container.
        """
        self.structure = structure
        self.label = label
        self.full = False
        self.links: dict[int, Any] = {}

    def __missing__(self, key: Any) -> int:
        """Return the subject of a new item; 0 when the item cannot be recorded.

        Args:
            key: Key, index or member; may be anything that a program passes, hashable or not.
        """
        try:
            text = key_text(key)
            if text is None:
                return self._find_object(key)
            return self._make(key, text)
        except BaseException as error:  # unhashable, or __eq__ of the program: its call will say so
            pass_on(error)
            return 0

    def _find_object(self, key: Any) -> int:
        number = hash(key)
        subject: int = dict.get(self, (_OBJECT_KEY, number), 0)
        if subject:
            return subject
        try:
            me = ref(self)

            def forget(_: Any) -> None:
                items = me()
                if items is not None:
                    items.pop((_OBJECT_KEY, number), None)
                    items.links.pop(number, None)

            self.links[number] = ref(key, forget)
        except TypeError:
            pass  # no weak references to it: a value like a frozenset, known by its hash alone
        return self._make((_OBJECT_KEY, number), f"<{type(key).__name__}>")

    def _make(self, key: Any, text: str) -> int:
        if len(self) >= ITEM_LIMIT:
            if not self.full:
                self.full = True
                note_once(
                    f"{self.label} has more than {ITEM_LIMIT:,} items; those seen after the first "
                    f"{ITEM_LIMIT:,} are not recorded"
                )
            return 0
        subject = define_variable(self.structure, text, ops.ROLE_ITEM)
        return int(self.setdefault(key, subject))


_PLAIN = frozenset({str, int, bool, float, bytes, complex, type(None)})


def key_text(key: Any) -> str | None:
    """Return what stands between the brackets, or ``None`` for a key that is no plain value."""
    kind = type(key)
    if type(kind) is type and kind in _PLAIN:
        return repr(key)[: ops.TEXT_LIMIT]
    if kind is tuple:
        parts = [key_text(part) for part in key]
        if any(part is None for part in parts):
            return None
        inner = ", ".join(part for part in parts if part is not None)
        return f"({inner}{',' if len(parts) == 1 else ''})"[: ops.TEXT_LIMIT]
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(key, enum.Enum):
        return f"{kind.__name__}.{key._name_}"
    return None


def forget_notes() -> None:
    """Start afresh, for another recording in the same process."""
    _noted.clear()
