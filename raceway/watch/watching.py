"""Which way an object is watched."""

from __future__ import annotations

import sys
from _thread import _local

from raceway.exceptions import CannotWatch
from raceway.model import ops
from raceway.record.naming import assigned_name
from raceway.watch.adoption import TRACKED, is_container, plain, track
from raceway.watch.attributes import dict_of, watch_attributes
from raceway.watch.containers import mixin_for
from raceway.watch.plans import cannot_swap
from raceway.watch.shared import family_of, unwatch_class, watch_class, watch_member
from raceway.watch.twins import is_generated, original_of, set_class
from raceway.watch.variables import Items, define_variable, keep, note_once

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

OWN_CLASS_LIMIT = 256
"""Objects of one class that get a generated class each: faster, but 3 kB and 0.1 ms an object."""
_own_classes: dict[type, int] = {}
_targets: dict[tuple[int, int], tuple[CodeType, str]] = {}


def watch_now(obj: Any, name: str | None, frame: FrameType, held: int) -> Any:
    """Watch an object while something records.

    Args:
        obj: What to watch; known to be watchable, as far as its type says.
        name: What the user calls it, or ``None``.
        frame: The caller's.
        held: References to the object that are more than a temporary has.
    """
    if _is_thread_local(obj):
        return obj
    if isinstance(obj, type):
        return watch_class(obj, name or obj.__name__.lower())
    cls = type(obj)
    if is_generated(cls) or family_of(cls) is not None or _is_proxy(obj):
        return obj
    target = _target(frame.f_code, frame.f_lasti)
    label = name or target or cls.__name__.lower()
    named = getattr(getattr(obj, "_obj", obj), "_raceway_named", None)
    if named is not None:  # in memory that processes share: it is watched anyway
        named(label)
        return obj
    if is_container(cls):
        # "accounts = watch(accounts)": the one other reference goes away with the assignment.
        lent = bool(target) and (
            target in frame.f_code.co_varnames or frame.f_globals.get(target) is obj
        )
        alone = held <= (1 if lent else 0)
        if not alone:
            note_once(
                f"the container that {label} was made of is also referenced elsewhere; accesses "
                "through that reference are not seen and do not change the watched one"
            )
        structure = define_variable(0, label, ops.ROLE_CONTAINER)
        # The original is one of the holders of what is inside: ours is then the only other one.
        return track(obj, structure, label, nested=alone)
    return _watch_instance(obj, cls, label)


def _target(code: CodeType, offset: int) -> str:
    """Return the name that what is watched at a place is assigned to."""
    place = id(code), offset
    known = _targets.get(place)
    if known is None or known[0] is not code:
        known = code, assigned_name(code, offset)
        keep(_targets, place, known)
    return known[1]


def _is_thread_local(obj: Any) -> bool:
    """Tell whether each thread has attributes of its own, so that there is nothing to watch."""
    cls = obj if isinstance(obj, type) else type(obj)
    if not issubclass(cls, (_local, getattr(sys.modules.get("threading"), "local", _local))):
        return False
    note_once(f"{cls.__qualname__} is local to each thread: its attributes are not watched")
    return True


def _watch_instance(obj: Any, cls: Any, label: str) -> Any:
    role = ops.ROLE_OBJECT if mixin_for(cls) is None else ops.ROLE_CONTAINER
    owner = define_variable(0, label, role)
    if _swap_class(obj, cls, owner, label):
        return obj
    try:
        from raceway.watch.proxy import WatchedProxy
    except ImportError:
        message = f"objects of type {cls.__qualname__} need the package wrapt to be watched"
        raise CannotWatch(message) from None
    cannot_swap(cls)
    return WatchedProxy(obj, owner, label)


def watch_in_place(obj: Any, label: str) -> bool:
    """Watch an object that stays the same one, whatever its references are.

    Args:
        obj: No exact builtin container.
        label: What reports call it.

    Returns:
        False when that cannot be: nothing has changed then.
    """
    cls = type(obj)
    if is_generated(cls) or family_of(cls) is not None or _is_proxy(obj):
        return True
    role = ops.ROLE_OBJECT if mixin_for(cls) is None else ops.ROLE_CONTAINER
    return _swap_class(obj, cls, define_variable(0, label, role), label)


def _swap_class(obj: Any, cls: Any, owner: int, label: str) -> bool:
    mixin = mixin_for(cls)
    count = _own_classes.get(cls, 0) if type(cls) is type else 0
    if mixin is None and count >= OWN_CLASS_LIMIT:
        return watch_member(obj, owner, label)
    if watch_attributes(obj, owner, label, None if mixin is None else (mixin, Items(owner, label))):
        if type(cls) is type:
            keep(_own_classes, cls, count + 1)
        return True
    return False


def _is_proxy(obj: Any) -> bool:
    module = sys.modules.get("raceway.watch.proxy")
    return module is not None and type(obj) is module.WatchedProxy


def unwatch_now(obj: Any) -> Any:
    """Stop recording an object; see :func:`raceway.watch.unwatch`."""
    if isinstance(obj, type):
        unwatch_class(obj)
        return obj
    if _is_proxy(obj):
        return obj.__wrapped__
    cls = type(obj)
    if not is_generated(cls):
        return obj
    original = original_of(cls)
    if original in TRACKED:
        return plain(obj)
    contents = dict_of(obj)
    set_class(obj, original)
    for key, value in list((contents or {}).items()):
        if is_generated(type(value)) and original_of(type(value)) in TRACKED:
            contents[key] = plain(value)  # type: ignore[index] # there are values in it
    return obj
