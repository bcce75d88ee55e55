"""Where ``--watch`` comes in: what the import system finds, and the program itself.

The loader of a source file gets a ``get_code`` of its own, once, by which it is compiled with what
watches.  So the import system, and ``runpy`` for ``python -m``, execute the module as ever, and no
frame of ours is beneath it.  Other loaders are left as they are: what they loaded is gone through
when it has been executed.

``python app.py`` is executed by C code that asks nobody.  But it asks the path hooks first whether
the file is a folder or an archive, in which case it calls ``runpy``: one answers that it is, and
takes the place of ``runpy`` for that call.
"""

from __future__ import annotations

import os
import sys

from raceway_autopatch.registry import internal_error, is_ours, wrap_loader
from raceway_autopatch.watch_patterns import Pattern, is_own, problem, split, working_directory

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

    from raceway_autopatch.watched_module import WatchedModule

VARIABLE = "RACEWAY_WATCH"
ROOT = "RACEWAY_WATCH_ROOT"
"""The working directory of ``raceway-run``, for processes that have another one."""
_MAIN = "__main__"
_NOT_WATCHED = frozenset({"raceway", "raceway_autopatch"})
_LIBRARY = os.path.dirname(os.path.realpath(os.__file__)) + os.sep
_SourceLoader: Any = sys.modules["_frozen_importlib_external"].SourceFileLoader
_LOADS = ("get_code", "source_to_code", "exec_module")


class Watching:
    """What this process watches because the user asked for it by name.

    Args:
        text: The value of ``RACEWAY_WATCH``.
        run_dir: The run directory; an empty string for none.
        begin: Starts the recorder.
    """

    def __init__(self, text: str, run_dir: str, begin: Callable[[], object]) -> None:
        self._patterns = [Pattern(one) for one in split(text) if not problem(one)]
        self._run_dir = run_dir
        self._begin = begin
        self._root = os.environ.get(ROOT) or working_directory()
        self._main = sys.modules[_MAIN]
        self._script = ""

    def install(self) -> None:
        """Watch what is imported from now on, and what is there; never raises what is ours."""
        if self._patterns:
            self._contained(self._install)

    def uninstall(self) -> None:
        """Leave alone what is imported from now on."""
        for hooks, hook in ((sys.meta_path, self), (sys.path_hooks, self._find_script)):
            if hook in hooks:
                hooks.remove(hook)  # type: ignore[arg-type]  # it is in there

    def _install(self) -> None:
        for pattern in self._patterns:
            self._tell("pattern", pattern.text)
        sys.meta_path.insert(0, self)
        for name, module in tuple(sys.modules.items()):
            self._executed(name, module)
        if "__file__" not in self._main.__dict__:  # the program has not begun
            self._hook_script()

    def _contained(self, action: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return action(*arguments)
        except BaseException as error:
            if not is_ours(error):
                raise
            internal_error("watch", error)
            return None

    def _tell(self, *line: str) -> None:
        from raceway.record import chosen

        try:
            chosen.tell(self._run_dir, *line)
        except OSError:  # full, or out of descriptors: the watching goes on
            pass

    def _covering(self, names: Sequence[str], file: str) -> list[Pattern]:
        """Return the patterns that cover a module.

        Args:
            names: The names that it goes by.
            file: Where it comes from; an empty string for what is built in.
        """
        if not file or names[0].partition(".")[0] in _NOT_WATCHED:
            return []
        if not any(pattern.covers(names, own=True) for pattern in self._patterns):
            return []
        own = is_own(file, self._root)
        covering = [pattern for pattern in self._patterns if pattern.covers(names, own=own)]
        if covering and not own and _is_library(file):
            for pattern in covering:
                self._tell("left", pattern.text, names[0], "it belongs to Python itself")
            return []
        return covering

    def _module(self, label: str, patterns: list[Pattern]) -> WatchedModule:
        self._begin()
        # First the function: whoever imports the package first has its name mean the package.
        from raceway import watch  # noqa: F401
        from raceway_autopatch.watched_module import WatchedModule

        return WatchedModule(label, patterns, self._run_dir, self._is_own_module)

    def _is_own_module(self, name: str) -> bool:
        if name == _MAIN:
            return True
        file = getattr(sys.modules.get(name), "__file__", None)
        return isinstance(file, str) and is_own(file, self._root)

    # ------------------------------------------------------------ the import system

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the finders behind this one find, and watch what they found if it is covered."""
        names = (fullname, _MAIN) if _is_locating_main(fullname) else (fullname,)
        if not any(pattern.covers(names, own=True) for pattern in self._patterns):
            return None
        finders = list(sys.meta_path)
        behind = finders[finders.index(self) + 1 :] if self in finders else []
        for finder in behind:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find and find(fullname, path, target)
            if spec is not None:
                self._contained(self._take, spec, names)
                return spec
        return None

    def _take(self, spec: ModuleSpec, names: tuple[str, ...]) -> None:
        """Have a module watched, if it is covered, when it is executed."""
        if not self._covering(names, _file_of(spec)):
            return
        loader: Any = spec.loader
        kind = type(loader)
        if all(getattr(kind, one, None) is getattr(_SourceLoader, one) for one in _LOADS):

            def get_code(fullname: str) -> CodeType | None:
                vars(loader).pop("get_code", None)
                code: CodeType | None = self._contained(self._compile, loader, fullname)
                if code is None:
                    code = loader.get_code(fullname)
                return code

            loader.get_code = get_code
        elif hasattr(loader, "exec_module"):
            spec.loader = wrap_loader(loader, spec.name, self._executed)

    def _compile(self, loader: Any, fullname: str) -> CodeType | None:
        module = sys.modules.get(fullname)
        spec = getattr(module, "__spec__", None)
        names: tuple[str, ...] = (fullname,)
        if module is None or getattr(spec, "loader", None) is not loader:
            if not _is_locating_main(fullname):
                return None  # somebody looks at the code, or runs it by hand
            module, names = self._main, (_MAIN, fullname)
        return self._code(names, loader.get_filename(fullname), module)

    def _code(self, names: tuple[str, ...], file: str, module: ModuleType) -> CodeType | None:
        patterns = self._covering(names, file)
        if not patterns:
            return None
        try:
            with open(file, "rb") as stream:
                source = stream.read()
            return self._module(names[0], patterns).compile(source, file, module)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # the interpreter will say it, or do without what we add

    def _executed(self, name: str, module: ModuleType) -> None:
        spec = vars(module).get("__spec__") if isinstance(module, type(sys)) else None
        patterns = self._covering((name,), _file_of(spec))
        if patterns:
            self._contained(lambda: self._module(name, patterns).go_through(module))

    # ------------------------------------------------------------ python app.py

    def _hook_script(self) -> None:
        script = (getattr(sys, "argv", None) or [""])[0]
        if script and os.path.isfile(script):
            self._script = os.path.abspath(script)
            # The last one, as it is removed while the interpreter goes through them.
            sys.path_hooks.append(self._find_script)

    def _find_script(self, path: str) -> _Script:
        """Answer as a path hook: whether the interpreter shall ask ``runpy`` to run the program.

        Raises:
            ImportError: Not this one.
        """
        if self._script and os.path.abspath(path) == self._script:
            if sys.path_hooks[-1] == self._find_script:
                sys.path_hooks.pop()
            self._script = ""
            script: _Script | None = self._contained(self._prepare_script, path)
            if script is not None:
                return script
        message = "not a folder of modules"
        raise ImportError(message, path=path)

    def _prepare_script(self, path: str) -> _Script | None:
        stem = os.path.splitext(os.path.basename(path))[0]
        code = self._code((_MAIN, stem), path, self._main)
        if code is None:
            return None
        import runpy  # before the folder of the program is one where it would be looked for

        script = _Script(path, code, self._main.__dict__, runpy)
        runpy._run_module_as_main = script.run  # type: ignore[attr-defined]  # the interpreter calls it
        return script


class _Script:
    """The program, which runs as if C code had read its file."""

    def __init__(
        self, path: str, code: CodeType, namespace: dict[str, Any], runpy: ModuleType
    ) -> None:
        self._path = path
        self._code = code
        self._namespace = namespace
        self._runpy = runpy
        self._original = vars(runpy)["_run_module_as_main"]

    def find_spec(self, fullname: str, target: object = None) -> None:
        """Find nothing: there are no modules in a file."""

    def run(self, _name: str, _alter_argv: object = None) -> None:
        """Run the program; called by the interpreter in the place of ``runpy``."""
        vars(self._runpy)["_run_module_as_main"] = self._original
        self._undo_path()
        path, namespace = self._path, self._namespace
        namespace["__file__"] = path
        namespace["__cached__"] = None
        namespace["__loader__"] = _SourceLoader(_MAIN, path)
        try:
            exec(self._code, namespace)  # noqa: S102 - the program, in its own namespace
        except SystemExit:
            raise
        except BaseException as error:
            # This frame is not the program's.  The statement that raises adds none (from 3.11 on).
            if error.__traceback__ is not None:
                error.__traceback__ = error.__traceback__.tb_next
            self._forget_file()
            raise
        self._forget_file()

    def _forget_file(self) -> None:
        for name in ("__file__", "__cached__"):
            self._namespace.pop(name, None)

    def _undo_path(self) -> None:
        sys.path_importer_cache[self._path] = None
        if sys.path and sys.path[0] == self._path:
            if getattr(sys.flags, "safe_path", False):
                del sys.path[0]
            else:
                sys.path[0] = os.path.dirname(os.path.realpath(self._path))


def _is_locating_main(fullname: str) -> bool:
    """Tell whether the interpreter is looking for what ``python -m``, or a folder, is to run."""
    argv = getattr(sys, "argv", None)
    return fullname == _MAIN or (isinstance(argv, list) and argv[:1] == ["-m"])


def _file_of(spec: ModuleSpec | None) -> str:
    """Return the file that a module comes from; an empty string if there is none."""
    origin = spec.origin if spec is not None and spec.has_location else None
    return origin if isinstance(origin, str) else ""


def _is_library(file: str) -> bool:
    path = os.path.realpath(file)
    return path.startswith(_LIBRARY) and "site-packages" not in path
