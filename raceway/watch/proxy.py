"""The last resort: a proxy for objects whose class cannot be exchanged.

Objects of C types (``SimpleNamespace``, ``array``, ``memoryview`` ...) keep their layout, so the
program is given something that stands before them.  Accesses that do not go through it, those of
the object's own methods among them, are not seen.
"""

from __future__ import annotations

from typing import Any

import wrapt

from raceway.model import ops
from raceway.model.ops import LENGTH, READ, SCAN, WRITE
from raceway.record.recorder import emit
from raceway.watch.sites import no_item, record, value_record, where
from raceway.watch.variables import Items, define_variable

_ObjectProxy: Any = wrapt.ObjectProxy


class WatchedProxy(_ObjectProxy):  # type: ignore[misc] # wrapt has no types in some versions
    """Stands for an object and records its attributes and items."""

    def __init__(self, wrapped: Any, owner: int, label: str) -> None:
        super().__init__(wrapped)
        self._self_owner = owner
        self._self_items = Items(owner, label)
        self._self_attributes: dict[str, int] = {}

    def _self_attribute(self, name: str) -> int:
        """Return the subject of a data attribute; 0 for methods."""
        if name.startswith("__") or callable(getattr(type(self.__wrapped__), name, None)):
            return 0
        known: dict[str, int] = self._self_attributes
        if name not in known:
            known[name] = define_variable(self._self_owner, name, ops.ROLE_ATTRIBUTE)
        return known[name]

    def _self_item(self, key: Any) -> int:
        if isinstance(key, slice):
            return int(self._self_owner)
        try:
            return int(self._self_items[key])
        except BaseException:  # not hashable: the operation itself says so
            return no_item()

    def __getattr__(self, name: str) -> Any:
        record(self._self_attribute(name), READ)
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_self_") or name == "__wrapped__":
            super().__setattr__(name, value)
            return
        _write(self._self_attribute(name), value)
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name: str) -> None:
        record(self._self_attribute(name), WRITE)
        delattr(self.__wrapped__, name)

    def __getitem__(self, key: Any) -> Any:
        record(self._self_item(key), READ)
        return self.__wrapped__[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        _write(self._self_item(key), value)
        self.__wrapped__[key] = value

    def __delitem__(self, key: Any) -> None:
        record(self._self_item(key), WRITE)
        del self.__wrapped__[key]

    def __contains__(self, key: Any) -> bool:
        record(self._self_owner, SCAN)
        return key in self.__wrapped__

    def __len__(self) -> int:
        record(self._self_owner, LENGTH)
        return len(self.__wrapped__)

    def __iter__(self) -> Any:
        record(self._self_owner, SCAN)
        return iter(self.__wrapped__)

    def __copy__(self) -> Any:
        from copy import copy

        return copy(self.__wrapped__)

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        return deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


def _write(subject: int, value: Any) -> None:
    if subject:
        state, code, offset = where()
        token = state.tok
        emit((token, subject | WRITE, code, offset, *value_record(token, subject, value)))
