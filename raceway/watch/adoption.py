"""Plain containers become tracked ones: those given to ``watch`` and those stored inside them."""

from __future__ import annotations

from raceway.model import ops
from raceway.record.recorder import lost, status
from raceway.watch.sharing import STORED, count_stored
from raceway.watch.twins import is_generated, set_class
from raceway.watch.variables import Items, define_variable, key_text, note_once

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TRACKED: dict[type, Any] = {}
"""Builtin class: the tracked class that takes its place."""
SILENT: dict[type, Any] = {}
"""Tracked class: the class that a container gets when it is no longer watched."""
MIXINS: dict[type, Any] = {}
"""Builtin class: what a subclass of it, defined by the program, has to inherit to be tracked."""
REBUILD: dict[type, Callable[[Any], Any]] = {}
"""Tracked class: makes a plain, shallow copy, recording nothing."""
FILL: dict[type, Callable[[Any, Any], None]] = {}
"""Builtin class: moves the contents of a plain container to a tracked one, recording nothing."""
STORE: dict[type, Callable[[Any, Any, Any], None]] = {}
"""Builtin class: stores one item, recording nothing; absent for what holds no containers."""


def track(source: Any, structure: int, label: str, *, nested: bool = True) -> Any:
    """Return a tracked container with the contents of ``source``.

    Args:
        source: An exact builtin container.
        structure: Subject of the variable that stands for the container.
        label: What notes call it.
        nested: Replace the containers inside that nobody else holds.
    """
    kind = type(source)
    tracked = TRACKED[kind]
    items = Items(structure, label)
    result = make(kind, tracked)
    result._raceway_items = items
    result._raceway_structure = structure
    FILL[kind](result, source)
    if nested and kind in STORE:
        _adopt_contents(source, result, kind, items)
    return result


def make(kind: Any, tracked: Any) -> Any:
    """Return an empty container of a tracked class, whose call would make a plain one."""
    return kind.__new__(tracked)


def _adopt_contents(source: Any, result: Any, kind: type, items: Items) -> None:
    keys = list(source) if isinstance(source, dict) else range(len(source))
    store = STORE[kind]
    for key in keys:
        # No name for the value: a second reference is what this is about.
        if is_container(type(source[key])):
            # The copy holds it too by now.
            fresh = count_stored(source, key) <= STORED + 1
            value = source[key]
            replacement = adopt(value, items[key], fresh, item_label(items, key))
            if replacement is not value:
                store(result, key, replacement)


def is_container(kind: type) -> bool:
    """Return whether instances of exactly this class can be replaced by tracked ones."""
    # The metaclass first: a class of the program may not be hashable.
    return type(kind) is type and kind in TRACKED


def adopt(value: Any, place: int, fresh: bool, label: str) -> Any:
    """Return the tracked container for a plain one that is about to be stored, or itself.

    Args:
        value: An exact builtin container.
        place: Subject of the variable that holds the reference to it.
        fresh: Nobody else holds it.
        label: What notes call the place.
    """
    if not place or not status.active:
        return value
    try:
        if not fresh:
            note_once(f"{label} is also referenced elsewhere and is not watched")
            return value
        return track(value, define_variable(place, "", ops.ROLE_CONTAINER), label)
    except BaseException as error:
        lost("adoption", error)
        return value


def item_label(items: Items, key: Any) -> str:
    """Return what notes call an item."""
    try:
        return f"{items.label}[{key_text(key)}]"
    except BaseException as error:  # the text of an integer may be too long
        lost("name of an item", error)
        return f"{items.label}[]"


def plain(value: Any, seen: dict[int, Any] | None = None) -> Any:
    """Return a plain copy of a tracked container, the tracked ones inside replaced as well.

    Anything else is returned as it is.  The tracked container records nothing from now on.

    Args:
        value: Anything.
        seen: Copies made so far, for containers that contain themselves.
    """
    cls = type(value)
    if not is_generated(cls) or cls not in REBUILD:
        return value
    seen = {} if seen is None else seen
    if id(value) in seen:
        return seen[id(value)]
    copy = REBUILD[cls](value)
    seen[id(value)] = copy
    silent = SILENT.get(cls)
    if silent is not None:
        set_class(value, silent)
    kind = type(copy)
    if kind in STORE:
        for key in list(copy) if isinstance(copy, dict) else range(len(copy)):
            if is_generated(type(copy[key])):
                STORE[kind](copy, key, plain(copy[key], seen))
    return copy
