"""Which modules are patched, and when: as soon as they have been executed.

A patch file is a module or package ``patches/<name>`` with these names:

    SUPPORTS   None, or the versions it was written for: "requests>=2.25"
    PATCHES    a tuple of declarations, or a mapping from module name to such a tuple
    setup()    optional: called once, before the first of its patches is applied
    teardown() optional: called after its patches were undone

To add a library: write that file and add its name and modules to :data:`PATCHED`.  Other
distributions have theirs (:mod:`raceway_autopatch.plugins`), which are looked for when something is
recorded, or the first module is imported that is not of the standard library.

Modules that are loaded are patched at once; for the others an own small finder stands first in
``sys.meta_path``.  It lets the other finders find, and only wraps ``exec_module`` of what they
found, so that patching happens when the module is complete and before anybody else sees it; again
when it is imported again or reloaded.

A patch file is imported when the first of its modules is there: a process that imports nothing of
what is patched pays for this module alone.  What a patch file imports is of ours, or built in, or
imported by what it patches: two threads that import modules crosswise must not meet in the import
system's locks.  (The one exception is ``importlib.metadata``, which imports nothing that has a
version gate.)

A module that another thread is still executing is patched when its ``__spec__._initializing`` is
set to false, by giving that spec a class with a setter for the time until then.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from raceway_autopatch.patching import Applied
else:
    ModuleSpec = type(sys.__spec__)

PATCHED: Mapping[str, tuple[str, ...]] = {
    "threading": ("threading",),
    # What it patches is there before everything else: it waits until something is recorded.
    "raw_threads": ("raceway.record.recorder",),
    "pipes": ("raceway.record.recorder",),
    "queue": ("queue",),
    "concurrent_futures": (
        "concurrent.futures._base", "concurrent.futures.thread", "concurrent.futures",
    ),
    "socketserver": ("socketserver",),
    "sched": ("sched",),
    "heapq": ("heapq",),
    "multiprocessing": (
        "multiprocessing.process", "multiprocessing.synchronize", "multiprocessing.connection",
        "multiprocessing.queues", "multiprocessing.sharedctypes", "multiprocessing.shared_memory",
        "multiprocessing.pool", "concurrent.futures.process",
    ),
    "asyncio": (
        "asyncio.futures", "asyncio.tasks", "asyncio.taskgroups", "asyncio.events",
        "asyncio.base_events", "asyncio.unix_events", "asyncio.locks", "asyncio.queues", "asyncio",
        "uvloop", "anyio._backends._asyncio", "anyio.streams.memory",
    ),
    "anyio": ("anyio._backends._asyncio",),
    "trio": (
        "trio._core._run", "trio._core._entry_queue", "trio._core._thread_cache", "trio._sync",
        "trio._channel", "trio._threads", "trio.to_thread", "anyio._backends._trio",
    ),
    "socket": ("socket", "ssl", "gevent._socket3", "gevent.ssl"),
    "http_client": ("http.client",),
    "urllib3": ("urllib3.connectionpool",),
    "requests": ("requests.sessions",),
    "httpx": ("httpx._client",),
    "aiohttp": ("aiohttp.client_reqrep", "aiohttp.web_request", "aiohttp.web_protocol"),
    "flask": ("flask.app",),
    "starlette": ("starlette.applications",),
    "django": (
        "django.core.handlers.wsgi",
        "django.core.handlers.asgi",
        "django.core.handlers.exception",
    ),
    "sqlite3": ("sqlite3.dbapi2", "sqlite3"),
    "psycopg": ("psycopg.cursor", "psycopg.cursor_async"),
    "sqlalchemy": ("sqlalchemy.engine",),
    "celery": ("celery.signals", "celery.result", "celery.backends.base"),
    "greenlet": ("greenlet",),
    "gevent": (
        "gevent.events", "gevent.hub", "gevent.greenlet", "gevent.event", "gevent.lock",
        "gevent.queue", "gevent.pool", "gevent.threadpool", "gevent.baseserver", "gevent",
    ),
    "raceway_client": ("raceway.client",),
}  # fmt: skip
"""Patch files and their modules."""

ORDER = tuple(PATCHED)
"""Modules that are already loaded are patched in this order."""

PACKAGE = "raceway_autopatch.patches"


class Registry:
    """The patches of one process."""

    def __init__(
        self,
        order: Sequence[str] = ORDER,
        package: str = PACKAGE,
        *,
        patched: Mapping[str, tuple[str, ...]] = PATCHED,
        selection: str | None = None,
        extra: Mapping[str, tuple[str, ...]] | None = None,
        before: Callable[[], object] | None = None,
        triggers: tuple[str, ...] = (),
        plugins: bool = False,
    ) -> None:
        """Choose the patches; nothing is changed yet.

        Args:
            order: Names of the patch files.
            package: The package that holds them.
            patched: The modules of each patch file.
            selection: ``RACEWAY_PATCH`` by default: ``-gevent,-requests`` leaves these out,
                ``threading,asyncio`` leaves out all others.
            extra: Full names of modules of the same shape that belong to the mechanism and are
                always on.
            before: Called when one of all these modules is there, before it is patched.
            triggers: Modules that call ``before`` without being patched.
            plugins: Whether other distributions may bring patch files.
        """
        if selection is None:
            selection = os.environ.get("RACEWAY_PATCH", "")
        self._hooks: dict[str, list[_Patch]] = {}
        self._finder = _Finder(self._hooks, self._fire, self._look_for_plugins)
        self._selection = selection
        names = select(order, selection)
        self._patches = [_Patch(f"{package}.{name}", patched[name]) for name in names]
        self._patches += [_Patch(name, modules) for name, modules in (extra or {}).items()]
        self._before = before
        self._triggers = triggers
        self._active = False
        self._finder.looked = not plugins

    def install(self) -> None:
        """Patch what is loaded, and hook what is not; calling it again changes nothing."""
        if self._active:
            return
        self._active = True
        for patch in self._patches:
            for name in patch.modules:
                self._hooks.setdefault(name, []).append(patch)
        for name in self._triggers:
            self._hooks.setdefault(name, [])
        sys.meta_path.insert(0, self._finder)
        for name in tuple(self._hooks):
            if name in sys.modules:
                self._catch_up(name)

    def uninstall(self) -> None:
        """Undo everything, the last patch first, and remove the finder."""
        self._active = False
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        patching = sys.modules.get("raceway_autopatch.patching")
        if patching is not None and self._catch_up in patching.reappliers:
            patching.reappliers.remove(self._catch_up)
        self._hooks.clear()
        for patch in reversed(self._patches):
            patch.undo()

    def _look_for_plugins(self) -> None:
        """Add the patch files of other distributions, once; never raises."""
        if self._finder.looked or not self._active:
            return
        self._finder.looked = True
        try:
            from raceway_autopatch import plugins

            found = plugins.find(sys.path)
            for path in select(tuple(found), self._selection):
                patch = _Patch(path, found[path], foreign=True)
                self._patches.append(patch)
                for name in patch.modules:
                    self._hooks.setdefault(name, []).append(patch)
            for patch in self._patches:
                for name in patch.modules if patch.foreign else ():
                    if name in sys.modules:
                        self._catch_up(name)
        except BaseException as error:
            if not is_ours(error):
                raise
            internal_error("plug-ins", error)

    def _catch_up(self, name: str) -> None:
        module = sys.modules.get(name)
        if module is None:
            return
        try:
            # Not getattr(): it would load a lazy module.
            spec = object.__getattribute__(module, "__dict__").get("__spec__")
        except (AttributeError, TypeError):  # something else that was put into sys.modules
            return
        if type(module).__name__ == "_LazyModule" and spec is not None:
            # importlib.util.LazyLoader: loaded by its first use, through this loader.
            spec.loader = wrap_loader(spec.loader, name, self._fire)
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
        self._look_for_plugins()
        try:
            if self._before is not None:
                self._before()
        except BaseException as error:
            if not is_ours(error):
                raise
            internal_error("start", error)
        for patch in tuple(self._hooks.get(name, ())):
            try:
                patch.apply(name, module)
                self._let_others_ask()
            except BaseException as error:
                if not is_ours(error):
                    raise
                internal_error(f"patch {patch.name}", error)
        self._finder.hide()

    def _let_others_ask(self) -> None:
        from raceway_autopatch.patching import reappliers

        if self._catch_up not in reappliers:
            reappliers.append(self._catch_up)


def select(order: Sequence[str], selection: str) -> tuple[str, ...]:
    """Return the names in ``order`` that ``selection`` (``RACEWAY_PATCH``) leaves on."""
    words = [word.strip() for word in selection.split(",") if word.strip()]
    only = {word for word in words if not word.startswith("-")}
    off = {word[1:].strip() for word in words if word.startswith("-")}
    return tuple(name for name in order if (not only or name in only) and name not in off)


def unknown(order: Sequence[str], selection: str) -> tuple[str, ...]:
    """Return the names in ``selection`` (``RACEWAY_PATCH``) that there are no patches for."""
    names = [word.strip().removeprefix("-").strip() for word in selection.split(",")]
    others = [name for name in names if name and name not in order]
    if others:
        from raceway_autopatch import plugins

        brought = plugins.find(sys.path)
        others = [name for name in others if name not in brought]
    return tuple(others)


def is_ours(error: BaseException) -> bool:
    """Tell whether code of ours raised; a signal handler of the program may have, in the middle."""
    if isinstance(error, KeyboardInterrupt):
        return False
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    name = traceback.tb_frame.f_globals.get("__name__", "") if traceback is not None else ""
    return isinstance(error, Exception) or str(name).startswith("raceway")


def leave_word(run_dir: str, where: str, error: BaseException) -> None:
    """As :func:`raceway_autopatch.rundir.leave_word`, which few processes need."""
    try:
        from raceway_autopatch import rundir
    except Exception:  # the run cannot be told
        return
    rundir.leave_word(run_dir, where, error)


def internal_error(where: str, error: BaseException) -> None:
    """Take note of an error of ours, in the log or, where there is none, beside it."""
    recorder = sys.modules.get("raceway.record.recorder")
    if recorder is not None and recorder.is_active():
        recorder.internal_error(where, error)
    else:
        leave_word(os.environ.get("RACEWAY_RUN_DIR", ""), where, error)


class _Patch:
    """A patch file, and where it has been applied.

    Args:
        path: Its full name.
        modules: The modules that it patches.
        foreign: Another distribution has brought it.
    """

    def __init__(self, path: str, modules: tuple[str, ...], *, foreign: bool = False) -> None:
        self.path = path
        self.name = path if foreign else path.rpartition(".")[2]
        self.modules = modules
        self.foreign = foreign
        self._applied: list[Applied] = []
        self._ready = False

    def apply(self, name: str, module: ModuleType) -> None:
        from raceway_autopatch import patching

        try:
            self._apply(patching, name, module)
        except SystemExit as error:  # it would end the program
            raise patching.PatchError(f"it has called sys.exit({error.code!r})") from error

    def _apply(self, patching: Any, name: str, module: ModuleType) -> None:
        file = sys.modules.get(self.path)
        if file is None:
            __import__(self.path)
            file = sys.modules[self.path]
        supports = getattr(file, "SUPPORTS", None)
        if supports is not None:
            from raceway_autopatch.versions import supported

            if not supported(supports, module):
                return
        if not self._ready:
            self._ready = True
            getattr(file, "setup", _nothing)()
        declared: Any = file.PATCHES
        if not isinstance(declared, tuple):
            declared = declared.get(name, ())
        self._applied.append(patching.apply(module, declared, self._applied))

    def undo(self) -> None:
        while self._applied:
            self._applied.pop().undo()
        if self._ready:
            self._ready = False
            try:
                getattr(sys.modules.get(self.path), "teardown", _nothing)()
            except Exception as error:
                internal_error(f"patch {self.name}", error)


def _nothing() -> None:
    """Stand for a setup() or teardown() that a patch file does not have."""


# ---------------------------------------------------------------- the import system


class _Finder:
    """Lets the other finders find, and wraps the loader of what is to be patched."""

    def __init__(
        self,
        hooks: Mapping[str, object],
        fire: Callable[[str, ModuleType], None],
        look: Callable[[], None],
    ) -> None:
        self._hooks = hooks
        self._fire = fire
        self._look = look
        self.looked = False
        """Whether plug-ins have been looked for."""
        self._kept: dict[str, ModuleType] = {}
        self._hidden = False

    def hide(self) -> None:
        """Have imports show no frame of ours to what traces the program, once C code is there.

        Of most modules that code says by itself that they are not hooked.
        """
        file = sys.modules.get("raceway.record.accelerator")
        accelerator = getattr(file, "accelerator", None)
        if self._hidden or not self.looked or accelerator is None:
            return
        self._hidden = True
        seen = accelerator.seen

        def find_spec(
            fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
        ) -> ModuleSpec | None:
            return self._find(seen, fullname, path, target)

        # In the instance, where the import system finds it before that of the class.
        self.__dict__["find_spec"] = accelerator.FindSpec(
            accelerator.Unseen(find_spec), self._hooks, _PREFIX
        )
        if len(_kinds) == 1:
            _hide_loaders(accelerator)

    def _found_again(self, fullname: str) -> ModuleSpec | None:
        """Find a module of ours that somebody has taken out of ``sys.modules``.

        ddtrace does that with whatever was imported while it started.  A second recorder beside
        the first one would never record anything.
        """
        kept = self._kept.get(fullname)
        if kept is not None:
            return ModuleSpec(fullname, _Kept(kept))  # type: ignore[arg-type]  # all it needs to be
        for name, module in tuple(sys.modules.items()):
            if name.partition(".")[0] in _OURS and not _is_being_imported(module):
                self._kept[name] = module
        return None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return self._find(_seen, fullname, path, target)

    def _find(
        self,
        seen: Callable[..., Any],
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None,
    ) -> ModuleSpec | None:
        if target is None and fullname.partition(".")[0] in _OURS:
            again = self._found_again(fullname)
            if again is not None:
                return again
        elif not self.looked and _is_of_the_program(fullname):
            self._look()
        if fullname not in self._hooks:
            return None
        for finder in tuple(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = seen(find, fullname, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = wrap_loader(spec.loader, fullname, self._fire)
                return spec
        return None


def _seen(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the program; the accelerator's lets tools that trace see it."""
    return function(*args)


_OURS = frozenset({"raceway", "raceway_autopatch"})
_PREFIX = "raceway"
"""Names that begin otherwise are not in :data:`_OURS`."""
_AT_START = frozenset({"sitecustomize", "usercustomize"})


def _is_of_the_program(name: str) -> bool:
    """Return whether a module is neither of the standard library nor asked for by each start."""
    top = name.partition(".")[0]
    return top not in sys.stdlib_module_names and top[:1] != "_" and top not in _AT_START


def _is_being_imported(module: ModuleType) -> bool:
    """Return whether an import of this module may still fail."""
    return bool(getattr(module.__dict__.get("__spec__"), "_initializing", False))


class _Kept:
    """Loads a module of ours that is loaded."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._before = {name: module.__dict__.get(name) for name in ("__spec__", "__loader__")}

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - it is called so
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(self._before)  # the import system has put its own there


class Loader:
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
        """Execute the module, then tell."""
        self._execute(_seen, module)

    def _execute(self, seen: Callable[..., Any], module: ModuleType) -> None:
        namespace = object.__getattribute__(module, "__dict__")
        spec = namespace.get("__spec__")
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if namespace.get("__loader__") is self:
            namespace["__loader__"] = self._loader
        seen(self._loader.exec_module, module)
        # A module may put something else in its place, and that is what everybody will get.
        self._fire(self._name, sys.modules.get(self._name, module))


_kinds: list[type[Loader]] = [Loader]
"""The last one is in use."""


def wrap_loader(loader: Any, name: str, fire: Callable[[str, ModuleType], None]) -> Any:
    """Return a loader that tells when its module has been executed; see :class:`Loader`."""
    return _kinds[-1](loader, name, fire)


def _hide_loaders(accelerator: Any) -> None:
    """Let tools that trace see the modules that are executed, and no frame of ours."""
    seen, unseen = accelerator.seen, accelerator.Unseen
    plain = Loader.__dict__

    def exec_module(self: Loader, module: ModuleType) -> None:
        self._execute(seen, module)

    namespace = {
        "__module__": __name__,
        "__doc__": Loader.__doc__,
        "__init__": unseen(plain["__init__"]),
        "__getattr__": unseen(plain["__getattr__"]),
        "__class__": property(unseen(plain["__class__"].fget)),
        "exec_module": unseen(exec_module),
    }
    _kinds.append(type("Loader", (Loader,), namespace))


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
