"""Whether one call, or pass of a loop, gets to a place no more than once."""

from __future__ import annotations

import pytest
from test_dependence import Snippet, needs_columns

from raceway.engine.dependence import is_carried
from raceway.engine.passes import calls_once, is_reached_once, shares_loop


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("def f(d):\n    return «1r d['k']»\n", True),
        ("def f(d, k):\n    if k in d:\n        return «1r d[k]»\n", True),
        ("def f(d):\n    for k in 'ab':\n        g(«1r d[k]»)\n", False),
        ("def f(d):\n    while «1r d['k']»:\n        g()\n", False),
        ("def f(d):\n    «1r d.get(0)»\n    return [k for k in d]\n", True),
    ],
)
def test_a_loop_gets_to_a_place_more_than_once(text: str, once: bool) -> None:
    snippet = Snippet(text)
    assert is_reached_once(snippet.view, snippet.marks["1"]) is once


@needs_columns
@pytest.mark.parametrize(
    ("call", "once"),
    [
        ("self.get(k)", True),
        ("method(self, k)", True),  # what a decorator calls by a name of its own
        ("map(get, k)", False),
        ("sorted(k, key=self.get)", False),
        ("reduce(get, k)", False),
        ("list(x)", False),
    ],
)
def test_what_is_given_away_may_be_called_often(call: str, once: bool) -> None:
    snippet = Snippet(f"def f(self, k, x, method):\n    return «1r {call}»\n")
    assert calls_once(snippet.view, snippet.marks["1"], "get") is once


def test_a_lambda_may_be_called_often() -> None:
    snippet = Snippet("def f(g):\n    return «1r g()»\n")
    assert not calls_once(snippet.view, snippet.marks["1"], "<lambda>")


LOOPS = {
    "no loop": ("def f(d):\n    v = «1r d[0]»\n    «2w d[1]» = v\n", None, False),
    "one loop": (
        "def f(d):\n    for k in d:\n        v = «1r d[k]»\n        «2w d[0]» = v\n",
        True,
        False,
    ),
    "read in the pass before": (
        "def f(d):\n    v = 0\n    for k in d:\n        «2w d[0]» = v\n        v = «1r d[k]»\n",
        True,
        True,
    ),
    "two loops": (
        "def f(d):\n    for k in d:\n        v = «1r d[k]»\n"
        "    for k in d:\n        «2w d[k]» = v\n",
        False,
        False,
    ),
}


@needs_columns
@pytest.mark.parametrize("name", LOOPS)
def test_what_goes_from_one_pass_to_the_next(name: str) -> None:
    text, together, carried = LOOPS[name]
    snippet = Snippet(text)
    first, second = snippet.marks["1"], snippet.marks["2"]
    assert shares_loop(snippet.view, first, second) is together
    assert is_carried(snippet.view, first, second) is carried
