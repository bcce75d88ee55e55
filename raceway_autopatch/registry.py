"""Which modules are patched, and when: as soon as they have been executed.

A patch file is a module or package ``patches/<name>`` with these names:

    MODULE     name of the module to patch, or a tuple of names
    SUPPORTS   None, or the versions it was written for: "requests>=2.25"
    PATCHES    a tuple of declarations, or a mapping from module name to such a tuple
    setup()    optional: called once, before the first of its patches is applied
    teardown() optional: called after its patches were undone

To add a library: write that file and add its name to :data:`ORDER`.

Modules that are loaded are patched at once; for the others an own small finder stands first in
``sys.meta_path``.  It lets the other finders find, and only wraps ``exec_module`` of what they
found, so that patching happens when the module is complete and before anybody else sees it; again
when it is imported again or reloaded.  No lock of ours is held, and hooks import nothing: two
threads that import modules crosswise would otherwise meet in the import system's locks.  (The one
exception is ``importlib.metadata``, which imports nothing that has a version gate.)

A module that another thread is still executing is patched when its ``__spec__._initializing`` is
set to false, by giving that spec a class with a setter for the time until then.
"""

from __future__ import annotations

import os
import sys

from raceway_autopatch import patching
from raceway_autopatch.patching import internal_error

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from raceway_autopatch.patching import Applied, Declaration
else:
    ModuleSpec = type(sys.__spec__)

ORDER = (
    "threading",
    "queue",
    "concurrent_futures",
    "asyncio",
    "requests",
    "flask",
    "gevent",
    "raceway_client",
)
"""The patch files; modules that are already loaded are patched in this order."""

PACKAGE = "raceway_autopatch.patches"


class Registry:
    """The patches of one process."""

    def __init__(
        self,
        order: Sequence[str] = ORDER,
        package: str = PACKAGE,
        *,
        selection: str | None = None,
        extra: Iterable[ModuleType] = (),
    ) -> None:
        """Choose the patches; nothing is changed yet.

        Args:
            order: Names of the patch files.
            package: The package that holds them.
            selection: ``RACEWAY_PATCH`` by default: ``-gevent,-requests`` leaves these out,
                ``threading,asyncio`` leaves out all others.
            extra: Modules of the same shape that belong to the mechanism and are always on.
        """
        if selection is None:
            selection = os.environ.get("RACEWAY_PATCH", "")
        self._names = select(order, selection)
        self._package = package
        self._extra = tuple(extra)
        self._hooks: dict[str, list[_Patch]] = {}
        self._finder = _Finder(self._hooks, self._fire)
        self._patches: list[_Patch] = []
        self._active = False

    def install(self) -> None:
        """Patch what is loaded, and hook what is not; calling it again changes nothing."""
        if self._active:
            return
        self._active = True
        for name in self._names:
            try:
                __import__(f"{self._package}.{name}")
                self._add(sys.modules[f"{self._package}.{name}"])
            except Exception as error:
                internal_error(f"patch {name}", error)
        for module in self._extra:
            self._add(module)
        sys.meta_path.insert(0, self._finder)
        patching.reappliers.append(self._catch_up)
        for patch in self._patches:
            for name in patch.modules:
                self._catch_up(name)

    def uninstall(self) -> None:
        """Undo everything, the last patch first, and remove the finder."""
        self._active = False
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        if self._catch_up in patching.reappliers:
            patching.reappliers.remove(self._catch_up)
        self._hooks.clear()
        while self._patches:
            self._patches.pop().undo()

    def _add(self, module: ModuleType) -> None:
        patch = _Patch(module)
        self._patches.append(patch)
        for name in patch.modules:
            self._hooks.setdefault(name, []).append(patch)

    def _catch_up(self, name: str) -> None:
        module = sys.modules.get(name)
        if module is None:
            return
        try:
            # Not getattr(): it would load a lazy module.
            spec = patching._namespace(module).get("__spec__")
        except (AttributeError, TypeError):  # something else that was put into sys.modules
            return
        if type(module).__name__ == "_LazyModule" and spec is not None:
            # importlib.util.LazyLoader: loaded by its first use, through this loader.
            spec.loader = _Loader(spec.loader, name, self._fire)
        elif not getattr(spec, "_initializing", False):
            self._fire(name, module)
        elif type(spec) is ModuleSpec:
            _when_initialised(spec, lambda: self._loaded_elsewhere(name, module))

    def _loaded_elsewhere(self, name: str, module: ModuleType) -> None:
        if sys.modules.get(name) is module:  # else its import has failed
            self._fire(name, module)

    def _fire(self, name: str, module: ModuleType) -> None:
        """Apply every patch of a module that has just been executed; never raises."""
        if not self._active:
            return
        for patch in tuple(self._hooks.get(name, ())):
            try:
                patch.apply(name, module)
            except Exception as error:
                internal_error(f"patch {patch.name}", error)


def select(order: Sequence[str], selection: str) -> tuple[str, ...]:
    """Return the names in ``order`` that ``selection`` (``RACEWAY_PATCH``) leaves on."""
    words = [word.strip() for word in selection.split(",") if word.strip()]
    only = {word for word in words if not word.startswith("-")}
    off = {word[1:].strip() for word in words if word.startswith("-")}
    return tuple(name for name in order if (not only or name in only) and name not in off)


class _Patch:
    """A patch file, and where it has been applied."""

    def __init__(self, module: ModuleType) -> None:
        self.name: str = module.__name__.rpartition(".")[2]
        names: str | tuple[str, ...] = module.MODULE
        self.modules: tuple[str, ...] = (names,) if isinstance(names, str) else tuple(names)
        self.supports: str | None = module.SUPPORTS
        self._module = module
        self._applied: list[Applied] = []
        self._ready = False

    def apply(self, name: str, module: ModuleType) -> None:
        if self.supports is not None and not self._supported(self.supports, module):
            return
        if not self._ready:
            self._ready = True
            getattr(self._module, "setup", _nothing)()
        declared: tuple[Declaration, ...] | Mapping[str, tuple[Declaration, ...]]
        declared = self._module.PATCHES
        if not isinstance(declared, tuple):
            declared = declared.get(name, ())
        self._applied.append(patching.apply(module, declared, self._applied))

    def undo(self) -> None:
        while self._applied:
            self._applied.pop().undo()
        if self._ready:
            self._ready = False
            try:
                getattr(self._module, "teardown", _nothing)()
            except Exception as error:
                internal_error(f"patch {self.name}", error)

    def _supported(self, requirement: str, module: ModuleType) -> bool:
        name, constraints = parse_requirement(requirement)
        version = _version(name, module)
        if version is None or satisfies(version, constraints):
            return True  # a version that nobody knows: the declarations decide
        recorder = sys.modules.get("raceway.record.recorder")
        if recorder is not None:
            recorder.note(f"{name} {version} was not patched: Raceway supports {requirement}")
        return False


def _nothing() -> None:
    """Stand for a setup() or teardown() that a patch file does not have."""


# ---------------------------------------------------------------- versions


def parse_requirement(requirement: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Split ``requests>=2.25,<4`` into the name and its constraints.

    Example:
        >>> parse_requirement("requests>=2.25,<4")
        ('requests', (('>=', '2.25'), ('<', '4')))
    """
    start = min((requirement.find(sign) for sign in "<>=!" if sign in requirement), default=-1)
    if start < 0:
        return requirement.strip(), ()
    constraints = []
    for part in requirement[start:].split(","):
        text = part.strip()
        width = 2 if text[1:2] == "=" else 1
        constraints.append((text[:width], text[width:].strip()))
    return requirement[:start].strip(), tuple(constraints)


def satisfies(version: str, constraints: Iterable[tuple[str, str]]) -> bool:
    """Return whether the release number fulfils every constraint; suffixes do not count.

    Example:
        >>> satisfies("2.25.1", ((">=", "2.25"), ("<", "4")))
        True
    """
    return all(_COMPARE[sign](_release(version), _release(bound)) for sign, bound in constraints)


_COMPARE: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _release(version: str) -> tuple[int, ...]:
    """Return ``2.25.0rc1`` as (2, 25): trailing zeros say nothing."""
    numbers: list[int] = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _version(name: str, module: ModuleType) -> str | None:
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    known = patching._namespace(top).get("__version__")
    if isinstance(known, str):
        return known  # the usual case, and no import
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


# ---------------------------------------------------------------- the import system


class _Finder:
    """Lets the other finders find, and wraps the loader of what is to be patched."""

    def __init__(
        self, hooks: Mapping[str, object], fire: Callable[[str, ModuleType], None]
    ) -> None:
        self._hooks = hooks
        self._fire = fire

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._hooks:
            return None
        for finder in tuple(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, fullname, self._fire)  # type: ignore[assignment]  # delegates
                return spec
        return None


class _Loader:
    """A loader that tells when the module has been executed, and is gone by then.

    A proxy and not a changed loader: some loaders (builtins, pytest's) are shared by many modules.
    """

    def __init__(self, loader: Any, name: str, fire: Callable[[str, ModuleType], None]) -> None:
        self._loader = loader
        self._name = name
        self._fire = fire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    @property  # type: ignore[misc]  # isinstance() has to see the loader that this stands for
    def __class__(self) -> type:
        return self._loader.__class__  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        namespace = object.__getattribute__(module, "__dict__")
        spec = namespace.get("__spec__")
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self._loader
        self._loader.exec_module(module)
        # A module may put something else in its place, and that is what everybody will get.
        self._fire(self._name, sys.modules.get(self._name, module))


class _WatchedSpec(ModuleSpec):
    """A spec that tells when its module is no longer being initialised."""

    @property
    def _initializing(self) -> Any:
        return self.__dict__["_initializing"]

    @_initializing.setter
    def _initializing(self, value: Any) -> None:
        self.__dict__["_initializing"] = value
        if not value:
            _release_spec(self)


def _when_initialised(spec: Any, callback: Callable[[], None]) -> None:
    spec._raceway = callback
    spec.__class__ = _WatchedSpec
    if not spec._initializing:  # it was set before the setter was there
        _release_spec(spec)


def _release_spec(spec: Any) -> None:
    # pop() is atomic: of two threads that come here one gets the callback.
    callback = spec.__dict__.pop("_raceway", None)
    if callback is not None:
        spec.__class__ = ModuleSpec
        callback()
