"""What reports call the things that a program runs, without asking those things.

A callable may be any object of the program: a proxy, a mock that has every attribute, something
whose ``__getattr__`` opens a connection.  So no attribute is looked up on it.  Only types that are
known are asked: methods and ``functools.partial`` for what they stand for, and for a name those
whose type keeps it in C, as all kinds of functions and coroutines and every class do.
"""

from __future__ import annotations

from _functools import partial  # type: ignore[import-not-found]  # has no stub

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_MOST_LAYERS = 16
"""A partial that was unpickled may stand for itself."""


class _Slots:
    __slots__ = ("name",)

    def method(self) -> None:
        """Have the type of methods."""


FUNCTION = type(lambda: None)
METHOD: Any = type(_Slots().method)
BUILTIN = type(len)
_IN_C = (type(type.__dict__["__name__"]), type(_Slots.__dict__["name"]))
"""The kinds of descriptors that run no Python code."""

# Looked up in ``type``: a metaclass of the program may have put something else in their place.
_type_name: Any = type.__dict__["__name__"]
_type_mro: Any = type.__dict__["__mro__"]
_type_dict: Any = type.__dict__["__dict__"]
_partial_function: Any = partial.__dict__["func"]
_partial_arguments: Any = partial.__dict__["args"]


def type_name(kind: type) -> str:
    """Return the name of a class."""
    name: str = _type_name.__get__(kind)
    return name


def name_of(thing: Any, attribute: str = "__name__") -> str:
    """Return what the source calls a function, class or coroutine; else the name of its type.

    Args:
        thing: Anything.
        attribute: ``__name__``, or ``__qualname__`` for the name with that of the class.
    """
    thing = _innermost(thing)
    kind = type(thing)
    found = _in_class(kind, attribute)
    name = _read(found, thing, kind) if type(found) in _IN_C else None
    return name if type(name) is str else type_name(kind)


def module_of(thing: Any) -> str | None:
    """Return the module of a function; None for what keeps it elsewhere than in C."""
    kind = type(thing)
    found = _in_class(kind, "__module__")
    name = _read(found, thing, kind) if type(found) in _IN_C else None
    return name if type(name) is str else None


def code_of(thing: Any) -> CodeType | None:
    """Return the code that runs when ``thing`` is called, if that is Python's."""
    function = _innermost(thing)
    if type(function) is not FUNCTION:
        function = _in_class(type(function), "__call__")
    code: CodeType | None = function.__code__ if type(function) is FUNCTION else None
    return code


def _innermost(thing: Any) -> Any:
    for _ in range(_MOST_LAYERS):
        thing = unwrapped(thing)
        if type(thing) is not METHOD:
            break
        thing = thing.__func__
    return thing


def _in_class(kind: type, attribute: str) -> Any:
    """Return what a class has or inherits, without binding it."""
    for base in _type_mro.__get__(kind):
        namespace = _type_dict.__get__(base)
        if attribute in namespace:
            return namespace[attribute]
    return None


def unwrapped(thing: Any) -> Any:
    """Return what a ``functools.partial`` calls at last.

    For ``partial(context.run, function)``, by which asyncio starts threads, it is the function.
    """
    for _ in range(_MOST_LAYERS):
        if partial not in _type_mro.__get__(type(thing)):
            break
        inner, arguments = _partial_function.__get__(thing), _partial_arguments.__get__(thing)
        thing = arguments[0] if arguments and _is_context_run(inner) else inner
    return thing


def _is_context_run(thing: Any) -> bool:
    return type(thing) is BUILTIN and bool(thing.__qualname__ == "Context.run")


def owner_of(thing: Any) -> Any:
    """Return the object of a bound method, and None for everything else."""
    kind = type(thing)
    return thing.__self__ if kind is METHOD or kind is BUILTIN else None


def _read(descriptor: Any, thing: Any, kind: type) -> Any:
    try:
        return descriptor.__get__(thing, kind)
    except AttributeError:  # a slot that is empty
        return None
