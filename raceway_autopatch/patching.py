"""Foreign attributes: the only code that sets and restores them.

A patch file declares what it changes, this module does it:

    PATCHES = (wrap("Queue.put", _put), around("Queue.get", _get), replace("SimpleQueue", _make))

Guarantees:

- :func:`apply` changes everything that is declared for a module, or nothing.
- :meth:`Applied.undo` runs in reverse order.  It restores what the owner itself had, deletes what
  the owner had inherited (restoring that would pin the base class's attribute to the subclass),
  and leaves alone what somebody has patched over us: our function then only calls the original.
- What fails in a wrapper never reaches the application: the call goes to the original, once, and
  the failure is counted.  A patch that fails :data:`MAX_FAILURES` times switches itself off.
  What the original raises passes through as the same object.

``wrapt`` is not used: importing it loads 160 modules, among them the ones to be patched, and its
wrapper costs five times as much as a closure.  The price of closures is that each call shows up
as frames of ours in tracebacks, and that a wrapped generator function calls itself a function.

An exception that a signal handler of the application raises inside our lines is the application's
and passes through: its traceback has the handler in it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from typing import Any, Literal, TypeAlias

    Wrapper: TypeAlias = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
    Factory: TypeAlias = Callable[[Any], Any]
    Owner: TypeAlias = ModuleType | type

MAX_FAILURES = 100
"""Failures of ours after which a patch is switched off."""

# As in inspect, which is slow to import.
_CO_GENERATOR = 0x20
_CO_COROUTINE = 0x80
_CO_KINDS = 0x20 | 0x80 | 0x100 | 0x200  # what makes a function another kind of function
_COPIED = (
    "__module__",
    "__name__",
    "__qualname__",
    "__doc__",
    # Reading __annotations__ evaluates them from 3.14 on, and that can raise.
    "__annotate__" if sys.version_info >= (3, 14) else "__annotations__",
    "__type_params__",
)
_MISSING = object()
_FUNCTION = type(lambda: None)
_MODULE = type(sys)


def apply_again(module: str) -> None:
    """Patch a module once more, after another tool has put its own things into it.

    Args:
        module: Its name; attributes that are still ours stay as they are.
    """
    for again in tuple(reappliers):
        again(module)


reappliers: list[Callable[[str], None]] = []
"""Filled by whoever knows which patches there are."""


class PatchError(Exception):
    """A module cannot be patched: it is not as the patch file expects it."""


class Declaration:
    """One attribute to change; made by :func:`wrap`, :func:`around` and :func:`replace`."""

    __slots__ = ("function", "kind", "optional", "path")

    def __init__(
        self,
        kind: Literal["wrap", "around", "replace"],
        path: str,
        function: Callable[..., Any],
        *,
        optional: bool,
    ) -> None:
        self.kind = kind
        self.path = path
        self.function = function
        self.optional = optional

    def __repr__(self) -> str:
        """Show it as it is written in a patch file."""
        return f"{self.kind}({self.path!r})"


def wrap(path: str, wrapper: Wrapper, *, optional: bool = False) -> Declaration:
    """Declare that calls of ``path`` go through ``wrapper``.

    Args:
        path: ``function``, ``Class.method`` or ``Class.Inner.method`` in the patched module.
        wrapper: Called as ``wrapper(wrapped, instance, args, kwargs)``.  ``wrapped`` takes the
            arguments without the instance.  ``instance`` is the object of a method, the class of
            a class method, and None for functions and static methods.  The caller's frame is
            ``sys._getframe(2)``.  For an ``async def`` it may be one itself.
        optional: Skip it where the attribute does not exist or cannot be set.
    """
    return Declaration("wrap", path, wrapper, optional=optional)


def around(path: str, factory: Factory, *, optional: bool = False) -> Declaration:
    """Declare that ``factory(original)`` returns the function to put in the place of ``path``.

    For hot paths: nothing of ours lies between the caller and that function, so it has to contain
    its own failures (:func:`contained`).  For class and static methods the original is the
    function inside.

    Args:
        path: As for :func:`wrap`.
        factory: Called once for each time the patch is applied.
        optional: As for :func:`wrap`.
    """
    return Declaration("around", path, factory, optional=optional)


def replace(path: str, factory: Factory, *, optional: bool = False) -> Declaration:
    """Declare that ``factory(original)`` returns the object to put in the place of ``path``.

    For classes and other objects; it is set as it is, and cannot be switched off for those who
    hold it after an undo.

    Args:
        path: As for :func:`wrap`.
        factory: Called with what the owner's dictionary holds.
        optional: As for :func:`wrap`.
    """
    return Declaration("replace", path, factory, optional=optional)


def is_ours(error: BaseException) -> bool:
    """Tell whether we raised an exception; what the program's signal handlers raise is not ours."""
    ask = getattr(sys.modules.get("raceway.record.recorder"), "is_ours", None)
    return isinstance(error, Exception) if ask is None else bool(ask(error))


def unseen(function: Callable[..., Any]) -> Any:
    """Return ``function``, which tools that trace or profile the program then do not see.

    Args:
        function: Something of ours that neither calls the program's code nor switches greenlets.

    Returns:
        What can take its place, also as a method; without the accelerator the function itself.
    """
    from raceway.record.accelerator import accelerator

    return function if accelerator is None else accelerator.Unseen(function)


def contained(function: Callable[..., Any], where: str = "") -> Callable[..., Any]:
    """Return ``function`` with its failures counted and swallowed; it then returns None.

    Args:
        function: A part of ours that runs in the application's threads.
        where: What the report calls it; the name of the function by default.
    """
    guard = Guard(where or getattr(function, "__qualname__", repr(function)))

    def guarded(*args: Any, **kwargs: Any) -> Any:
        if guard.active:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                if not is_ours(error):
                    raise
                guard.failed(error)
        return None

    return guarded


class Guard:
    """Whether a patch still does its work, and how often it could not.

    Attributes:
        where: What the report calls the patch.
        active: False: only the original is called.
        failures: How often our part raised.
    """

    __slots__ = ("active", "failures", "where")

    def __init__(self, where: str) -> None:
        self.where = where
        self.active = True
        self.failures = 0

    def failed(self, error: BaseException) -> None:
        """Count a failure; never raises."""
        self.failures += 1
        if self.failures >= MAX_FAILURES:
            self.active = False
        internal_error(self.where, error)


def internal_error(where: str, error: BaseException) -> None:
    """Hand an error of ours to the recorder, if there is one; called while it is handled.

    Raises:
        BaseException: ``error`` itself, if a signal handler of the program has raised it.
    """
    if not is_ours(error):
        raise error
    try:
        # Not imported here: this may run in a finaliser, or in the middle of an import.
        recorder = sys.modules.get("raceway.record.recorder")
        if recorder is not None:
            recorder.internal_error(where, error)
    except Exception:  # noqa: S110 - there is nobody left to tell
        pass


# ---------------------------------------------------------------- applying and undoing


class _Change:
    """One attribute that was set."""

    __slots__ = ("after", "before", "function", "guard", "name", "original", "own", "owner")

    def __init__(self, owner: Owner, name: str, before: Any, *, own: bool) -> None:
        self.owner = owner
        self.name = name
        self.before = before
        self.own = own
        self.after: Any = None
        self.guard: Guard | None = None
        self.function: Any = None
        """The replacement function of an around()."""
        self.original: Any = None

    def undo(self) -> None:
        current = _namespace(self.owner).get(self.name, _MISSING)
        if current is self.after:
            if self.own:
                setattr(self.owner, self.name, self.before)
            else:
                delattr(self.owner, self.name)
        # Also when it was restored: somebody may have kept a reference to our function.
        if self.guard is not None:
            self.guard.active = False
        if self.function is not None:
            _neutralise(self.function, self.original)


class Applied:
    """What one :func:`apply` has changed in one module."""

    __slots__ = ("_changes",)

    def __init__(self) -> None:
        self._changes: list[_Change] = []

    def holds(self, owner: Owner, name: str, value: object) -> bool:
        """Return whether ``value`` is what this put there."""
        return any(
            change.owner is owner and change.name == name and change.after is value
            for change in self._changes
        )

    def undo(self) -> None:
        """Take everything back, the last change first; a second call changes nothing."""
        while self._changes:
            change = self._changes.pop()
            try:
                change.undo()
            except Exception as error:
                internal_error(f"undo of {change.name}", error)


def apply(
    module: ModuleType,
    declarations: Iterable[Declaration],
    earlier: Iterable[Applied] = (),
) -> Applied:
    """Change everything that is declared for ``module``, or nothing.

    Args:
        module: The module, fully executed.
        declarations: What to change.
        earlier: Former applications; what is still in place from them (a module that was
            reloaded keeps some of its attributes) is not patched again.

    Returns:
        What was done, to be undone.

    Raises:
        PatchError: A declared attribute is missing or cannot be changed; nothing was changed.
    """
    earlier = tuple(earlier)
    applied = Applied()
    try:
        for declaration in declarations:
            try:
                change = _prepare(module, declaration, earlier)
                if change is not None:
                    setattr(change.owner, change.name, change.after)
                    applied._changes.append(change)  # the two classes are one mechanism
            except (AttributeError, TypeError, PatchError) as error:
                if not declaration.optional:
                    message = f"{_namespace(module)['__name__']}: {declaration!r}: {error}"
                    raise PatchError(message) from error
    except BaseException:
        applied.undo()
        raise
    return applied


def _prepare(
    module: ModuleType, declaration: Declaration, earlier: tuple[Applied, ...]
) -> _Change | None:
    *parents, name = declaration.path.split(".")
    owner: Owner = module
    for part in parents:
        inner, _ = _lookup(owner, part)
        if not isinstance(inner, type):
            message = f"{part} is no class"
            raise PatchError(message)
        owner = inner
    before, own = _lookup(owner, name)
    if any(former.holds(owner, name, before) for former in earlier):
        return None
    change = _Change(owner, name, before, own=own)
    if declaration.kind == "replace":
        change.after = declaration.function(before)
    else:
        _make_function(change, declaration, f"{_namespace(module)['__name__']}.{declaration.path}")
    return change


def _namespace(owner: Owner) -> Any:
    # object.__getattribute__: a lazy module would be loaded by an ordinary access.
    if isinstance(owner, _MODULE):
        return object.__getattribute__(owner, "__dict__")
    return owner.__dict__


def _lookup(owner: Owner, name: str) -> tuple[Any, bool]:
    """Return what the owner, or a base class, holds, without binding it, and whose it is."""
    bases: tuple[Owner, ...] = (owner,) if isinstance(owner, _MODULE) else owner.__mro__
    namespaces = [_namespace(base) for base in bases]
    for namespace in namespaces:
        if name in namespace:
            return namespace[name], namespace is namespaces[0] or name in namespaces[0]
    message = f"there is no {name}"
    raise PatchError(message)


# ---------------------------------------------------------------- functions


def _make_function(change: _Change, declaration: Declaration, where: str) -> None:
    """Fill in what takes the place of a function or method."""
    raw = change.before
    kind: Any = type(raw) if isinstance(raw, (staticmethod, classmethod)) else None
    original = raw.__func__ if kind is not None else raw
    if isinstance(original, type) or not callable(original):
        message = f"{change.name} is no function: use replace()"
        raise PatchError(message)
    if kind is None and isinstance(change.owner, type) and not hasattr(type(raw), "__get__"):
        kind = staticmethod  # a builtin function in a class: it takes no instance
    if declaration.kind == "around":
        function = declaration.function(original)
        _revive(function)
        change.function, change.original = function, original
    else:
        change.guard = guard = Guard(where)
        method = isinstance(change.owner, type) and kind is not staticmethod
        code = getattr(original, "__code__", None)
        is_async = code is not None and code.co_flags & _CO_COROUTINE
        make = _async_wrapper if is_async else _wrapper
        function = make(original, declaration.function, guard, method=method)
    _copy_metadata(original, function)
    change.after = function if kind is None else kind(function)


def _wrapper(
    original: Callable[..., Any], wrapper: Wrapper, guard: Guard, *, method: bool
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if not guard.active or (method and not args):
            return original(*args, **kwargs)
        invoke = _Call(original, args[:1] if method else ())
        rest = args[1:] if method else args
        try:
            return wrapper(invoke, args[0] if method else None, rest, kwargs)
        except BaseException as error:
            if invoke.error is error or not is_ours(error):
                raise
            raised = invoke.error
            guard.failed(error)
        finally:
            invoke.error = None  # its traceback holds this frame: no cycle
        if raised is not None:
            try:
                raise raised
            finally:
                del raised
        if invoke.returned:
            return invoke.result
        return original(*args, **kwargs)

    return call


def _async_wrapper(
    original: Callable[..., Any], wrapper: Wrapper, guard: Guard, *, method: bool
) -> Callable[..., Any]:
    # The same with await: a plain function that returns the coroutine would no longer be a
    # coroutine function to inspect.
    async def call(*args: Any, **kwargs: Any) -> Any:
        if not guard.active or (method and not args):
            return await original(*args, **kwargs)
        invoke = _AsyncCall(original, args[:1] if method else ())
        rest = args[1:] if method else args
        try:
            return await wrapper(invoke, args[0] if method else None, rest, kwargs)
        except BaseException as error:
            if invoke.error is error or not is_ours(error):
                raise
            raised = invoke.error
            guard.failed(error)
        finally:
            invoke.error = None
        if raised is not None:
            try:
                raise raised
            finally:
                del raised
        if invoke.returned:
            return invoke.result
        return await original(*args, **kwargs)

    return call


class _Call:
    """``wrapped`` as a wrapper sees it; remembers the outcome, so that ours can be told apart."""

    __slots__ = ("_function", "_instance", "error", "result", "returned")

    def __init__(self, function: Callable[..., Any], instance: tuple[Any, ...]) -> None:
        self._function = function
        self._instance = instance
        self.error: BaseException | None = None
        self.result: Any = None
        self.returned = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            self.result = self._function(*self._instance, *args, **kwargs)
        except BaseException as error:
            self.error = error
            raise
        self.returned = True
        return self.result


class _AsyncCall(_Call):
    __slots__ = ()

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            self.result = await self._function(*self._instance, *args, **kwargs)
        except BaseException as error:
            self.error = error
            raise
        self.returned = True
        return self.result


def _copy_metadata(original: Any, function: Any) -> None:
    """Make ``function`` look like ``original``; signature() follows ``__wrapped__``."""
    if not isinstance(function, _FUNCTION):
        return  # a compiled one: it is what it is
    for name in _COPIED:
        value = getattr(original, name, _MISSING)
        if value is not _MISSING:
            try:
                setattr(function, name, value)
            except (AttributeError, TypeError):  # a builtin's __module__ may be None
                continue
    function.__dict__.update(getattr(original, "__dict__", {}))
    function.__dict__.pop("_raceway_code", None)  # the original may be an old function of ours
    function.__wrapped__ = original  # type: ignore[attr-defined]  # any function takes it


def _neutralise(function: Any, original: Callable[..., Any]) -> None:
    """Make a replacement function do nothing but call the original, for those who hold it.

    Its code is swapped: a function that is asked by every call whether it is still wanted would
    make the hot path pay for something that happens once.
    """
    if not isinstance(function, _FUNCTION):
        return

    def call(*args: Any, _raceway_original: Any, **kwargs: Any) -> Any:
        return _raceway_original(*args, **kwargs)

    async def coroutine(*args: Any, _raceway_original: Any, **kwargs: Any) -> Any:
        return await _raceway_original(*args, **kwargs)

    def generator(*args: Any, _raceway_original: Any, **kwargs: Any) -> Any:
        return (yield from _raceway_original(*args, **kwargs))

    # A function stays of its kind: Python warns of anything else.
    kinds: dict[int, Any] = {0: call, _CO_COROUTINE: coroutine, _CO_GENERATOR: generator}
    passthrough = kinds.get(function.__code__.co_flags & _CO_KINDS)
    if passthrough is None:
        return
    function.__dict__["_raceway_code"] = (function.__code__, function.__kwdefaults__)
    # The default first: the new code needs it, the old code does not mind.
    defaults = dict(function.__kwdefaults__ or {})
    defaults["_raceway_original"] = original
    function.__kwdefaults__ = defaults
    # The number of free variables must stay as it is.
    free = function.__code__.co_freevars
    function.__code__ = passthrough.__code__.replace(co_freevars=free)


def _revive(function: Any) -> None:
    """Give a replacement function its code back: a factory may return the same one each time."""
    former = getattr(function, "__dict__", {}).pop("_raceway_code", None)
    if former is not None:
        function.__code__, function.__kwdefaults__ = former
