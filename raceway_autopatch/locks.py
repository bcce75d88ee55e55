"""Locks that record who holds them.

A traced lock is an object of its own around the real one, because the C type of ``Lock`` cannot
be subclassed.  It passes for the real one: ``__class__`` is that of the real lock, ``isinstance``
works in both directions, names, repr and error texts are the real ones, and what it does not
define is looked up on the real lock, so that it has an attribute if and only if that has it.
``type(lock)`` is the one thing that tells.

``threading.Lock`` is replaced by what it is: a class from 3.13 on, before that an object that
passes for the builtin function, and ``threading.RLock`` by a function.  So ``Lock | None``,
``isinstance(x, Lock)``, subclassing and use as a class attribute give what they give without us,
errors included.
"""

from __future__ import annotations

import copyreg

from raceway.model import ops
from raceway.model.ops import ACQUIRE, RELEASE, TRY_ACQUIRE
from raceway.record import recorder
from raceway.record.accelerator import accelerator
from raceway.record.recorder import BUFFER, CHUNK_ITEMS, current, emit, flush, lost
from raceway_autopatch.internals import NOBODY, caller, is_internal, known
from raceway_autopatch.lock_ops import (
    define,
    getframe,
    make_block,
    note_caller,
    record,
    wait_for,
)

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

_FOREVER: Any = -1
"""Small numbers are the same object wherever they come from."""

# ---------------------------------------------------------------- the classes


class TracedType(type):
    """The class of the traced locks' classes: makes them look like the real locks' class.

    What its properties return is for who asks the class; the interpreter, looking for a special
    method, does not ask here.
    """

    def _real(cls) -> type | None:
        """Return the real class, or None for a user's subclass.

        It is found anew each time: gevent changes what is made in the middle of a program.
        """
        original = cls.__dict__.get("_original")
        return None if original is None else type(original[0]())

    def __instancecheck__(cls, instance: object) -> bool:
        return cls.__subclasscheck__(type(instance))

    def __subclasscheck__(cls, subclass: type) -> bool:
        if type.__subclasscheck__(cls, subclass):
            return True
        real = cls._real()
        # That of threading.Lock and that of _thread.allocate_lock stand for the same class.
        other = subclass._real() if type(subclass) is TracedType else subclass
        return real is not None and other is real

    @property
    def __name__(cls) -> str:  # type: ignore[override]  # a class's can be set
        return cls.__qualname__.rpartition(".")[2]

    @property
    def __signature__(cls) -> Any:
        import inspect

        try:
            return inspect.signature(cls._real() or object)
        except ValueError as error:
            raise AttributeError(str(error)) from None

    @property
    def __enter__(cls) -> Callable[[Any], bool]:
        return _enter

    @property
    def __exit__(cls) -> Callable[..., None]:  # noqa: PLE0302, PYI036 - a property
        return _exit


def _enter(lock: Traced) -> bool:
    if "_original" not in type(lock).__dict__:
        return lock.__enter__()  # a user's subclass may have its own
    lock._raw.acquire()
    record(ops.ACQUIRE, serial_of(lock))  # not the slot's closure: its caller would be this
    return True


def _exit(lock: Traced, *details: Any) -> None:
    if "_original" not in type(lock).__dict__:
        return lock.__exit__(*details)
    if lock._held():
        record(ops.RELEASE, serial_of(lock))
    return lock._raw.release()  # type: ignore[no-any-return]  # None


def _reduce_type(cls: Any) -> Any:
    """Pickle a traced class by the name under which it is found."""
    path = cls.__dict__.get("_pickled_as")
    if path is None:
        return cls.__qualname__
    from pkgutil import resolve_name

    return resolve_name, (path,)


copyreg.pickle(TracedType, _reduce_type)


_IN_BLOCK = ("__enter__", "__exit__", "_held", "_raw", "_subject")
"""What a lock is given in C."""
_IS_PURE = accelerator is None
_METHODS = ("__begun", "__give", "__take") if _IS_PURE else ()


class Traced:
    """A lock around the real one; made by :func:`lock_factory` and :func:`rlock_factory`."""

    __slots__ = ("__enter__", "__exit__", "__weakref__", "_held", "_raw", "_subject", *_METHODS)

    __enter__: Callable[..., bool]
    __exit__: Callable[..., None]
    __begun: list[Any]
    __give: Callable[[], None]
    __take: Callable[[], bool]
    _held: Callable[[], bool]
    _raw: Any
    _subject: int

    @property  # type: ignore[misc]  # isinstance() has to see the real class
    def __class__(self) -> type:
        cls = type(self)
        return type(self._raw) if "_original" in cls.__dict__ else cls

    def __repr__(self) -> str:
        return repr(self._raw)

    def __dir__(self) -> list[str]:
        return dir(self._raw)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._raw.__reduce_ex__(protocol)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire the real lock, and record it if that succeeds."""
        if _IS_PURE and blocking is True and timeout is _FOREVER:
            try:
                take = self.__take
            except AttributeError:
                take = self.__methods()[0]
            return take()
        raw = self._raw
        if blocking is True and timeout == -1:
            if not raw.acquire(False):
                wait_for(raw.acquire, raw.release, self._subject >> ops.OP_BITS)
        elif not raw.acquire(blocking, timeout):
            return False
        recorded = False
        try:
            state = current()
            frame = caller()
            note_caller(state, frame)
            op = self._subject | (ACQUIRE if blocking and timeout == -1 else TRY_ACQUIRE)
            recorded = True
            emit((state.tok, op, frame.f_code, frame.f_lasti))
            state.tok += 1
        except BaseException as error:
            try:
                lost("lock", error)
            except BaseException:
                if recorded:
                    recorder.sync(RELEASE, self._subject >> ops.OP_BITS)
                raw.release()
                raise
        return True

    def __methods(self) -> tuple[Callable[[], bool], Callable[[], None]]:
        """Make what acquire() and release() call, when one of them is called first."""
        raw = self._raw
        try:
            block = make_block(
                raw.acquire, raw.release, self._held, self._subject, self.__begun, up=2
            )
        except BaseException as error:
            lost("lock", error)
            block = raw.acquire, raw.release
        self.__take, self.__give = block
        return block

    def release(self) -> None:
        """Record the release, unless it will fail, and release the real lock."""
        if _IS_PURE:
            try:
                give = self.__give
            except AttributeError:
                give = self.__methods()[1]
            give()
            return
        try:
            if self._held():
                state = current()
                frame = caller()
                note_caller(state, frame)
                emit((state.tok, self._subject | RELEASE, frame.f_code, frame.f_lasti))
                state.tok += 1
        except BaseException as error:
            try:
                lost("lock", error)
            except BaseException:
                self._raw.release()  # a signal handler of the program: nobody would do it after us
                raise
        self._raw.release()
        if len(BUFFER) > CHUNK_ITEMS:
            flush()


dress: Any = None
"""Gives a new lock all that it has, in C; None without the accelerator."""

if accelerator is not None:
    dress = accelerator.dresser(
        [Traced.__dict__[name] for name in _IN_BLOCK],
        ACQUIRE,
        RELEASE,
    )
    for _name, _block in (("acquire", "__enter__"), ("release", "__exit__")):
        _method = accelerator.LockMethod(Traced.__dict__[_name], Traced, Traced.__dict__[_block])
        setattr(Traced, _name, _method)


class TracedLock(Traced):
    """Stands for a ``Lock``."""

    __slots__ = ()

    def locked(self) -> bool:
        """Return whether it is held."""
        return bool(self._raw.locked())

    def acquire_lock(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Do what acquire() does."""
        return self.acquire(blocking, timeout)

    def release_lock(self) -> None:
        """Do what release() does."""
        self.release()


class TracedRLock(Traced):
    """Stands for an ``RLock``."""

    __slots__ = ()

    def _release_save(self) -> Any:
        if self._held():
            record(ops.WAIT_RELEASE, serial_of(self))
        return self._raw._release_save()

    def _acquire_restore(self, state: Any) -> None:
        self._raw._acquire_restore(state)
        record(ops.WAIT_ACQUIRE, serial_of(self))

    @property
    def _owner(self) -> Any:
        # gevent's patch_all() insists on it: it gives the locks that are held to its greenlets.
        return getattr(self._raw, "_owner", None)

    @_owner.setter
    def _owner(self, owner: Any) -> None:
        self._raw._owner = owner


# ---------------------------------------------------------------- for who builds on the locks


def is_traced(lock: object) -> bool:
    """Return whether ``lock`` records."""
    return issubclass(type(lock), Traced)


def serial_of(lock: Any) -> int:
    """Return the serial number of a traced lock."""
    serial: int = lock._subject >> ops.OP_BITS
    return serial


def is_held(lock: Any) -> bool:
    """Return whether this thread could release a traced lock."""
    held: bool = lock._held()
    return held


def waiting_pair(lock: TracedLock) -> tuple[Callable[[], None], Callable[[Any], None]]:
    """Return ``_release_save`` and ``_acquire_restore`` for a condition over a plain lock.

    The real ones would call release() and acquire(), and a wait is something else: its lock is
    given up and taken back in the middle of one critical section.
    """

    def release_save() -> None:
        if lock._held():
            record(ops.WAIT_RELEASE, serial_of(lock))
        lock._raw.release()

    def acquire_restore(_state: Any) -> None:
        lock._raw.acquire()
        record(ops.WAIT_ACQUIRE, serial_of(lock))

    return release_save, acquire_restore


# ---------------------------------------------------------------- the factories


def make_tracer(base: type[Traced], original: Callable[..., Any]) -> tuple[Any, Callable[..., Any]]:
    """Make the class of the traced locks around what ``original`` makes.

    Args:
        base: TracedLock or TracedRLock.
        original: What ``threading`` had; it is called late, never looked into.

    Returns:
        The class, and ``trace(raw, kind, frame)``, which puts one around a real lock.
    """
    real = type(original())
    reentrant = base is TracedRLock
    held_by = "_is_owned" if reentrant else "locked"
    is_class = isinstance(original, type)
    new = object.__new__

    def trace(raw: Any, kind: str, frame: FrameType, cls: Any = None) -> Any:
        lock = new(cls or traced)
        lock._subject = 0
        try:
            subject = define(kind, frame) << ops.OP_BITS
            if dress is not None:
                dress(lock, raw, held_by, subject)
                return lock
            lock._raw = raw
            lock._held = held = getattr(raw, held_by)
            lock._subject = subject
            lock._Traced__begun = begun = [None, -2]
            lock.__enter__, lock.__exit__ = make_block(
                raw.acquire, raw.release, held, subject, begun
            )
        except BaseException as error:
            lock._raw = raw
            lock._held = getattr(raw, held_by)
            lost("lock", error)
            lock.__enter__, lock.__exit__ = raw.__enter__, raw.__exit__
        return lock

    def make(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_class and not reentrant:
            return real()  # what it raises is what is wanted
        raw = original() if cls is not traced else original(*args, **kwargs)
        frame = caller()
        if cls is traced and is_internal(frame.f_globals):
            return raw
        return trace(raw, "RLock" if reentrant else "Lock", frame, cls)

    def refuse(cls: type[Any], /, **_kwargs: Any) -> None:
        message = f"type '{real.__module__}.{real.__qualname__}' is not an acceptable base type"
        raise TypeError(message)

    name = f"{real.__module__}.{real.__qualname__}"
    namespace: dict[str, Any] = {
        # No __getattr__ for these: it would slow every other look-up on a lock down.
        **{other: _pass_on(other) for other in dir(real) if not hasattr(base, other)},
        "__slots__": (),
        "__doc__": real.__doc__,
        "__module__": real.__module__,
        "__qualname__": real.__qualname__,
        "__new__": staticmethod(make if accelerator is None else accelerator.Unseen(make)),
        "_original": (original,),  # a tuple: neither a method nor touched by staticmethod()
    }
    if reentrant:
        namespace["_pickled_as"] = name.replace(".", ":")
    else:
        if is_class:
            namespace["_pickled_as"] = "threading:Lock"
        namespace["__init_subclass__"] = classmethod(refuse)
    # Error texts show the name that is given here; that of a C type has the module in it.
    traced: Any = TracedType(name, (base,), namespace)
    return traced, trace


def _pass_on(name: str) -> property:
    """Return what looks ``name`` up on the real lock."""
    return property(lambda lock: getattr(lock._raw, name))


class _Function:
    """Passes for the builtin function that ``threading.Lock`` is before 3.13.

    No function: stored in a class, it must not become a method.
    """

    __slots__ = ("__weakref__", "_original", "_trace")

    def __init__(self, original: Any, trace: Callable[..., Any]) -> None:
        self._original = original
        self._trace = trace

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raw = self._original(*args, **kwargs) if args or kwargs else self._original()
        try:
            frame = getframe(1)  # as caller(), without the call
        except ValueError:
            frame = NOBODY
        return raw if is_internal(frame.f_globals) else self._trace(raw, "Lock", frame)

    @property  # type: ignore[misc]  # for isinstance()
    def __class__(self) -> type:
        return type(self._original)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __repr__(self) -> str:
        return repr(self._original)

    def __reduce__(self) -> Any:
        from pkgutil import resolve_name

        return resolve_name, ("threading:Lock",)


def _shadow(name: str) -> property:
    return property(lambda function: getattr(function._original, name))


# What every class has of its own, so that __getattr__ is not asked.
for _name in ("__module__", "__doc__"):
    setattr(_Function, _name, _shadow(_name))
_Function.__name__ = "builtin_function_or_method"  # error texts show it
if accelerator is not None:
    # The import system makes a lock for each module: no frame of ours in what traces an import.
    _make = accelerator.LockFactory(
        accelerator.Unseen(_Function.__dict__["__call__"]),
        _Function,
        _Function.__dict__["_original"],
        known,
        _Function.__dict__["_trace"],
    )
    setattr(_Function, "__call__", _make)  # noqa: B010 - a method, as far as mypy can tell


def lock_factory(original: Any) -> Any:
    """Return what takes the place of ``threading.Lock``."""
    traced, trace = make_tracer(TracedLock, original)
    if isinstance(original, type):
        return traced
    return _Function(original, trace if accelerator is None else accelerator.Unseen(trace))


def untraced(original: Any) -> Any:
    """Return the real thing for what :func:`lock_factory` has made, else what was given."""
    return original._original if type(original) is _Function else original


def rlock_factory(original: Any) -> tuple[Any, Callable[..., Any]]:
    """Return what takes the place of ``threading.RLock``, and its ``trace(raw, kind, frame)``."""
    traced, trace = make_tracer(TracedRLock, original)
    if isinstance(original, type):
        return traced, trace

    def RLock(*args: Any, **kwargs: Any) -> Any:  # noqa: N802 - what it stands for is called so
        raw = original(*args, **kwargs)
        frame = caller()
        return raw if is_internal(frame.f_globals) else trace(raw, "RLock", frame)

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(RLock, name, getattr(original, name))
    RLock.__annotations__ = {}
    return RLock, trace
