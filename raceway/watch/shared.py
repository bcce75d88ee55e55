"""Many objects of one class: descriptors that look the variable up by the object.

Used for classes that are watched as a whole (``@raceway.watch``), whose descriptors stand in the
class itself, and for the objects of a class after the first few hundred, which share one generated
class.  An object is known by its ``id`` for as long as it lives.
"""

from __future__ import annotations

import sys
from _weakref import ref
from functools import partial

from raceway.model import ops
from raceway.model.ops import TEXT_LIMIT, VALUE, WRITE
from raceway.record.accelerator import accelerator
from raceway.record.recorder import (
    BUFFER,
    CHUNK_ITEMS,
    LOOK_EVERY,
    emit,
    flush,
    local,
    lost,
    note_stack,
)
from raceway.watch.adoption import TRACKED, adopt, is_container
from raceway.watch.attributes import dict_of, finalizer, reduce_as_original
from raceway.watch.plans import ABSENT, absent, forget_plan, is_ours, is_synchronisation, plan_of
from raceway.watch.sharing import ASSIGNED, getrefcount
from raceway.watch.sites import unknown, value_record, where
from raceway.watch.twins import generate, quiet_bases, set_class
from raceway.watch.variables import define_variable, keep, note_once

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_LIFE = "\0"
"""Is no attribute's name."""
OBJECT_LIMIT = 100_000
"""Objects of one class that are told apart; those seen after these are not recorded."""


class Budget:
    """How many objects are recorded of classes that nobody has named.

    Attributes:
        each: Living objects of one class.
        left: Objects that may still be entered, of all classes.
    """

    def __init__(self, each: int, total: int) -> None:
        self.each = each
        self.left = total

    def take(self, living: int) -> bool:
        """Tell whether another object may be entered, and count it."""
        if living >= self.each or self.left <= 0:
            return False
        self.left -= 1
        return True


class Family:
    """All watched objects of one class, and of its subclasses.

    Attributes:
        label: What reports call each of them.
        members: By ``id``: attribute name to subject; the empty name is the object itself, and
            under :data:`_LIFE` is the weak reference that takes it out of here.
        direct: By ``id`` of the class: attributes that nobody else decides about, with what puts a
            value into the slot of those that live in one.
        only_entered: Objects that were not entered by hand are not recorded.
        budget: Limits how many are entered.
    """

    def __init__(self, label: str, *, only_entered: bool, budget: Budget | None = None) -> None:
        self.label = label
        self.only_entered = only_entered
        self.budget = budget
        self.members: Any = {} if accelerator is None else accelerator.Members()
        self.prepared: set[tuple[int, str]] = set()
        self.direct: dict[int, dict[str, Any]] = {}
        self.previous: dict[str, Any] = {}

    def enter(self, obj: Any, owner: int) -> dict[str, Any]:
        """Make an object a member, in place of one that had its ``id`` before."""
        number = id(obj)
        names: dict[str, Any] = {"": owner}
        try:
            # All of it in C: in a callback in Python a signal handler of the program could raise,
            # and the next object with this id would pass for this one.
            names[_LIFE] = ref(obj, partial(self.members.pop, number))
        except TypeError:
            pass  # no weak references to it: its number is taken over by whoever is entered next
        self.members[number] = names
        return names

    def subject(self, obj: Any, name: str) -> int:
        """Return the subject of an attribute, making it; 0 when it is not recorded."""
        try:
            names = self.members.get(id(obj))
            if names is None:
                if self.only_entered:
                    return 0
                if len(self.members) >= OBJECT_LIMIT:
                    note_once(
                        f"only the first {OBJECT_LIMIT:,} objects called {self.label} are recorded"
                    )
                    return 0
                if self.budget is not None and not self.budget.take(len(self.members)):
                    note_once(
                        f"objects called {self.label} after the first {len(self.members):,}: they "
                        "are too many for --watch auto; name the class to record all"
                    )
                    return 0
                names = self.enter(obj, define_variable(0, self.label, ops.ROLE_OBJECT))
            if name not in names:
                names.setdefault(name, define_variable(names[""], name, ops.ROLE_ATTRIBUTE))
            subject: int = names[name]
            return subject
        except BaseException as error:
            lost("attribute", error)
            return 0

    def owner(self, obj: Any) -> int:
        """Return the subject of a member itself; 0 for what is none."""
        names = self.members.get(id(obj), {})
        subject: int = names.get("", 0)
        return subject

    def prepare(self, cls: Any, holder: Any, name: str, value: Any) -> bool:
        """See to it that ``holder`` has a descriptor for an attribute that is assigned.

        Args:
            cls: Class of the object.
            holder: The class that gets descriptors: ``cls`` or the generated one.
            name: Name of the attribute.
            value: What is assigned.

        Returns:
            Whether the attribute is tracked.
        """
        try:
            plan = plan_of(cls)
            if not plan.tracks(name):
                return False
            if (id(holder), name) in self.prepared and is_ours(_find(holder, name)):
                return True
            if is_synchronisation(value):
                return False
            default = _find(cls, name)
            if is_ours(default):
                default = default._raceway_default[0]
            member = plan.slots.get(name)
            descriptor = _descriptor(self, name, cls, None if member else default, member)
            type.__setattr__(holder, name, descriptor)
            self.prepared.add((id(holder), name))
            put = None if member is None else member.__set__
            self.direct.setdefault(id(holder), {})[name] = put
            return True
        except BaseException as error:
            lost("attribute", error)
            return False


def _find(cls: Any, name: str) -> Any:
    for base in type.__getattribute__(cls, "__mro__"):
        contents = type.__getattribute__(base, "__dict__")
        if name in contents:
            return contents[name]
    return ABSENT


def _descriptor(family: Family, name: str, cls: Any, default: Any, member: Any) -> Any:
    """Return a descriptor, of a class of its own, for one attribute of all members.

    Args:
        family: Whose members it records.
        name: Name of the attribute.
        cls: Class that it is found in.
        default: What the class had under this name; ABSENT for nothing.
        member: The descriptor of the slot, for attributes that live in one.
    """
    members = family.members
    getframe = sys._getframe
    missing = family.subject
    get_from_slot = None if member is None else member.__get__
    until_look = 0

    def get(_: Any, self: Any, owner: Any = None) -> Any:
        nonlocal until_look
        if self is None:
            return _class_value(name, owner, default, member)
        try:
            state = local.s
            frame = getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        number = id(self)
        try:
            subject = members[number][name]
        except KeyError:
            subject = missing(self, name)
        if subject:
            back = frame.f_back
            if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
                note_stack(state, back)
            until_look -= 1
            if until_look < 0:
                until_look = LOOK_EVERY
                if len(BUFFER) > CHUNK_ITEMS:
                    flush()
            op: tuple[Any, ...] = (state.tok, subject, frame.f_code, frame.f_lasti)
        else:
            op = ()
        if get_from_slot is not None:
            buffer = BUFFER
            buffer += op
            return get_from_slot(self)
        try:
            value = self.__dict__[name]
        except KeyError:
            pass
        else:
            emit(op)
            return value
        emit(op)
        return absent(self, name, cls)

    def put(_: Any, self: Any, value: Any) -> None:
        subject = missing(self, name)
        op: tuple[Any, ...] = ()
        if subject:
            state, code, offset = where()
            token = state.tok
            op = (token, subject | WRITE, code, offset, *value_record(token, subject, value))
        if member is not None:
            buffer = BUFFER
            buffer += op
            member.__set__(self, value)
            return
        contents = dict_of(self)
        if contents is None:
            raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
        contents[name] = value
        emit(op)

    def delete(_: Any, self: Any) -> None:
        subject = missing(self, name)
        op: tuple[Any, ...] = ()
        if subject:
            state, code, offset = where()
            op = (state.tok, subject | WRITE, code, offset)
        if member is not None:
            buffer = BUFFER
            buffer += op
            member.__delete__(self)
            return
        contents = dict_of(self)
        if contents is None or name not in contents:
            text = f"{cls.__name__!r} object has no attribute {name!r}"
            raise AttributeError(name if sys.version_info < (3, 11) else text)
        del contents[name]
        emit(op)

    namespace = {
        "__slots__": (), "__get__": get, "__set__": put, "__delete__": delete,
        # In tuples: what is a descriptor itself would be asked to bind.
        "_raceway_name": name, "_raceway_default": (ABSENT if member is not None else default,),
        "_raceway_member": (member,),
    }  # fmt: skip
    descriptor = type("attribute", (), namespace)()
    if accelerator is not None and plan_of(cls).plain_get:
        return accelerator.SharedAttribute(name, cls, members, descriptor)
    return descriptor


def _class_value(name: str, owner: Any, default: Any, member: Any) -> Any:
    """Return what ``Class.name`` is without us."""
    if member is not None:
        return member
    if default is ABSENT:
        message = f"type object {owner.__name__!r} has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=owner)
    getter = getattr(type(default), "__get__", None)
    return default if getter is None else getter(default, None, owner)


def _setattr(family: Family, holder_of: Any, previous: Any, plain: bool, whole: Any = None) -> Any:
    """Return the ``__setattr__`` of a class whose objects are members of ``family``.

    Args:
        family: Whose members it records.
        holder_of: Returns the class that gets an object's descriptors.
        previous: What assigned so far.
        plain: Whether the class does nothing of its own when an attribute is read or assigned.
        whole: The class, if it is watched as a whole.
    """
    members = family.members
    direct = family.direct
    getframe = sys._getframe

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: PLR0912 - the hot path
        kind: Any = type(value)
        shown = None
        number, holder = id(self), id(type(self))
        try:
            put = direct[holder][name]
            subject = members[number][name]
        except KeyError:
            subject = 0
        if subject and plain:
            if kind is int or value is None or kind is float or kind is bool:
                kind = None
                shown = value
            elif kind is str:
                kind = None
                shown = value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
            elif put is not None:
                subject = 0
            elif self.__dict__.get(name) is value:  # changed in place
                shown = True
            elif type(kind) is type and kind in TRACKED:
                fresh = getrefcount(value) <= ASSIGNED
                value = adopt(value, subject, fresh, f"{family.label}.{name}")
        else:
            subject = 0
        if not subject:
            tracked = family.prepare(self.__class__, holder_of(self), name, value)
            if plain and tracked and is_container(kind):
                subject = family.subject(self, name)
                fresh = getrefcount(value) <= ASSIGNED
                value = adopt(value, subject, fresh, f"{family.label}.{name}")
            previous(self, name, value)
            return
        try:
            state = local.s
            frame = getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        if len(BUFFER) > CHUNK_ITEMS:
            flush()
        token = state.tok
        # fmt: off
        op = (token, subject | WRITE, frame.f_code, frame.f_lasti,
              token, subject | VALUE, kind, shown)
        # fmt: on
        if put is None:
            self.__dict__[name] = value
            emit(op)
        else:
            buffer = BUFFER
            buffer += op
            put(self, value)

    if whole is not None:
        __setattr__.__qualname__ = f"{whole.__qualname__}.__setattr__"
        __setattr__._raceway_family = family  # type: ignore[attr-defined]
    return accelerator.Setter(__setattr__) if plain and accelerator is not None else __setattr__


_Wrapper: Any = type(object.__setattr__)
_HOOKS: set[Any] = {type(lambda: None)} | ({accelerator.Setter} if accelerator else set())
_FAMILY = "_raceway_family"
_generated: dict[int, tuple[Any, Any, Family]] = {}


def family_of(cls: Any) -> Family | None:
    """Return the family of a class that is watched as a whole."""
    for base in cls.__mro__:
        family = _own_family(base)
        if family is not None:
            return family
    return None


def _own_family(cls: Any) -> Family | None:
    # Kept by the class itself: a table of classes would keep them alive.
    hook = cls.__dict__.get("__setattr__")
    return hook._raceway_family if type(hook) in _HOOKS and hasattr(hook, _FAMILY) else None


def watch_class(cls: Any, label: str, budget: Budget | None = None) -> Any:
    """Record the attributes of all objects of a class, in place.

    Descriptors come with the first assignment of each attribute: a decorator above this one may
    still replace class attributes, as ``dataclass`` does.

    Args:
        cls: The class.
        label: What reports call its objects.
        budget: How many of them are recorded; by default as many as the memory is for.
    """
    if family_of(cls) is not None:
        return cls
    family = Family(label, only_entered=False, budget=budget)
    previous = cls.__setattr__
    plain = type(previous) is _Wrapper and type(cls.__getattribute__) is _Wrapper
    forget_plan(cls)
    family.previous = {"__setattr__": cls.__dict__.get("__setattr__", ABSENT)}
    cls.__setattr__ = _setattr(family, lambda self: self.__class__, previous, plain, whole=cls)
    if hasattr(cls, "__del__"):
        family.previous["__del__"] = cls.__dict__.get("__del__", ABSENT)
        cls.__del__ = finalizer(cls.__del__, family.owner)
    plan = plan_of(cls)
    for name in sorted(plan.names):
        if plan.tracks(name):
            family.prepare(cls, cls, name, None)
    return cls


def unwatch_class(cls: Any) -> None:
    """Take everything out of a class that :func:`watch_class` put there."""
    family = _own_family(cls)
    if family is None:
        return
    for name, before in family.previous.items():
        if before is ABSENT:
            type.__delattr__(cls, name)
        else:
            type.__setattr__(cls, name, before)
    for holder in [cls, *_descendants(cls)]:
        for name, value in list(holder.__dict__.items()):
            if is_ours(value) and (id(holder), name) in family.prepared:
                replaced = value._raceway_member[0] or value._raceway_default[0]
                if replaced is ABSENT or (holder is not cls and not value._raceway_member[0]):
                    type.__delattr__(holder, name)
                else:
                    type.__setattr__(holder, name, replaced)
        forget_plan(holder)


def _descendants(cls: Any) -> list[Any]:
    found = []
    for child in type.__subclasses__(cls):
        found += [child, *_descendants(child)]
    return found


def watch_member(obj: Any, owner: int, label: str) -> bool:
    """Let ``obj`` share the generated class of all later objects of its class.

    Returns:
        False when the layout of the object does not allow it.
    """
    original = type(obj)
    known = _generated.get(id(original))
    if known is None or known[0] is not original:
        family = Family(label, only_entered=True)
        previous = original.__setattr__
        plan = plan_of(original)
        namespace: dict[str, Any] = {
            "__setattr__": _setattr(family, type, previous, plan.plain_set and plan.plain_get),
            "__reduce_ex__": reduce_as_original,
            "_raceway_family": family,
        }
        if hasattr(original, "__del__"):
            namespace["__del__"] = finalizer(original.__del__, family.owner)
        for bases in quiet_bases(original):
            try:
                generated = generate(original, bases, dict(namespace))
                set_class(obj, generated)
            except TypeError:
                continue
            known = (original, generated, family)
            keep(_generated, id(original), known)
            break
        else:
            return False
    _, generated, family = known
    family.enter(obj, owner)
    contents = dict_of(obj) or {}
    plan = plan_of(original)
    for name in sorted(plan.names | set(contents)):
        family.prepare(original, generated, name, contents.get(name))
    if type(obj) is original:
        set_class(obj, generated)
    return True
