"""Versions of what is patched: whether an installed one is among those a patch was written for."""

from __future__ import annotations

import sys

from raceway_autopatch import patching

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType


def supported(requirement: str, module: ModuleType) -> bool:
    """Return whether a patch written for ``requirement`` suits ``module``; note it if not.

    Args:
        requirement: As in ``SUPPORTS``: ``requests>=2.25,<4``.
        module: The module to patch, or one of its package.
    """
    name, constraints = parse_requirement(requirement)
    version = _version(name, module)
    if version is None or satisfies(version, constraints):
        return True  # a version that nobody knows: the declarations decide
    recorder = sys.modules.get("raceway.record.recorder")
    if recorder is not None:
        recorder.note(f"{name} {version} was not patched: Raceway supports {requirement}")
    return False


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
