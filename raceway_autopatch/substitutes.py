"""Subclasses that stand for classes which cannot be changed: C types and extension types.

The name of the class in its module is given to a subclass with a few methods of ours; it carries
the same name, module and documentation.  Modules copy names from each other (``asyncio.Task`` is
that of ``asyncio.tasks``), and a copy that was made after the substitution is restored by nobody:
hence :meth:`Substitutes.restore`.
"""

from __future__ import annotations

import sys
from abc import ABCMeta

from raceway_autopatch import patching
from raceway_autopatch.patching import PatchError, replace

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from typing import Any

    from raceway_autopatch.patching import Declaration


_METHOD = type(ABCMeta.register.__get__(0))


class Substitutes:
    """What stands for what, in one package."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._by_original: dict[int, Any] = {}
        self._originals: dict[int, tuple[object, Any]] = {}
        """By address, with the substitute itself: it is not asked for its hash, and stays."""

    def get(self, original: Any) -> Any:
        """Return what stands for ``original``, or None.

        Raises:
            PatchError: It stands for something itself.
        """
        if id(original) in self._originals:
            message = "it is a substitute already"
            raise PatchError(message)
        return self._by_original.get(id(original))

    def add(self, original: Any, substitute: Any) -> None:
        """Remember that ``substitute`` stands for ``original``."""
        self._by_original[id(original)] = substitute
        self._originals[id(substitute)] = (substitute, original)

    def subclass(self, original: Any, methods: dict[str, Any], slots: tuple[str, ...] = ()) -> Any:
        """Return the subclass of ``original`` with ``methods``, making it the first time.

        ``isinstance`` and ``issubclass`` with it say what they say with ``original``: objects of
        that class exist, from before the substitution or made in C.

        Args:
            original: A class.
            methods: What it has instead of its own; they take over name and documentation.
            slots: Attributes of ours that its instances have.

        Raises:
            PatchError: It is a substitute itself.
        """
        known = self.get(original)
        if known is not None:
            return known
        for name, method in methods.items():
            function = method.__func__ if isinstance(method, classmethod) else method
            patching._copy_metadata(getattr(original, name), function)
        namespace: dict[str, Any] = {
            **methods,
            "__slots__": slots,
            "__module__": original.__module__,
            "__qualname__": original.__qualname__,
            "__doc__": original.__doc__,
        }
        meta: Any = type(original)
        if meta is type:

            def __subclasshook__(cls: type, other: type) -> Any:  # noqa: N807 - it is one
                return issubclass(other, original) if cls is made else NotImplemented

            namespace["__subclasshook__"] = classmethod(__subclasshook__)
            meta = ABCMeta  # not one of ours: classes of the program inherit from ABCs as well
        made: Any = meta(original.__name__, (original,), namespace)
        self.add(original, made)
        return made

    def restore(self) -> None:
        """Give what holds a substitute its original back: names in modules and their classes.

        Classes that inherited from a substitute keep it as their base.
        """
        for name, module in list(sys.modules.items()):
            if name == self._package or name.startswith(self._package + "."):
                names = dict(getattr(module, "__dict__", {}))
                back = self._held(names, "")
                for key, value in names.items():
                    if isinstance(value, type) and value.__module__ == name:
                        back += self._held(dict(value.__dict__), f"{key}.")
                patching.apply(module, [_put_back(path, original) for path, original in back])

    def _held(self, namespace: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
        held = []
        for key, value in namespace.items():
            if id(value) in self._originals:
                held.append((prefix + key, self._originals[id(value)][1]))
            elif type(value) is _METHOD and id(value.__self__) in self._originals:
                # A class method that was copied: gevent.spawn is Greenlet.spawn.
                original = self._originals[id(value.__self__)][1]
                held.append((prefix + key, getattr(original, value.__name__)))
        return held


def _put_back(path: str, original: Any) -> Declaration:
    return replace(path, lambda _: original)
