"""Raceway: finds the race conditions of Python programs.

Run a program under ``raceway-run``, mark what it shares with :func:`watch`, and read what went
wrong; or send events to a Raceway server with :class:`RacewayClient`.

The names below are imported when they are first used: this package is imported at the start of
every instrumented interpreter, before the program itself, and has to cost next to nothing there.

PYTEST_DONT_REWRITE: pytest would warn that it comes too late, as this is loaded before it.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from raceway.client import RacewayClient
    from raceway.config import Config
    from raceway.context import raceway_context
    from raceway.decorators import track_async, track_function, track_method
    from raceway.exceptions import CannotWatch, RacewayError, UsageError
    from raceway.locks import tracked_lock
    from raceway.middleware import FastAPIMiddleware, RacewayMiddleware, flask_middleware
    from raceway.watch import unwatch, watch

__all__ = [
    "CannotWatch",
    "Config",
    "FastAPIMiddleware",
    "RacewayClient",
    "RacewayError",
    "RacewayMiddleware",
    "UsageError",
    "__version__",
    "flask_middleware",
    "raceway_context",
    "track_async",
    "track_function",
    "track_method",
    "tracked_lock",
    "unwatch",
    "watch",
]

__version__ = "0.1.0"

_HOME = {
    "CannotWatch": "raceway.exceptions",
    "Config": "raceway.config",
    "FastAPIMiddleware": "raceway.middleware",
    "RacewayClient": "raceway.client",
    "RacewayError": "raceway.exceptions",
    "RacewayMiddleware": "raceway.middleware",
    "UsageError": "raceway.exceptions",
    "flask_middleware": "raceway.middleware",
    "raceway_context": "raceway.context",
    "track_async": "raceway.decorators",
    "track_function": "raceway.decorators",
    "track_method": "raceway.decorators",
    "tracked_lock": "raceway.locks",
    "unwatch": "raceway.watch",
    "watch": "raceway.watch",
}


def __getattr__(name: str) -> object:
    """Import the module that defines ``name`` and keep the result."""
    home = _HOME.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    module = import_module(home)
    value = getattr(module, name)
    globals()[name] = value
    if home == "raceway.watch":
        # The import system has just bound the name to the package, and it is the function's.
        globals()["watch"] = module.watch
    return value


def __dir__() -> list[str]:
    """List the public names, imported yet or not."""
    return __all__
