"""What there is to track in a class: names of attributes, and what has to be left alone."""

from __future__ import annotations

import sys

from raceway.watch.variables import keep, note_once

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any


class _Slotted:
    __slots__ = ("x",)


_Member: Any = type(_Slotted.__dict__["x"])
_Wrapper: Any = type(object.__setattr__)
_HEAP_TYPE = 1 << 9
_SYNC_MODULES = frozenset(
    {
        "threading", "_thread", "queue", "_queue", "asyncio", "_asyncio", "concurrent",
        "multiprocessing", "gevent", "raceway_autopatch",
    }
)  # fmt: skip


def is_synchronisation(value: Any) -> bool:
    """Return whether ``value`` orders threads or tasks rather than being shared by them."""
    kind = type(value)
    for base in kind.__mro__[:-1]:
        if str(base.__module__).partition(".")[0] in _SYNC_MODULES:
            return True
    return hasattr(kind, "acquire") and hasattr(kind, "release")


class Plan:
    """What is known about a class of the program; made once for each class.

    Attributes:
        names: Attributes that its methods assign or its annotations declare.
        slots: Attributes that live in slots, with the descriptor that reads them.
        untouched: Attributes that are not tracked: they belong to a library's base class, or
            are computed by a descriptor of the program.
        plain_set: Assignment is CPython's own; else a ``__setattr__`` of the program comes first.
        plain_get: The same for reading.
        has_dict: Its objects have a ``__dict__``.
        frozen: It is a frozen dataclass.
    """

    __slots__ = ("frozen", "has_dict", "names", "plain_get", "plain_set", "slots", "untouched")

    def __init__(self, cls: type) -> None:
        self.has_dict = cls.__dictoffset__ != 0
        self.names: set[str] = set()
        self.slots: dict[str, Any] = {}
        self.untouched: set[str] = set()
        for base in reversed(cls.__mro__[:-1]):
            if _is_library(base):
                self.untouched |= stored_names(base)
                continue
            self.names |= stored_names(base)
            self.names |= _annotated(base)
            for name, value in list(base.__dict__.items()):
                if type(value) is _Member and base.__flags__ & _HEAP_TYPE:
                    self.slots[name] = value
                elif is_data_descriptor(value) and not is_ours(value):
                    self.untouched.add(name)
        self.names |= set(self.slots)
        self.plain_set = type(cls.__setattr__) is _Wrapper and type(cls.__delattr__) is _Wrapper
        self.plain_get = type(cls.__getattribute__) is _Wrapper
        parameters = cls.__dict__.get("__dataclass_params__")
        self.frozen = bool(getattr(parameters, "frozen", False))

    def tracks(self, name: str) -> bool:
        """Return whether an attribute of this name is tracked at all."""
        if name.startswith("__") or name in self.untouched:
            return False
        return self.has_dict or name in self.slots


def is_data_descriptor(value: Any) -> bool:
    """Return whether ``value``, found in a class, decides about reads before the instance does."""
    kind = type(value)
    return hasattr(kind, "__set__") or hasattr(kind, "__delete__")


def is_ours(value: Any) -> bool:
    """Return whether a descriptor was put there by us."""
    return hasattr(type(value), "_raceway_name")


def _is_library(cls: type) -> bool:
    """Return whether a class comes with Python: its attributes are its own business."""
    top = str(cls.__module__).partition(".")[0]
    return top != "__main__" and top in sys.stdlib_module_names


_plans: dict[int, tuple[Any, Plan]] = {}


def plan_of(cls: type) -> Plan:
    """Return the plan for a class, made when it is first asked for."""
    known = _plans.get(id(cls))
    if known is not None and known[0] is cls:
        return known[1]
    plan = Plan(cls)
    keep(_plans, id(cls), (cls, plan))
    return plan


def forget_plan(cls: type) -> None:
    """Look again next time: the class has changed."""
    _plans.pop(id(cls), None)


def _annotated(cls: type) -> set[str]:
    """Return the names that the class body annotates, class variables excepted."""
    annotations = vars(cls).get("__annotations__")
    if not isinstance(annotations, dict):
        return set()
    names = set()
    for name, annotation in annotations.items():
        text = annotation if isinstance(annotation, str) else repr(annotation)
        if not text.removeprefix("typing.").startswith("ClassVar"):
            names.add(name)
    return names


def stored_names(cls: type) -> set[str]:
    """Return the attribute names that the methods of a class assign.

    So that a name is known before it is first assigned: ``if not hasattr(self, "_cache")`` is a
    read of something that is not there yet.  The names assigned on other objects than ``self``
    are among them; that makes a descriptor nobody uses.
    """
    from opcode import opmap

    store, extend = opmap["STORE_ATTR"], opmap["EXTENDED_ARG"]
    names: set[str] = set()
    for value in list(cls.__dict__.values()):
        function = getattr(value, "__func__", value)
        if isinstance(value, property):
            function = value.fset
        code = getattr(function, "__code__", None)
        if code is None or not hasattr(code, "co_code"):
            continue
        raw = code.co_code
        high = 0
        for position in range(0, len(raw), 2):
            if raw[position] == extend:
                high = (high | raw[position + 1]) << 8
                continue
            if raw[position] == store:
                names.add(code.co_names[high | raw[position + 1]])
            high = 0
    return names


ABSENT: Any = object()


def absent(self: Any, name: str, original: type) -> Any:
    """Return what CPython returns for an attribute that the instance does not have.

    Raises:
        AttributeError: As CPython would; ``__getattr__`` of the program is asked after that.
    """
    for base in original.__mro__:
        if name in base.__dict__:
            value = base.__dict__[name]
            if is_ours(value):
                value = value._raceway_default[0]
                if value is ABSENT:
                    continue
            getter = getattr(type(value), "__get__", None)
            return value if getter is None else getter(value, self, original)
    message = f"{original.__name__!r} object has no attribute {name!r}"
    raise AttributeError(message, name=name, obj=self)


def frozen_error(verb: str, name: str) -> Exception:
    """Return what a frozen dataclass raises; its own test asks for ``type(self)``."""
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(f"cannot {verb} field {name!r}")


def cannot_swap(cls: type) -> None:
    """Tell the user that accesses are seen through the returned object only."""
    note_once(
        f"objects of type {cls.__qualname__} are watched through a proxy: accesses inside their "
        "own methods are not seen"
    )
