"""Runs at the start of every Python that has this folder on its ``PYTHONPATH``.

``raceway-run`` puts it there, so that child processes are recorded too.  It starts Raceway and
then makes room for the ``sitecustomize`` that the interpreter would have found without it.
Afterwards this folder is not on ``sys.path``, and ``sys.modules`` holds the user's module or none;
``PYTHONPATH`` stays as it is, for the children.

Whatever goes wrong here stays here.  An interpreter without raceway, which may be any on the
machine, must not even print a line.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_LAUNCHER = "raceway_autopatch.launcher"


def _start() -> None:
    """Install the patches, unless this interpreter is none of the program's."""
    if os.environ.get("RACEWAY_ENABLED", "").strip().lower() in ("0", "false", "no", "off"):
        return
    argv = getattr(sys, "orig_argv", sys.argv)
    if _is_launcher(argv) or not _is_main_interpreter():
        return
    from raceway_autopatch import install

    install()


def _is_launcher(argv: list[str]) -> bool:
    if len(argv) < 2:
        return False
    name = os.path.basename(argv[1]).removesuffix(".exe")
    return name == "raceway-run" or argv[1:3] == ["-m", _LAUNCHER]


def _is_main_interpreter() -> bool:
    import _thread

    if hasattr(_thread, "_is_main_interpreter"):  # from 3.13 on
        return bool(_thread._is_main_interpreter())
    name = "_xxsubinterpreters"
    loaded = name in sys.modules
    try:
        interpreters = __import__(name)
    except ImportError:
        return True
    if not loaded:
        del sys.modules[name]  # faulthandler lists the extension modules that are in there
    return bool(interpreters.get_current() == interpreters.get_main())


def _contain(action: Callable[[], None]) -> None:
    """Run a part of ours; only the user's Ctrl-C gets out."""
    try:
        action()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _leave_word(error)
        if os.environ.get("RACEWAY_VERBOSE", "") not in ("", "0"):
            reason = f"{type(error).__name__}: {error}".replace("\n", " ")
            # Through the descriptor: sys.stderr may be None or somebody's object.
            text = f"raceway: process {os.getpid()} is not recorded: {reason}\n"
            try:
                os.write(2, text.encode("utf-8", "backslashreplace"))
            except OSError:
                pass


def _leave_word(error: BaseException) -> None:
    """Let the report say that this process was not recorded."""
    run_dir = os.environ.get("RACEWAY_RUN_DIR", "")
    if getattr(error, "name", None) == "raceway_autopatch" or not run_dir:
        return  # an interpreter without raceway; or nobody reads it
    try:
        from raceway_autopatch.rundir import leave_word

        leave_word(run_dir, "start", error)
    except BaseException:  # noqa: S110 - there is nobody left to tell
        pass


def _step_aside() -> None:
    """Take this folder off the path, and import what it has hidden."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _FOLDER]
    sys.path_importer_cache.pop(_FOLDER, None)
    if __name__ != "sitecustomize":
        return  # run by somebody else, under another name
    sys.modules.pop("sitecustomize", None)
    # What this raises is for site.py, which does what it would have done without us; for
    # ImportError(name="sitecustomize") that is nothing, and no module of this name is left.
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401 - it is another one now


_contain(_start)
_step_aside()
