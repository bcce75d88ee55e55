"""The table of what is patched names every patch file and its modules."""

import importlib
from pathlib import Path

from raceway_autopatch import registry


def test_the_table_names_every_patch_file():
    folder = Path(registry.__file__).parent / "patches"
    files = {path.stem for path in folder.glob("[a-z]*.py")}
    files |= {path.parent.name for path in folder.glob("*/__init__.py")}

    assert set(registry.PATCHED) == files
    for name in files:
        module = importlib.import_module(f"{registry.PACKAGE}.{name}")
        if isinstance(module.PATCHES, dict):
            assert set(module.PATCHES) == set(registry.PATCHED[name])
        else:
            assert len(registry.PATCHED[name]) == 1
