"""Objects that record what is done with their attributes.

``obj.__class__`` becomes a generated subclass that has one data descriptor for each attribute.
The object stays the same one, its own methods are seen, and what is not tracked costs nothing.
The first objects of a class get a class each, in which the variables are constants; the others
share one and look their variables up (:mod:`raceway.watch.shared`).

The order of statements is part of the function: state, frame and record are ready before the
attribute is touched, and nothing but the touch itself lies between them and ``emit``.
"""

from __future__ import annotations

import sys

from raceway.model import ops
from raceway.model.ops import FINALIZE, TEXT_LIMIT, VALUE, WRITE
from raceway.record.accelerator import accelerator
from raceway.record.recorder import (
    BUFFER,
    CHUNK_ITEMS,
    LOOK_EVERY,
    current,
    emit,
    flush,
    local,
    lost,
    note_stack,
    pass_on,
    status,
)
from raceway.watch.adoption import TRACKED, adopt, is_container
from raceway.watch.plans import (
    ABSENT,
    Plan,
    absent,
    frozen_error,
    is_synchronisation,
    plan_of,
)
from raceway.watch.sharing import ASSIGNED, STORED, count_stored, getrefcount
from raceway.watch.sites import record, unknown, value_record, where
from raceway.watch.twins import generate, quiet_bases, set_class
from raceway.watch.variables import UNTOLD, define_variable

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Written: TypeAlias = tuple[int, int, Callable[[Any, Any], None] | None]
    """An attribute that is written: the two ops, and what puts the value where it is no dict."""

_set = object.__setattr__
_set_generated = type.__setattr__


def dict_of(obj: Any) -> dict[str, Any] | None:
    """Return the instance dict, past everything that the program defines."""
    try:
        found = object.__getattribute__(obj, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def reader(name: str, subject: int, original: type) -> Any:
    """Return the getter of an attribute that lives in the instance dict.

    One parameter and closure cells: that is what CPython 3.13 can inline.
    """
    getframe = sys._getframe
    until_look = 0

    def fget(self: Any) -> Any:
        nonlocal until_look
        try:
            state = local.s
            frame = getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        until_look -= 1
        if until_look < 0:
            until_look = LOOK_EVERY
            if len(BUFFER) > CHUNK_ITEMS:
                flush()
        op = (state.tok, subject, frame.f_code, frame.f_lasti)
        try:
            value = self.__dict__[name]
        except KeyError:
            pass
        else:
            emit(op)
            return value
        emit(op)
        return absent(self, name, original)

    return fget


def careful_reader(name: str, subject: int, original: type) -> Any:
    """Return the getter for a class whose ``__getattribute__`` is Python: do not run it again."""

    def fget(self: Any) -> Any:
        contents = dict_of(self)
        state, code, offset = where()
        op = (state.tok, subject, code, offset)
        try:
            value = contents[name]  # type: ignore[index] # None raises, too
        except (KeyError, TypeError):
            value = ABSENT
        emit(op)
        if value is ABSENT:
            return absent(self, name, original)
        return value

    return fget


def attribute(name: str, subject: int, original: type, plan: Plan) -> Any:
    """Return the descriptor of one attribute of one object."""
    if name in plan.slots:
        return _slot_attribute(name, subject, original, plan)

    def fset(self: Any, value: Any) -> None:
        contents = dict_of(self)
        if contents is None:
            raise AttributeError(
                f"{original.__name__!r} object has no attribute {name!r}", name=name, obj=self
            )
        state, code, offset = where()
        token = state.tok
        op = (token, subject | WRITE, code, offset, *value_record(token, subject, value))
        contents[name] = value
        emit(op)

    def fdel(self: Any) -> None:
        contents = dict_of(self)
        if contents is None or name not in contents:
            message = name if sys.version_info < (3, 11) else _no_attribute(original, name)
            raise AttributeError(message)
        state, code, offset = where()
        op = (state.tok, subject | WRITE, code, offset)
        del contents[name]
        emit(op)

    if plan.plain_get and accelerator is not None:
        return accelerator.Attribute(
            name, original, subject, subject | WRITE, subject | VALUE, fset, fdel
        )
    make = reader if plan.plain_get else careful_reader
    return property(make(name, subject, original), fset, fdel)


def _no_attribute(original: type, name: str) -> str:
    return f"{original.__name__!r} object has no attribute {name!r}"


def _slot_attribute(name: str, subject: int, original: type, plan: Plan) -> Any:
    """Return the descriptor of a slot; reading one is a call, so the record comes first."""
    member = plan.slots[name]
    get, put, delete = member.__get__, member.__set__, member.__delete__
    getframe = sys._getframe
    until_look = 0

    def fget(self: Any) -> Any:
        nonlocal until_look
        try:
            state = local.s
            frame = getframe(1)
        except (AttributeError, ValueError):
            state, frame = unknown()
        back = frame.f_back
        if back is None or back.f_code is not state.caller or back.f_lasti != state.offset:
            note_stack(state, back)
        until_look -= 1
        if until_look < 0:
            until_look = LOOK_EVERY
            if len(BUFFER) > CHUNK_ITEMS:
                flush()
        buffer = BUFFER
        buffer += (state.tok, subject, frame.f_code, frame.f_lasti)
        return get(self)

    def fset(self: Any, value: Any) -> None:
        state, code, offset = where()
        token = state.tok
        op = (token, subject | WRITE, code, offset, *value_record(token, subject, value))
        buffer = BUFFER
        buffer += op
        put(self, value)

    def fdel(self: Any) -> None:
        record(subject, WRITE)
        delete(self)

    if plan.plain_get and accelerator is not None:
        return accelerator.Attribute(
            name, original, subject, subject | WRITE, subject | VALUE, fset, fdel, member
        )
    return property(fget, fset, fdel)


def writers(original: type, plan: Plan, cell: Any) -> dict[str, Any]:
    """Return ``__setattr__`` and ``__delattr__`` of a generated class.

    Args:
        original: The class that is stood in for.
        plan: What is known about it.
        cell: The :class:`Watched` that knows the attributes.
    """
    getframe = sys._getframe
    written: dict[str, Written] = cell.written
    setter: Any = original.__setattr__
    deleter: Any = original.__delattr__

    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: PLR0912 - the hot path
        kind: Any = type(value)
        shown = None
        try:
            write, annotation, put = written[name]
        except KeyError:
            write = 0
        else:
            if kind is int or value is None or kind is float or kind is bool:
                kind = None
                shown = value
            elif kind is str:
                kind = None
                shown = value if len(value) <= TEXT_LIMIT else value[:TEXT_LIMIT]
            elif put is not None:
                write = 0
            elif self.__dict__.get(name) is value:  # changed in place
                shown = True
            elif type(kind) is type and kind in TRACKED:
                fresh = getrefcount(value) <= ASSIGNED
                value = adopt(value, cell.subjects[name], fresh, cell.label + name)
        if not write:
            fresh = is_container(kind) and getrefcount(value) <= ASSIGNED
            cell.first_write(self, name, value, fresh)
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
        op = (token, write, frame.f_code, frame.f_lasti, token, annotation, kind, shown)
        if put is None:
            self.__dict__[name] = value
            emit(op)
        else:
            buffer = BUFFER
            buffer += op
            put(self, value)

    def own_setattr(self: Any, name: str, value: Any) -> None:
        """Let the program's ``__setattr__`` decide; it ends at the descriptor."""
        if plan.frozen and name not in plan.names:
            raise frozen_error("assign to", name)
        cell.prepare(name, value)
        setter(self, name, value)

    def own_delattr(self: Any, name: str) -> None:
        if plan.frozen and name not in plan.names:
            raise frozen_error("delete", name)
        deleter(self, name)

    if plan.plain_set and plan.plain_get:
        if accelerator is not None:
            return {"__setattr__": accelerator.Setter(__setattr__)}
        return {"__setattr__": __setattr__}
    if plan.plain_set:
        return {"__setattr__": lambda self, name, value: cell.first_write(self, name, value, False)}
    return {"__setattr__": own_setattr, "__delattr__": own_delattr}


class Watched:
    """One watched object: its variables, and the class that was generated for it."""

    __slots__ = (
        "generated", "label", "original", "owner", "plan", "subjects", "variables", "written",
    )  # fmt: skip

    def __init__(self, original: type, plan: Plan, owner: int, label: str) -> None:
        self.original = original
        self.plan = plan
        self.owner = owner
        self.label = f"{label}."
        self.variables: dict[str, int] = {}
        self.subjects: dict[str, int] = {}  # those that live in the instance dict
        self.written: dict[str, Written] = {}
        self.generated: Any = None

    def descriptor(self, name: str, value: Any) -> Any:
        """Make the variable of an attribute, and the descriptor that records it."""
        subject = define_variable(self.owner, name, ops.ROLE_ATTRIBUTE, value)
        self.variables[name] = subject
        member = self.plan.slots.get(name)
        if member is None:
            self.subjects[name] = subject
        if subject:
            put = None if member is None else member.__set__
            self.written[name] = (subject | WRITE, subject | VALUE, put)
        return attribute(name, subject, self.original, self.plan)

    def prepare(self, name: str, value: Any) -> int:
        """Return the subject of an attribute that is assigned, 0 when it is not tracked."""
        try:
            subject = self.variables.get(name, 0)
            if subject or not self.plan.tracks(name) or is_synchronisation(value):
                return subject
            descriptor = self.descriptor(name, UNTOLD)
            _set_generated(self.generated, name, descriptor)
            return self.variables[name]
        except BaseException as error:
            lost("attribute", error)
            return 0

    def first_write(self, obj: Any, name: str, value: Any, fresh: bool) -> None:
        """Assign an attribute that has no short way: new, in a slot, or not tracked."""
        subject = self.prepare(name, value)
        if subject and is_container(type(value)):
            value = adopt(value, subject, fresh, self.label + name)
        _set(obj, name, value)


def watch_attributes(obj: Any, owner: int, label: str, mixin: tuple[Any, Any] | None) -> bool:
    """Give ``obj`` a generated class of its own.

    Args:
        obj: Any object whose ``__class__`` can be assigned.
        owner: Subject of the object.
        label: What notes call it.
        mixin: For a container of the program's own class: the class with the recording methods
            and the table of items.

    Returns:
        False when the layout of the object does not allow it.
    """
    original = type(obj)
    plan = plan_of(original)
    watched = Watched(original, plan, owner, label)
    contents = dict_of(obj) or {}
    namespace = writers(original, plan, watched)
    namespace["__reduce_ex__"] = reduce_as_original
    if hasattr(original, "__del__"):
        namespace["__del__"] = finalizer(original.__del__, lambda _: owner)
    if mixin is not None:
        namespace["_raceway_items"] = mixin[1]
        namespace["_raceway_structure"] = owner
    for name in sorted(plan.names | set(contents)):
        value = _value(obj, name, contents, plan)
        if plan.tracks(name) and not is_synchronisation(value):
            namespace[name] = watched.descriptor(name, UNTOLD if value is ABSENT else value)
    value = None  # what is still held here would count as shared below
    namespace["_raceway_watched"] = watched
    extra = () if mixin is None else (mixin[0],)
    for bases in quiet_bases(original, *extra):
        try:
            watched.generated = generate(original, bases, dict(namespace))
            set_class(obj, watched.generated)
        except TypeError:
            continue
        _adopt_values(contents, watched)
        return True
    return False


def _value(obj: Any, name: str, contents: dict[str, Any], plan: Plan) -> Any:
    """Return what an attribute holds now, without running code of the program."""
    if name in plan.slots:
        try:
            return plan.slots[name].__get__(obj)
        except AttributeError:
            return ABSENT
    return contents.get(name, ABSENT)


def _adopt_values(contents: dict[str, Any], watched: Watched) -> None:
    """Replace the containers that only the object itself holds."""
    for name, subject in watched.subjects.items():
        if name in contents and is_container(type(contents[name])):
            fresh = count_stored(contents, name) <= STORED
            value = contents[name]
            contents[name] = adopt(value, subject, fresh, watched.label + name)


def finalizer(previous: Any, owner_of: Any) -> Any:
    """Return the ``__del__`` that says first that nobody else can reach the object.

    Args:
        previous: The program's own.
        owner_of: Returns the subject of an object, or 0.
    """

    def __del__(self: Any) -> None:
        try:
            owner = owner_of(self)
            if owner and status.active:
                emit((current().tok, owner | FINALIZE, None, None))
        except Exception as error:
            if pass_on is not None:  # the interpreter may be half gone: the program comes first
                pass_on(error)
        previous(self)

    return __del__


def reduce_as_original(self: Any, protocol: Any) -> Any:
    """Pickle and copy as an object of the original class."""
    cls = type(self)
    original = type.__getattribute__(cls, "_raceway_original")
    reduced = original.__reduce_ex__(self, protocol)
    if not isinstance(reduced, tuple) or len(reduced) < 2:
        return reduced
    call, arguments, *rest = reduced
    if isinstance(arguments, tuple):
        arguments = tuple(original if part is cls else part for part in arguments)
    return (original if call is cls else call, arguments, *rest)


if accelerator is not None:
    accelerator.configure_watch(
        absent=absent,
        tracked=TRACKED,
        text_limit=TEXT_LIMIT,
        write=WRITE,
        value=VALUE,
        grow=ops.GROW,
        update=ops.UPDATE,
    )
