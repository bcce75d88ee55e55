"""What ``--watch`` found, told by the processes of a run to whoever makes the report.

Each process appends lines to a file of its own in the run directory: what a pattern did not match
is only known when all have ended.
"""

from __future__ import annotations

import os

SUFFIX = ".watched"
PATTERN, MODULE, WATCHED, LEFT = "pattern", "module", "watched", "left"
_OPTION = "--watch "
_WILDCARDS = frozenset("*?")
_SHOWN = 20
_LEFT_SHOWN = 5


def tell(run_dir: str, kind: str, *fields: str) -> None:
    """Add a line to this process's file.

    Args:
        run_dir: The run directory; an empty string for none.
        kind: ``PATTERN`` (a pattern is looked for), ``MODULE`` (one that it covers was executed),
            ``WATCHED`` (what it chose) or ``LEFT`` (what it matched and is not watched).
        fields: The pattern, what it is about, and why.

    Raises:
        OSError: The file cannot be written.
    """
    if not run_dir:
        return
    path = os.path.join(run_dir, f"{os.getpid()}{SUFFIX}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        line = "\t".join((kind, *fields)).replace("\n", " ") + "\n"
        os.write(descriptor, line.encode("utf-8", "backslashreplace"))
    finally:
        os.close(descriptor)


def sentences(run_dir: str) -> list[str]:
    """Return what the report says about each pattern: what it chose, or why that is nothing."""
    told: dict[str, dict[str, dict[str, str]]] = {}
    try:
        names = sorted(name for name in os.listdir(run_dir) if name.endswith(SUFFIX))
        for name in names:
            with open(os.path.join(run_dir, name), encoding="utf-8", errors="replace") as file:
                for line in file:
                    kind, pattern, *rest = (*line.rstrip("\n").split("\t"), "", "")
                    of_kind = told.setdefault(pattern, {}).setdefault(kind, {})
                    if rest[0]:
                        of_kind[rest[0]] = rest[1]
    except OSError:  # it was removed: the report says so elsewhere
        pass
    result = []
    for pattern, kinds in told.items():
        watched, left = kinds.get(WATCHED, {}), kinds.get(LEFT, {})
        option = f"{_OPTION}{pattern!r}"
        if watched and (":" not in pattern or not _WILDCARDS.isdisjoint(pattern)):
            result.append(f"anything but what {option} chose: {_list(watched)}")
        elif not watched and not left:
            result.append(f"what {option} names: {_why(pattern, kinds)}")
        result += [f"{what} ({option}): {why}" for what, why in list(left.items())[:_LEFT_SHOWN]]
        if len(left) > _LEFT_SHOWN:
            others = dict(list(left.items())[_LEFT_SHOWN:])
            result.append(f"{_list(others)} ({option}), for such reasons, too")
    return result


def is_sentence(note: str) -> bool:
    """Return whether a note of a report is one of these."""
    return _OPTION in note


def _list(names: dict[str, str]) -> str:
    shown = ", ".join(list(names)[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _why(pattern: str, kinds: dict[str, dict[str, str]]) -> str:
    modules = kinds.get(MODULE, {})
    if not modules:
        return (
            "no such module was imported while Raceway was at work; check the name, which is the "
            "one that the program imports it by (__main__ for the program itself)"
        )
    name = pattern.partition(":")[2] or "*"
    return (
        f"{_list(modules)} defines no class, and assigns no variable, that matches {name!r} and "
        "can be watched; check the name"
    )
