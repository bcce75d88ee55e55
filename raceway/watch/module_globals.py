"""The globals of a module as variables of a report: ``shop.state.counter``.

Two objects have the dict of the module as theirs, and classes with the same tracking descriptors:
the one that rewritten code of the module goes through (:mod:`raceway.watch.rewriting`), and the
module itself, for ``state.counter += 1`` in other modules and ``from state import counter``.
"""

from __future__ import annotations

import builtins
from importlib import import_module
from types import ModuleType
from typing import Any

from raceway.model import ops
from raceway.watch.attributes import Watched, attribute, writers
from raceway.watch.plans import Plan
from raceway.watch.twins import generate, is_generated, set_class
from raceway.watch.variables import define_variable

_HOLDER = "_raceway_holder"


class _Chosen(Plan):
    """A plan that tracks the names which were chosen, and nothing else."""

    __slots__ = ()

    def __init__(self, cls: type, names: frozenset[str]) -> None:
        super().__init__(cls)
        self.names = set(names)
        self.has_dict = True

    def tracks(self, name: str) -> bool:
        """Return whether it is one of them."""
        return name in self.names


class _Names:
    """What rewritten code goes through: missing names are missing as names are."""

    def __getattr__(self, name: str) -> Any:
        """Return the builtin that a global of the module would hide."""
        try:
            return getattr(builtins, name)
        except AttributeError:
            pass
        message = f"name {name!r} is not defined"
        raise NameError(message, name=name)

    def __reduce__(self) -> Any:
        """Be the module where pickled code is run."""
        return import_module, (self.__dict__["__name__"],)


def watch_globals(module: ModuleType, label: str, names: frozenset[str]) -> object:
    """Track globals of a module.

    Args:
        module: The module, before it is executed.
        label: What reports call it.
        names: Those to track.

    Returns:
        The object that rewritten code goes through.
    """
    if is_generated(type(module)):  # it is loaded again
        known = type.__getattribute__(type(module), "__dict__").get(_HOLDER)
        if known is not None and names <= type(known)._raceway_names:
            return known
    owner = define_variable(0, label, ops.ROLE_OBJECT)
    subjects = {name: define_variable(owner, name, ops.ROLE_ATTRIBUTE) for name in sorted(names)}
    namespace = _tracking(_Names, subjects, owner, label)
    namespace["_raceway_names"] = names
    holder: Any = type("_Names", (_Names,), namespace)()
    holder.__dict__ = module.__dict__
    if type(module) is ModuleType:
        namespace = {**_tracking(ModuleType, subjects, owner, label), _HOLDER: holder}
        set_class(module, generate(ModuleType, (ModuleType,), namespace))
    return holder


def _tracking(cls: Any, subjects: dict[str, int], owner: int, label: str) -> dict[str, Any]:
    """Return the contents of a class that tracks these names."""
    plan = _Chosen(cls, frozenset(subjects))
    watched = Watched(cls, plan, owner, label)
    watched.variables.update(subjects)
    watched.subjects.update(subjects)
    namespace = writers(cls, plan, watched)
    for name, subject in subjects.items():
        namespace[name] = attribute(name, subject, cls, plan)
    return namespace
