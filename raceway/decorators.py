"""Decorators that track the calls of a function, of a coroutine function and of a method.

Outside a trace a decorated function costs one look at the context and a call. What the function
returns or raises is its own. What a generator does is tracked from its first step to its end, and
a decorated generator function or coroutine function still is one, for frameworks that ask.
"""

from __future__ import annotations

import functools
import inspect
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from raceway import context

if TYPE_CHECKING:
    from collections.abc import Callable

    from raceway.client import RacewayClient

    F = TypeVar("F", bound=Callable[..., Any])


def track_function(
    client: RacewayClient,
    *,
    name: str | None = None,
    capture_args: bool = False,
    capture_result: bool = False,
) -> Callable[[F], F]:
    """Track each call of a function: its entry, its return and what it raises.

    A coroutine function is tracked as by :func:`track_async`. It does not matter whether
    ``classmethod`` or ``staticmethod`` stands above it or below.

    Args:
        client: Records the events.
        name: What to call the function; its qualified name if missing.
        capture_args: Whether to record the arguments, by name.
        capture_result: Whether to record what it returns.

    Returns:
        The decorator.

    Example:
        >>> from raceway.client import RacewayClient
        >>> @track_function(RacewayClient(), capture_args=True)
        ... def add(a, b):
        ...     return a + b
        >>> add(1, 2)
        3
    """
    return _decorator(client, name, capture_args=capture_args, capture_result=capture_result)


def track_async(
    client: RacewayClient,
    *,
    name: str | None = None,
    capture_args: bool = False,
    capture_result: bool = False,
) -> Callable[[F], F]:
    """Track each call of a coroutine function or generator, from its first step to its end.

    Args:
        client: Records the events.
        name: What to call the function; its qualified name if missing.
        capture_args: Whether to record the arguments, by name.
        capture_result: Whether to record what it returns.

    Returns:
        The decorator.
    """
    return _decorator(client, name, capture_args=capture_args, capture_result=capture_result)


def track_method(
    client: RacewayClient,
    *,
    name: str | None = None,
    capture_args: bool = False,
    capture_result: bool = False,
) -> Callable[[F], F]:
    """Track each call of a method, with the name of the class of its object; without ``self``.

    Args:
        client: Records the events.
        name: What to call the method; the name of the class and its own if missing.
        capture_args: Whether to record the arguments, by name.
        capture_result: Whether to record what it returns.

    Returns:
        The decorator.

    Example:
        >>> from raceway.client import RacewayClient
        >>> class Account:
        ...     @track_method(RacewayClient())
        ...     def close(self):
        ...         return "closed"
        >>> Account().close()
        'closed'
    """
    return _decorator(
        client, name, capture_args=capture_args, capture_result=capture_result, method=True
    )


def _decorator(
    client: RacewayClient,
    name: str | None,
    *,
    capture_args: bool,
    capture_result: bool,
    method: bool = False,
) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        if isinstance(function, (classmethod, staticmethod)):
            return cast("F", type(function)(decorate(function.__func__)))
        call = _Calls(client, function, name, capture_args, capture_result, method)
        if inspect.iscoroutinefunction(function):
            tracked = _coroutine(function, call)
        elif inspect.isgeneratorfunction(function):
            tracked = _generator(function, call)
        elif inspect.isasyncgenfunction(function):
            tracked = _async_generator(function, call)
        else:
            tracked = _function(function, call)
        return cast("F", functools.wraps(function)(tracked))

    return decorate


def _function(function: Callable[..., Any], call: _Calls) -> Callable[..., Any]:
    def tracked(*args: Any, **kwargs: Any) -> Any:
        if context.current_frame() is None:
            return function(*args, **kwargs)
        begun = call.begin(args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.end(args, begun, result)
        return result

    return tracked


def _coroutine(function: Callable[..., Any], call: _Calls) -> Callable[..., Any]:
    async def tracked(*args: Any, **kwargs: Any) -> Any:
        if context.current_frame() is None:
            return await function(*args, **kwargs)
        begun = call.begin(args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            call.fail(error)
            raise
        call.end(args, begun, result)
        return result

    return tracked


def _generator(function: Callable[..., Any], call: _Calls) -> Callable[..., Any]:
    def tracked(*args: Any, **kwargs: Any) -> Any:
        if context.current_frame() is None:
            return (yield from function(*args, **kwargs))
        begun = call.begin(args, kwargs)
        try:
            result = yield from function(*args, **kwargs)
        except GeneratorExit:  # whoever uses it needs no more
            call.end(args, begun, None)
            raise
        except BaseException as error:
            call.fail(error)
            raise
        call.end(args, begun, result)
        return result

    return tracked


def _async_generator(function: Callable[..., Any], call: _Calls) -> Callable[..., Any]:
    async def tracked(*args: Any, **kwargs: Any) -> Any:
        within = context.current_frame() is not None
        begun = call.begin(args, kwargs) if within else 0
        try:
            steps = function(*args, **kwargs)
            step = steps.__anext__()
            while True:  # what "yield from" does for other generators
                value = await step
                try:
                    step = steps.asend((yield value))
                except GeneratorExit:
                    await steps.aclose()
                    raise
                except BaseException as error:
                    step = steps.athrow(error)
        except (StopAsyncIteration, GeneratorExit) as end:
            if within:
                call.end(args, begun, None)
            if isinstance(end, GeneratorExit):
                raise
        except BaseException as error:
            if within:
                call.fail(error)
            raise

    return tracked


class _Calls:
    """What is recorded of the calls of one function. Nothing here raises."""

    def __init__(
        self,
        client: RacewayClient,
        function: Any,
        name: str | None,
        capture_args: bool,
        capture_result: bool,
        method: bool,
    ) -> None:
        self._client = client
        self._name = name
        self._own_name = getattr(function, "__qualname__", "function")
        self._module = getattr(function, "__module__", None)
        code = getattr(inspect.unwrap(function), "__code__", None)
        self._file = getattr(code, "co_filename", "unknown")
        self._line = getattr(code, "co_firstlineno", 0)
        self._capture_result = capture_result
        self._method = method
        self._signature: inspect.Signature | None = None
        if capture_args:
            try:
                self._signature = inspect.signature(function)
            except (TypeError, ValueError):  # of some built-in functions nobody knows
                pass

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        self._client.track_function_call(
            self._called(args),
            self._module,
            self._arguments(args, kwargs),
            self._file,
            self._line,
        )
        return time.perf_counter_ns()

    def end(self, args: tuple[Any, ...], begun: int, result: object) -> None:
        elapsed = time.perf_counter_ns() - begun
        value = result if self._capture_result else None
        self._client.track_function_return(
            self._called(args), value, self._file, self._line, elapsed
        )

    def fail(self, error: BaseException) -> None:
        if isinstance(error, Exception):
            trace = error.__traceback__
            self._client.track_error(
                type(error).__name__, _message(error), trace.tb_next if trace else None
            )

    def _called(self, args: tuple[Any, ...]) -> str:
        if self._name is not None:
            return self._name
        if self._method and args:
            kind = args[0] if isinstance(args[0], type) else type(args[0])
            return f"{kind.__name__}.{self._own_name.rpartition('.')[2]}"
        return self._own_name

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._signature is None:
            return None
        try:
            named = dict(self._signature.bind(*args, **kwargs).arguments)
        except TypeError:  # the call is about to fail for the same reason
            return None
        if self._method and named:
            del named[next(iter(named))]
        return named


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # the application's class
        return "<unprintable>"
