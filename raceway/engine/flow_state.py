"""What the data-flow walk knows at one point of a function, and how two such points join.

Taint is a small bit set.  ``DATA`` means: computed from what the first access returned;
``CONTROL``: chosen by a test of it.  Each comes fresh (in the same pass of every loop that
contains both accesses) or carried (over the back edge of such a loop).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

FRESH = 1
CARRIED = 2
DATA = FRESH | CARRIED
CONTROL_FRESH = 4
CONTROL_CARRIED = 8


def as_control(bits: int) -> int:
    """Return the taint of what is only executed, or chosen, depending on a value with ``bits``."""
    return (bits & DATA) << 2 | bits & ~DATA


def carry(bits: int) -> int:
    """Return ``bits`` on the other side of a back edge."""
    return (bits & (FRESH | CONTROL_FRESH)) << 1 | bits & (CARRIED | CONTROL_CARRIED)


@dataclass(slots=True)
class State:
    """The taint of each local, whether the first access happened, and which tests led here.

    ``left`` comes from tests that may have ended the function (or a polling loop) before this
    point, ``broken`` and ``continued`` from those that may have ended the loop or the pass.
    """

    names: dict[str, int] = field(default_factory=dict)
    reached: int = 0
    left: int = 0
    broken: int = 0
    continued: int = 0

    def copy(self) -> State:
        """Return an independent copy."""
        return State(dict(self.names), self.reached, self.left, self.broken, self.continued)

    def absorb(self, other: State) -> None:
        """Make this the join of both: what may be true on either way."""
        for name, bits in other.names.items():
            self.names[name] = self.names.get(name, 0) | bits
        self.reached |= other.reached
        self.left |= other.left
        self.broken |= other.broken
        self.continued |= other.continued

    def cross_back_edge(self) -> None:
        """Turn everything fresh into carried."""
        self.names = {name: carry(bits) for name, bits in self.names.items()}
        self.reached = carry(self.reached)
        self.left = carry(self.left)
        self.broken = carry(self.broken)

    def assign(self, name: str, bits: int) -> None:
        """Give ``name`` a new value: what was known of it and of what it holds is gone."""
        holds = (name + ".", name + "[")
        for known in [known for known in self.names if known.startswith(holds)]:
            del self.names[known]
        if bits:
            self.names[name] = bits
        else:
            self.names.pop(name, None)

    def weaken(self, name: str, bits: int) -> None:
        """Put something into the object called ``name``: the rest of it stays."""
        if bits:
            self.names[name] = self.names.get(name, 0) | bits


def join(first: State | None, second: State | None) -> State | None:
    """Return the join of two states, of which None is the unreachable one."""
    if first is None or second is None:
        return first or second
    joined = first.copy()
    joined.absorb(second)
    return joined


def dotted(node: ast.AST) -> str | None:
    """Return ``a.b['c']`` for a chain of attributes and constant keys that starts at a name."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append("." + node.attr)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            parts.append(f"[{node.slice.value!r}]")
        else:
            break
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return "".join(reversed(parts))
