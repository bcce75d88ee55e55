"""Faults on purpose: parts of Raceway that fail, to test that the program does not notice.

``RACEWAY_FAULTS`` is a list of what is to fail, and how::

    RACEWAY_FAULTS="raceway.record.oplog.OpLog.write:ENOSPC,raceway.watch.*:RuntimeError@0.1"

The names are those of functions, with their module and class, and may have the wildcards of the
shell.  The name of a module alone makes its import fail.  Behind the colon stands a builtin
exception or the name of an ``errno``; ``@0.1`` lets every tenth call fail instead of each.

Nothing of this is in the code that is tested: modules with such a function are compiled with a call
at its beginning, or, where it contains its own failures, at the beginning of its ``try``.
Functions inside others are meant only by names with ``<locals>``: most stand in the place of
something of the program's, and have callers that expect what that raises.

With ``RACEWAY_FAULTS_LOG`` each name is written to that file when it fails for the first time.
"""

from __future__ import annotations

import ast
import builtins
import errno
import fnmatch
import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

PACKAGES = ("raceway", "raceway_autopatch")
MESSAGE = "injected fault"
_CALLED = "__raceway_fault__"
_NESTED = "<locals>"


class Fault:
    """One entry of ``RACEWAY_FAULTS``."""

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            ValueError: It is not written as described above.
        """
        self.pattern, _, rest = text.partition(":")
        kind, _, rate = rest.partition("@")
        self.every = round(1 / float(rate)) if rate else 1
        self.number = getattr(errno, kind, 0)
        self.kind: Any = OSError if self.number else getattr(builtins, kind, None)
        if not (isinstance(self.kind, type) and issubclass(self.kind, BaseException)):
            message = f"RACEWAY_FAULTS {text!r} is not usable: {kind!r} is no exception"
            raise ValueError(message)  # noqa: TRY004 - it is a text from outside
        self._calls = 0

    def matches(self, name: str) -> bool:
        """Return whether the function or module of this full name is to fail."""
        if _NESTED in name and _NESTED not in self.pattern:
            return False
        return fnmatch.fnmatchcase(name, self.pattern)

    def may_match_in(self, module: str) -> bool:
        """Return whether a function of this module could be meant."""
        fixed = self.pattern.partition("*")[0]
        return f"{module}.".startswith(fixed) or fixed.startswith(module)

    def strike(self, name: str) -> None:
        """Raise, if it is this call's turn."""
        self._calls += 1
        if self._calls % self.every:
            return
        _tell(name)
        if self.number:
            raise OSError(self.number, MESSAGE)
        raise self.kind(MESSAGE)


_told: set[str] = set()


def _tell(name: str) -> None:
    path = os.environ.get("RACEWAY_FAULTS_LOG", "")
    if path and name not in _told:
        _told.add(name)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{name}\n".encode())
        finally:
            os.close(descriptor)


def install(text: str) -> None:
    """Let what ``text`` names fail, in modules that are imported from now on."""
    faults = [Fault(part.strip()) for part in text.split(",") if part.strip()]
    sys.meta_path.insert(0, _Finder(faults))


class _Finder:
    """Finds our own modules, to be compiled with faults."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in PACKAGES or fullname == __name__:
            return None
        faults = [fault for fault in self._faults if fault.may_match_in(fullname)]
        spec = PathFinder.find_spec(fullname, path, target) if faults else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path, faults)
        return spec


class _Loader(SourceFileLoader):
    """Compiles a module with faults, without looking for a cached file and without leaving one."""

    def __init__(self, name: str, path: str, faults: list[Fault]) -> None:
        super().__init__(name, path)
        self._faults = faults

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(self.get_data(self.path), self.path)
        _Injector(fullname, self._faults).visit(tree)
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_CALLED] = self._strike
        self._strike(module.__name__)
        super().exec_module(module)

    def _strike(self, name: str) -> None:
        for fault in self._faults:
            if fault.matches(name):
                fault.strike(name)


class _Injector(ast.NodeTransformer):
    """Puts the calls where the faults are to be."""

    def __init__(self, module: str, faults: Iterable[Fault]) -> None:
        self._path = [module]
        self._faults = tuple(faults)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return self._inside(node, node.name)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        name = ".".join([*self._path, node.name])
        if any(fault.matches(name) for fault in self._faults):
            call = ast.Call(ast.Name(_CALLED, ast.Load()), [ast.Constant(name)], [])
            place = _place(node.body)
            place.insert(_after_declarations(place), ast.copy_location(ast.Expr(call), node))
        return self._inside(node, node.name, _NESTED)

    visit_AsyncFunctionDef: Any = visit_FunctionDef  # noqa: N815 - the name of the node

    def _inside(self, node: Any, *names: str) -> Any:
        self._path += names
        self.generic_visit(node)
        del self._path[-len(names) :]
        return node


def _place(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that may fail: those of the function's own ``try``, if it has one."""
    for statement in body:
        if isinstance(statement, ast.Try) and any(map(_catches_all, statement.handlers)):
            return statement.body
    return body


def _catches_all(handler: ast.ExceptHandler) -> bool:
    kind = handler.type
    return kind is None or (
        isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}
    )


def _after_declarations(body: list[ast.stmt]) -> int:
    for at, statement in enumerate(body):
        text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not text and not isinstance(statement, (ast.Global, ast.Nonlocal)):
            return at
    return len(body)
