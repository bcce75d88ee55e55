"""Patch files of other distributions: the entry points of the group ``raceway.patches``.

The name of an entry point is the module to be patched, its value the patch file, so that nothing of
a plug-in has to be imported before what it patches::

    [project.entry-points."raceway.patches"]
    "shop.queue" = "raceway_shop.queue_patch"

The metadata are read as files: ``importlib.metadata`` imports ninety modules.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing is slow to import and not needed at run time
if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "raceway.patches"


def find(path: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the patch files of all distributions that are installed, and their modules.

    Args:
        path: Folders, as in ``sys.path``; what cannot be read is passed over.
    """
    found: dict[str, tuple[str, ...]] = {}
    seen = set()
    for folder in dict.fromkeys(path):
        for name, file in _metadata(folder):
            if name in seen:
                continue  # a distribution that is shadowed by the one before
            seen.add(name)
            for module, patch in _entries(_read(file)):
                if module not in found.get(patch, ()):
                    found[patch] = (*found.get(patch, ()), module)
    return found


def _metadata(folder: str) -> Iterable[tuple[str, str]]:
    """Yield the distributions in a folder, and where their entry points would be."""
    try:
        names = os.listdir(folder or ".")
    except OSError:  # not there, no folder, or a zip file
        return
    for name in names:
        stem, _, kind = name.rpartition(".")
        if kind in ("dist-info", "egg-info"):
            project = stem.partition("-")[0].lower().replace("_", "-")
            yield project, os.path.join(folder, name, "entry_points.txt")


def _read(file: str) -> bytes:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # most have none
        return b""
    try:
        return os.read(descriptor, 1 << 20)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _entries(text: bytes) -> Iterable[tuple[str, str]]:
    """Yield module and patch file of each entry point of our group.

    Source: https://packaging.python.org/en/latest/specifications/entry-points/
    """
    if GROUP.encode() not in text:
        return
    inside = False
    for line in text.decode("utf-8", "replace").splitlines():
        line = line.strip()  # noqa: PLW2901 - the same line, without what does not count
        if line.startswith("["):
            inside = line == f"[{GROUP}]"
        elif inside and line and line[0] not in "#;":
            module, equals, patch = line.partition("=")
            if equals and module.strip() and patch.strip():
                yield module.strip(), patch.partition("[")[0].strip()
