"""From instructions back to expressions, on the interpreter that runs the tests."""

from __future__ import annotations

import ast
import dis
import sys
import textwrap
import types

import pytest

from raceway.engine.code_view import CodeView, Position, parse_source
from raceway.engine.dependence import Verdict, describe, link

EXACT = sys.version_info >= (3, 11)
needs_columns = pytest.mark.skipif(not EXACT, reason="Python 3.10 knows lines only")


def functions(code: types.CodeType):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from functions(constant)


def view_of(source: str, code: types.CodeType) -> CodeView:
    return CodeView(source, code.co_firstlineno, code.co_name)


def instruction(code: types.CodeType, name: str, argument: str = "", number: int = 0) -> Position:
    """Return the position of the n-th instruction whose name contains ``name``."""
    found = [
        each.positions
        for each in dis.get_instructions(code)
        if name in each.opname and argument in each.argrepr
    ]
    return Position(*found[number])


def function(source: str, name: str = "f") -> tuple[str, types.CodeType]:
    source = textwrap.dedent(source).lstrip("\n")
    code = compile(source, "sample.py", "exec")
    return source, next(each for each in functions(code) if each.co_name == name)


def test_every_code_object_of_a_file_has_a_root():
    source = textwrap.dedent(
        '''
        """A module."""
        from functools import wraps as deco

        @deco(len)
        @deco(
            max,
        )
        def plain(a=lambda: 1, *, b: int = 2):
            return [x for x in a if {y: 1 for y in x}], {z for z in b}, (q for q in b)

        @deco(len)
        class Thing:
            value = [i for i in range(3)]
            async def method(self):
                async for x in self: yield x
                def nested(): return lambda: (lambda: self)
                return
        '''
    ).lstrip("\n")
    codes = list(functions(compile(source, "sample.py", "exec")))

    for code in codes:
        roots = view_of(source, code).roots
        assert roots, code
        if not code.co_name.startswith("<"):
            assert [code.co_name] == [root.name for root in roots]


def test_decorated_function_is_found_by_its_first_decorator():
    source, code = function("@one\n@two(\n    3,\n)\ndef f(c):\n    return c.n\n")

    (root,) = view_of(source, code).roots

    assert 1 == code.co_firstlineno
    assert isinstance(root, ast.FunctionDef)


def test_module_is_a_root():
    source = "import os\nx = os.name\n"

    (root,) = view_of(source, compile(source, "m.py", "exec")).roots

    assert isinstance(root, ast.Module)


def test_renamed_function_is_found_if_it_is_alone_on_its_line():
    source, code = function("def f(c):\n    return c.n\n")

    assert CodeView(source, code.co_firstlineno, "renamed").roots


def test_functions_of_one_name_are_told_apart_by_line():
    source = (
        "class A:\n    def f(self): return self.a\n\nclass B:\n    def f(self): return self.b\n"
    )
    codes = [code for code in functions(compile(source, "s.py", "exec")) if code.co_name == "f"]

    assert [[2], [5]] == [[root.lineno for root in view_of(source, code).roots] for code in codes]


@needs_columns
def test_lambdas_of_one_line_are_told_apart_by_column():
    source = "fs = (lambda c: c.a, lambda c: c.b + 1, lambda c: (lambda: c.c))\n"
    lambdas = [
        code for code in functions(compile(source, "s.py", "exec")) if code.co_name == "<lambda>"
    ]

    found = [
        describe(view_of(source, code), instruction(code, "LOAD_ATTR"))
        for code in lambdas
        if any("LOAD_ATTR" in each.opname for each in dis.get_instructions(code))
    ]

    assert ["c.a", "c.b", "c.c"] == found


@needs_columns
@pytest.mark.parametrize(
    ("statement", "name", "expected"),
    [
        ("for x in c.jobs: pass", "GET_ITER", "c.jobs"),
        ("if c.jobs: pass", "POP_JUMP", "c.jobs"),
        ("while c.jobs: pass", "POP_JUMP", "c.jobs"),
        ("assert c.jobs", "POP_JUMP", "c.jobs"),
        ("if k in d: pass", "CONTAINS_OP", "k in d"),
        ("if d.get(k) is None: pass", "CALL", "d.get(k)"),
        ("d[k] += 1", "STORE_SUBSCR", "d[k]"),
        ("d[k]: int = 1", "STORE_SUBSCR", "d[k]"),
        ("del d[k]", "DELETE_SUBSCR", "d[k]"),
        ("c.a, d[k] = 1, 2", "STORE_SUBSCR", "d[k]"),
        ("for c.i in d: pass", "STORE_ATTR", "c.i"),
        ("with c.lock as c.l: pass", "STORE_ATTR", "c.l"),
        ("v = f'ü {c.n!r:>3}'", "LOAD_ATTR", "c.n"),
        ("v = len(d)", "CALL", "len(d)"),
        ("c.append(\n        1,\n    )", "CALL", "c.append( 1, )"),
        ("v = (c\n        .get(k)\n        .pop(k))", "CALL", "c .get(k) .pop(k)"),
        ("'ä'; 'ö'; c.n = 1", "STORE_ATTR", "c.n"),
        ("print('日本', c.n)", "LOAD_ATTR", "c.n"),
    ],
)
def test_instruction_leads_to_its_expression(statement, name, expected):
    source, code = function(f"def f(c, d, k):\n    {statement}\n")
    number = -1 if ".pop(" in statement else 0

    assert expected == describe(view_of(source, code), instruction(code, name, number=number))


@needs_columns
@pytest.mark.parametrize(
    ("source", "first", "second", "expected"),
    [
        ("for k in d:\n    d[k] = 0", "GET_ITER", "STORE_SUBSCR", Verdict.DATA),
        ("if d:\n    d[k] = 0", "POP_JUMP", "STORE_SUBSCR", Verdict.CONTROL),
        ("if not d:\n    d[k] = 0", "POP_JUMP", "STORE_SUBSCR", Verdict.CONTROL),
        ("while d:\n    d[k] = 0", "POP_JUMP", "STORE_SUBSCR", Verdict.CONTROL),
        ("if k in d:\n    d[k] = 0", "CONTAINS_OP", "STORE_SUBSCR", Verdict.CONTROL),
        ("if k in d:\n    del d[k]", "CONTAINS_OP", "DELETE_SUBSCR", Verdict.CONTROL),
        ("v = len(d)\nd[k] = v", "CALL", "STORE_SUBSCR", Verdict.DATA),
        ("with d as v:\n    d[k] = v", "BEFORE_WITH|LOAD_SPECIAL", "STORE_SUBSCR", Verdict.DATA),
        ("v = [i for i in d]\nd[k] = v", "GET_ITER", "STORE_SUBSCR", Verdict.DATA),
        ("v = [*d]\nd[k] = v", "LIST_EXTEND", "STORE_SUBSCR", Verdict.DATA),
        ("v = {**d}\nd[k] = v", "DICT_UPDATE", "STORE_SUBSCR", Verdict.DATA),
        ("v = k in d\nif v:\n    d[k] = 1", "CONTAINS_OP", "STORE_SUBSCR", Verdict.CONTROL),
        ("d[k] = 0\nfor i in d:\n    pass", "GET_ITER", "STORE_SUBSCR", Verdict.NONE),
        (
            "try:\n    v = d[k]\nexcept KeyError:\n    d[k] = 0",
            "BINARY_SUBSCR|BINARY_OP",
            "STORE_SUBSCR",
            Verdict.CONTROL,
        ),
    ],
)
def test_container_accesses(source, first, second, expected):
    source, code = function("def f(d, k):\n" + textwrap.indent(source, "    ") + "\n")
    opnames = {each.opname for each in dis.get_instructions(code)}
    name = next(name for name in first.split("|") if any(name in each for each in opnames))

    found = link(
        view_of(source, code),
        instruction(code, name),
        instruction(code, second),
        first_kind="read",
        second_kind="write",
    )

    assert expected is found.verdict


@needs_columns
def test_coroutine_suspended_in_a_call_is_at_its_await():
    source, code = function(
        """
        async def f(c):
            v = await c.get()
            await c.put(v + 1)
            async with c.lock:
                pass
        """
    )
    view = view_of(source, code)

    reads, writes = (instruction(code, "GET_AWAITABLE", number=number) for number in range(2))

    assert "await c.get()" == describe(view, reads)
    assert Verdict.DATA is link(view, reads, writes, first_kind="read", second_kind="write").verdict


@needs_columns
def test_exit_of_a_with_block_comes_after_its_body():
    source, code = function(
        "def f(c):\n    with c.session():\n        v = c.n\n        use(v)\n    return 1\n"
    )
    enter = instruction(code, "BEFORE_WITH" if sys.version_info < (3, 14) else "LOAD_SPECIAL")
    read = instruction(code, "LOAD_ATTR", "n", number=-1)

    found = link(view_of(source, code), read, enter, first_kind="read", second_kind="write")

    assert Verdict.SAME_FUNCTION is found.verdict


def test_line_alone_leads_to_the_accesses_of_the_wanted_kind():
    source, code = function("def f(c, k):\n    c.n = c.m + c.get(k)\n    c.n += 1\n")
    view = view_of(source, code)

    def texts(line, kind):
        return [view.segment(node) for _, node in view.locate(Position(line), kind)]

    assert ["c.n"] == texts(2, "write")[:1]
    assert ["c.m", "c.get(k)"] == texts(2, "read")
    assert ["c.n"] == texts(3, "read") == texts(3, "write")
    assert [] == texts(9, "read")


def test_nested_function_is_not_part_of_the_one_around_it():
    source, code = function("def f(c):\n    def g():\n        return c.n\n    return lambda: c.m\n")
    view = view_of(source, code)

    assert () == view.locate(Position(3), "read")
    assert () == view.locate(Position(4), "read")


def test_where_a_coroutine_may_be_suspended():
    source, code = function(
        """
        async def f(c):
            await c.a
            async with c.b:
                x = await c.c(
                    await c.d)
            async for _ in c.e:
                pass
            async def g():
                await c.f
            return [x async for x in c.g]
        """
    )
    view = view_of(source, code)
    first = code.co_firstlineno

    assert [line - first for line in view.pauses(first, first + 20)] == [1, 2, 3, 4, 5]
    assert [line - first for line in view.pauses(first + 2, first + 3)] == [2, 3]


@pytest.mark.parametrize("text", ["", "def f(:", "\0", "x = '", "(" * 1000])
def test_text_that_is_not_python_has_no_roots(text):
    assert not CodeView(text, 3, "f").roots


def test_source_is_parsed_once():
    text = "def f(c):\n    return c.n\n"

    assert parse_source(text) is parse_source(str(text.encode(), "utf-8"))
