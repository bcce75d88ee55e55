"""What a value does in the functions between an access and the common caller."""

from __future__ import annotations

import textwrap

import pytest

from raceway.engine import flow_calls, owners
from raceway.engine.code_view import CodeView, Position
from raceway.engine.dependence import is_validated


def view_of(text: str, name: str = "f") -> tuple[CodeView, dict[str, Position]]:
    """Parse a function whose accesses are marked as «r self.n», and return where they are."""
    source, marks = "", {}
    for number, line in enumerate(textwrap.dedent(text).strip().splitlines(), 1):
        before, mark, marked = line.partition("«")
        source += before
        if mark:
            label, _, rest = marked.partition(" ")
            expression, _, after = rest.partition("»")
            start = len(before)
            marks[label] = Position(number, number, start, start + len(expression))
            source += expression + after
        source += "\n"
    return CodeView(source, 1, name), marks


LEAVES = {
    "returned": ("return «r self.n»", True),
    "tested for what is returned": ("if «r self.n»:\n    return True\nreturn False", True),
    "raised": ("if «r self.n» > 3:\n    raise ValueError", True),
    "yielded": ("yield «r self.n»", True),
    "kept in an object": ("self.base = «r self.n»", True),
    "given away": ("sink(«r self.n»)", True),
    "logged": ("log.debug('%s', «r self.n»)\nreturn True", False),
    "only looked at": ("len(«r self.n»)", False),
    "forgotten": ("old = «r self.n»\nreturn True", False),
    "bare return": ("if «r self.n»:\n    return\nself.touch()", False),
}


@pytest.mark.parametrize("case", LEAVES)
def test_leaves(case: str) -> None:
    body, expected = LEAVES[case]
    view, marks = view_of("def f(self, sink, log):\n" + textwrap.indent(body, "    "))
    assert flow_calls.leaves(view, marks["r"]) is expected


MAY_STOP = {
    "if raises": ("if «r self.n» < 1:\n    raise ValueError", True),
    "assert": ("assert «r self.n»", True),
    "raises for another reason": ("old = «r self.n»\nif k:\n    raise ValueError", False),
    "returns": ("return «r self.n»", False),
}


@pytest.mark.parametrize("case", MAY_STOP)
def test_may_stop(case: str) -> None:
    body, expected = MAY_STOP[case]
    view, marks = view_of("def f(self, k):\n" + textwrap.indent(body, "    "))
    assert flow_calls.may_stop(view, marks["r"]) is expected


def test_what_one_method_keeps_another_uses() -> None:
    view, marks = view_of("def f(self):\n    self.base = «r self.doc.n»\n    self.other = 1")
    kept = flow_calls.attributes_stored(view, marks["r"])
    assert kept == {"base"}
    view, marks = view_of("def f(self):\n    «w self.doc.n» = self.base + 1")
    assert flow_calls.relies_on_attributes(view, marks["w"], "write", kept)
    assert not flow_calls.relies_on_attributes(view, marks["w"], "write", frozenset({"other"}))


@pytest.mark.parametrize(("argument", "expected"), [("old", True), ("note", False)])
def test_an_argument_gets_to_the_write(argument: str, expected: bool) -> None:
    text = f"def f(a):\n    x = «r a.get()»\n    «w a.put(old=1, note=2)»\n    {argument}"
    text = text.replace(f"{argument}={1 if argument == 'old' else 2}", f"{argument}=x")
    caller, marks = view_of(text)
    given = flow_calls.given(caller, marks["r"], marks["w"], ("read", "write"))
    assert given == {argument}
    callee, places = view_of(
        "def put(self, old, note):\n    log.info(note)\n    «w self.n» = old + 1", "put"
    )
    names = flow_calls.parameters(callee, caller, marks["w"], "write", given)
    assert names == {argument}
    assert flow_calls.relies_on(callee, places["w"], "write", names) is expected


VALIDATED = {
    "compared": ("if p.version == base:\n    «w p.text» = text", True),
    "left": ("if p.version != base:\n    return\n«w p.text» = text", True),
    "await after it": (
        "if p.version == base:\n    await x()\n    «w p.text» = text",
        False,
    ),
    "other block": ("ok = p.version == base\nif ok:\n    «w p.text» = text", False),
    "wrong way": ("if p.version != base:\n    «w p.text» = text", False),
    "behind the lock": (
        "if p.version != base:\n    return\nwith lock:\n    «w p.text» = text",
        False,
    ),
}


@pytest.mark.parametrize("case", VALIDATED)
def test_validated(case: str) -> None:
    body, expected = VALIDATED[case]
    head = "async def f(p):\n    base = p.version\n    text = await edit(«r p.text»)\n"
    view, marks = view_of(head + textwrap.indent(body, "    "))
    assert is_validated(view, marks["r"], marks["w"]) is expected


def test_the_version_has_to_be_read_first() -> None:
    view, marks = view_of(
        "async def f(p):\n    text = await edit(«r p.text»)\n    base = p.version\n"
        "    if p.version == base:\n        «w p.text» = text"
    )
    assert not is_validated(view, marks["r"], marks["w"])


SWAPPED = {
    "in one statement": ("ready, o.waiting = o.waiting, []", True),
    "in two": ("ready = o.waiting\no.waiting = []", True),
    "not exchanged": ("ready = o.waiting\no.other = []", False),
    "later": ("ready = o.waiting\nwork()\no.waiting = []", False),
}


@pytest.mark.parametrize("case", SWAPPED)
def test_swapped_out(case: str) -> None:
    body, expected = SWAPPED[case]
    body += "\nfor one in «r ready»:\n    work(one)"
    view, marks = view_of("def f(o):\n" + textwrap.indent(body, "    "))
    assert owners.is_swapped_out(view, marks["r"]) is expected
