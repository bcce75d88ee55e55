"""What ``--watch`` does in one module: it chooses, and enters what was chosen.

Code of the module is compiled with calls of :class:`WatchedModule` where classes and values are
bound (:mod:`raceway.watch.rewriting`), so that this works for ``__main__`` as well, which has done
its work when it is complete.  A module that came from no source file is gone through when it has
been executed.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from raceway.exceptions import CannotWatch
from raceway.model import ops
from raceway.record import chosen
from raceway.record.recorder import lost
from raceway.watch import check
from raceway.watch.adoption import is_container, track
from raceway.watch.containers import mixin_for
from raceway.watch.module_globals import watch_globals
from raceway.watch.plans import is_synchronisation
from raceway.watch.rewriting import Contents, bind, rewrite
from raceway.watch.shared import Budget, family_of, unwatch_class, watch_class
from raceway.watch.sharing import ARGUMENT, STORED, count_stored, getrefcount
from raceway.watch.variables import define_variable
from raceway.watch.watching import watch_in_place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType
    from typing import Any

    from raceway_autopatch.watch_patterns import Pattern

OBJECTS_OF_A_CLASS, OBJECTS = 1_000, 10_000
"""The budget of ``auto``: living objects of one class, and objects in all."""
_budget = Budget(OBJECTS_OF_A_CLASS, OBJECTS)

_IMMUTABLE = (tuple, frozenset, str, bytes, int, float, complex)
_SHARED = "other code holds it, too, when it is assigned, and would not see the one that is watched"
_C_OBJECT = "its class cannot be exchanged; use what raceway.watch() returns"


class WatchedModule:
    """Chooses in one module, and is what its rewritten code calls.

    Args:
        label: What reports call the module.
        patterns: Those that cover it.
        run_dir: Where to tell what was chosen; an empty string for nowhere.
        is_own: Tells of the name of a module whether it is one of the application's.
    """

    def __init__(
        self,
        label: str,
        patterns: Sequence[Pattern],
        run_dir: str,
        is_own: Callable[[str], bool],
    ) -> None:
        self._label = label
        self._patterns = patterns
        self._run_dir = run_dir
        self._is_own = is_own
        self._followed: frozenset[str] = frozenset()
        for pattern in patterns:
            self._tell(chosen.MODULE, pattern, label)

    def compile(self, source: bytes, path: str, module: ModuleType) -> CodeType | None:
        """Return the code of the module, which watches what was chosen in it.

        Args:
            source: The text of the file.
            path: The file.
            module: The module, before it is executed.

        Returns:
            None if nothing in it was chosen.

        Raises:
            SyntaxError: The source is not valid, or has become too deep.
            ValueError: As above.
        """
        tree = ast.parse(source, path)
        contents = Contents(tree, rebinds=b"global" in source)
        classes = {name for name in contents.classes if self._pattern(name)}
        variables = {name for name in contents.variables if self._pattern(name)}
        exact = {name for name in variables if self._is_exact(name)}
        self._followed = frozenset(variables & contents.rebound | exact)
        if not classes and not variables:
            return None
        rewrite(tree, classes, variables, self._followed)
        code = compile(tree, path, "exec", dont_inherit=True)
        names: object = None
        if self._followed:
            names = watch_globals(module, self._label, self._followed)
            for name in sorted(self._followed):
                self._tell(chosen.WATCHED, self._pattern(name), f"{self._label}.{name}")
        return bind(code, names, self)

    def go_through(self, module: ModuleType) -> None:
        """Enter what is in a module that has been executed."""
        contents = module.__dict__
        for name in [name for name in contents if not name.startswith("__")]:
            if not self._pattern(name):
                continue
            if is_container(type(contents[name])):
                # No name for the value: a second reference is what this is about.
                fresh = count_stored(contents, name) <= STORED
                contents[name] = self._contained(self._value, contents[name], name, fresh)
            elif not isinstance(contents[name], type):
                self._contained(self._value, contents[name], name, False)
            elif contents[name].__module__ == module.__name__:
                self.enter_class(contents[name], name)

    # ------------------------------------------------------------ called by the module's code

    def enter_class(self, cls: Any, name: str) -> None:
        """Watch the objects of a class that was bound to a name; never raises."""
        self._contained(self._class, cls, name)

    def enter_value(self, value: Any, name: str) -> Any:
        """Return what is to be bound to a name in the place of a value; never raises."""
        # On a line of its own: the arguments of another call would be counted, too.
        fresh = getrefcount(value) <= ARGUMENT
        return self._contained(self._value, value, name, fresh)

    # ------------------------------------------------------------ choosing

    def _pattern(self, name: str) -> Pattern | None:
        """Return the pattern that means a name, one without wildcards first."""
        meant = [pattern for pattern in self._patterns if pattern.names(name)]
        meant.sort(key=lambda pattern: (pattern.bounded, not pattern.exact))
        return meant[0] if meant else None

    def _is_exact(self, name: str) -> bool:
        pattern = self._pattern(name)
        return pattern is not None and pattern.exact

    def _contained(self, action: Any, value: Any, *details: Any) -> Any:
        try:
            return action(value, *details)
        except BaseException as error:
            lost("watch", error)
            return value

    def _tell(self, kind: str, pattern: Pattern | None, *fields: str) -> None:
        if pattern is not None:
            try:
                chosen.tell(self._run_dir, kind, pattern.text, *fields)
            except OSError:  # full, or out of descriptors: the watching goes on
                pass

    def _class(self, cls: Any, name: str) -> None:
        pattern = self._pattern(name)
        if pattern is None or not isinstance(cls, type):
            return
        full = f"{self._label}.{name}"
        if not pattern.exact and _is_no_data(cls):
            return
        reason = _refusal(cls)
        if not reason and family_of(cls) is None:
            try:
                watch_class(cls, cls.__name__.lower(), _budget if pattern.bounded else None)
            except (TypeError, AttributeError) as error:  # something of the class objects to it
                unwatch_class(cls)
                reason = f"the class cannot be changed ({type(error).__name__}: {error})"
        if reason:
            self._tell(chosen.LEFT, pattern, full, reason)
            return
        self._tell(chosen.WATCHED, pattern, full)
        if mixin_for(cls) is not None:
            reason = "they are seen only in objects that are named, or given to raceway.watch()"
            self._tell(chosen.LEFT, pattern, f"items of {full}", reason)

    def _value(self, value: Any, name: str, fresh: bool) -> Any:
        pattern = self._pattern(name)
        if pattern is None:
            return value
        label = f"{self._label}.{name}"
        kind = type(value)
        if is_container(kind):
            if not fresh:
                self._tell(chosen.LEFT, pattern, f"the contents of {label}", _SHARED)
                return value
            result = track(value, define_variable(0, label, ops.ROLE_CONTAINER), label)
            self._tell(chosen.WATCHED, pattern, label)
            return result
        if isinstance(value, (type, type(sys))) or not (pattern.exact or self._is_own_class(kind)):
            return value
        try:
            check(value)
        except CannotWatch as error:
            if pattern.exact and name not in self._followed:
                self._tell(chosen.LEFT, pattern, label, str(error))
            return value
        if is_synchronisation(value) or _is_no_data(kind):
            return value
        if watch_in_place(value, label):
            self._tell(chosen.WATCHED, pattern, label)
        elif pattern.exact:
            self._tell(chosen.LEFT, pattern, f"the attributes of {label}", _C_OBJECT)
        return value

    def _is_own_class(self, cls: type) -> bool:
        return cls.__module__ == self._label or self._is_own(str(cls.__module__))


def _refusal(cls: Any) -> str:
    """Return why the objects of a class cannot be watched; an empty string if they can."""
    if issubclass(cls, type):
        return "its objects are classes"
    if _has_base(cls, "enum", "Enum"):
        return "its objects are constants"
    if _has_base(cls, "_thread", "_local"):
        return "its attributes are local to each thread"
    meta: Any = type(cls)
    if meta.__setattr__ is not type.__setattr__:
        return f"its metaclass {meta.__name__} decides about what is set in the class"
    for base in _IMMUTABLE:
        if issubclass(cls, base) and not cls.__dictoffset__:
            return f"it is a {base.__name__}, which cannot change"
    return ""


def _is_no_data(cls: Any) -> bool:
    """Return whether nobody means a class by a wildcard."""
    if (
        issubclass(cls, (type, BaseException, *_IMMUTABLE))
        or type(cls).__name__ == "_TypedDictMeta"
    ):
        return True
    no_data = (("enum", "Enum"), ("_thread", "_local"), ("unittest.case", "TestCase"))
    return bool(cls.__dict__.get("_is_protocol")) or any(_has_base(cls, *one) for one in no_data)


def _has_base(cls: Any, module: str, name: str) -> bool:
    base = getattr(sys.modules.get(module), name, None)
    return isinstance(base, type) and issubclass(cls, base)
