"""Generated classes that pass for the class they stand in for.

A watched object is an instance of a generated subclass.  Programs look at classes: they compare
``type(a) == type(b)``, call ``type(self)(...)``, look a handler up by type, count in a class
attribute.  So the generated class has a metaclass that answers everything in the name of the
original; only ``type(obj) is Original`` still tells them apart.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

_get = type.__getattribute__
_hash = type.__hash__
set_class = object.__dict__["__class__"].__set__
"""Change the class of an object even where ``__class__`` is a property."""


def original_of(cls: Any) -> Any:
    """Return the class that a generated class stands in for, and any other class itself."""
    return _get(cls, "_raceway_original") if issubclass(type(cls), Twin) else cls


def is_generated(cls: type) -> bool:
    """Return whether ``cls`` was generated here."""
    return issubclass(type(cls), Twin)


class Twin(type):
    """Metaclass of generated classes."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an instance of the original: what a program makes by itself is not watched."""
        return _get(cls, "_raceway_original")(*args, **kwargs)

    def __getattribute__(cls, name: str) -> Any:
        """Look up what the original has; the generated class shadows some of it."""
        return getattr(_get(cls, "_raceway_original"), name)

    def __setattr__(cls, name: str, value: object) -> None:
        """Set class attributes where all instances see them."""
        setattr(_get(cls, "_raceway_original"), name, value)

    def __delattr__(cls, name: str) -> None:
        """Delete class attributes where they are."""
        delattr(_get(cls, "_raceway_original"), name)

    def __eq__(cls, other: object) -> bool:
        """Be equal to the original and to everything else that stands in for it."""
        if isinstance(other, type):
            return bool(_get(cls, "_raceway_original") is original_of(other))
        return NotImplemented

    def __hash__(cls) -> int:
        """Be found where the original is found, except by ``copy``.

        ``copy.copy`` calls the C method that it finds for a builtin class, past everything that
        records; it has to go on to ``__copy__``.
        """
        if sys._getframe(1).f_globals.get("__name__") == "copy":
            return _hash(cls)
        return hash(_get(cls, "_raceway_original"))

    def __repr__(cls) -> str:
        """Look like the original."""
        return repr(_get(cls, "_raceway_original"))

    def __dir__(cls) -> list[str]:
        """List what the original has."""
        return dir(_get(cls, "_raceway_original"))

    def __instancecheck__(cls, instance: object) -> bool:
        """Let ``isinstance(other, type(self))`` accept objects that are not watched."""
        return isinstance(instance, _get(cls, "_raceway_original"))

    def __subclasscheck__(cls, subclass: type) -> bool:
        """Be a base class of what the original is one of."""
        return issubclass(subclass, _get(cls, "_raceway_original"))


_metaclasses: dict[type, Any] = {type: Twin}


def metaclass_of(original: type) -> Any:
    """Return the twin of the metaclass of ``original``."""
    meta = type(original)
    try:
        return _metaclasses[meta]
    except KeyError:
        twin = type.__new__(type(meta), meta.__name__, (Twin, meta), {})
        return _metaclasses.setdefault(meta, twin)


def generate(original: type, bases: tuple[type, ...], namespace: dict[str, Any]) -> Any:
    """Make a class that stands in for ``original``.

    The class is made by ``type.__new__`` itself: a metaclass of the program that counts or
    registers its classes must not see this one.

    Args:
        original: What instances say their class is.
        bases: Base classes; ``original`` or a builtin class among them.
        namespace: What the class defines.
    """
    namespace["_raceway_original"] = original
    namespace["__class__"] = property(_class_of, _reclass)
    namespace.setdefault("__slots__", ())
    namespace["__module__"] = original.__module__
    namespace["__qualname__"] = original.__qualname__
    namespace["__doc__"] = original.__doc__
    return type.__new__(metaclass_of(original), original.__name__, bases, namespace)


def _class_of(self: object) -> Any:
    return _get(type(self), "_raceway_original")


def _reclass(self: object, cls: type) -> None:
    """Give up watching an object whose program gives it another class."""
    set_class(self, cls)


class _Quiet:
    """Stands between a generated class and an ``__init_subclass__`` that must not see it."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Tell nobody."""


class _QuietSlots:
    """The same for classes without ``__dict__``, whose layout the other one would change."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Tell nobody."""


_HARMLESS = frozenset({"builtins", "typing", "typing_extensions"})


def quiet_bases(original: type, *more: type) -> list[tuple[type, ...]]:
    """Return the tuples of base classes to try for a subclass that ``original`` does not notice."""
    for base in original.__mro__:
        # The hooks of typing find the original through the metaclass and change nothing.
        if "__init_subclass__" in base.__dict__ and base.__module__ not in _HARMLESS:
            return [(_Quiet, original, *more), (_QuietSlots, original, *more)]
    return [(original, *more)]
