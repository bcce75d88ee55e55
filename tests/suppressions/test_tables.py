"""What the tables say, and which findings they mean."""

import re
from dataclasses import replace
from datetime import date

import pytest

from raceway import project
from raceway.model.findings import Access, Actor, Finding, Frame, LockRef, Report
from raceway.triage.patterns import matches
from raceway.triage.qualified import qualified_name
from raceway.triage.tables import Table, parse
from raceway.triage.verdict import Wanted, judge, wanted


def finding(variable="stock['apple']", *, kind="data-race", locks=()):
    frames = [
        Frame("/srv/src/shop/cache.py", 5, "Cache.get"),
        Frame("/srv/src/shop/web/__init__.py", 9, "handle.<locals>.inner"),
    ]
    sides = tuple(Access("write", "write", Actor("T"), (frame, frames[0])) for frame in frames)
    return Finding(
        "RW-00000001", kind, "warning", "observed", variable, "Lost.", sides, locks
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("fingerprint", "RW-00000001", True),
        ("fingerprint", "RW-0000000", False),
        ("type", "data-race", True),
        ("type", "atomicity-violation", False),
        ("variable", "stock['apple']", True),
        ("variable", "stock[*]", True),
        ("variable", "stock['appl?']", True),
        ("variable", "stock", False),
        ("variable", "stock[abc]", False),
        ("function", "shop.cache.Cache.get", True),
        ("function", "cache.Cache.get", True),
        ("function", "Cache.get", True),
        ("function", "src.shop.cache.*", True),
        ("function", "shop.web.handle.<locals>.inner", True),
        ("function", "shop.*", True),
        ("function", "get", False),
        ("function", "op.cache.Cache.get", False),
        ("function", "shop.cache.Cache", False),
    ],
)
def test_what_a_key_means(key, value, expected):
    assert Table("f:1", "r", **{key: value}).selects(finding(), "/srv") is expected


def test_names_of_functions_from_the_source(tmp_path):
    """Python 3.10 keeps the plain name only."""
    path = tmp_path / "m.py"
    path.write_text(
        "class A:\n    def get(self):\n        def get():\n            x\n        y\n"
        "async def get():\n    z\n"
    )

    def name(line, function="get"):
        return qualified_name(Frame(str(path), line, function))

    assert [name(4), name(5), name(7)] == ["A.get.<locals>.get", "A.get", "get"]
    assert [name(4, "B.get"), name(4, "<module>"), name(99)] == ["B.get", "<module>", "get"]
    (tmp_path / "bad.py").write_text("class")
    assert qualified_name(Frame(str(tmp_path / "bad.py"), 1, "get")) == "get"
    assert qualified_name(Frame("<string>", 1, "get")) == "get"


def test_all_keys_have_to_match():
    both = Table("f:1", "r", variable="stock*", function="shop.cache.*")

    assert both.selects(finding(), "/srv")
    assert not both.selects(finding("other"), "/srv")
    assert not Table("f:1", "r", variable="stock*", function="x").selects(finding(), "/srv")


def test_an_inversion_is_known_by_its_locks():
    inversion = finding("", kind="lock-order-inversion", locks=(LockRef("a"), LockRef("b")))

    assert Table("f:1", "r", variable="b").selects(inversion, "/srv")
    assert not Table("f:1", "r", variable="c*").selects(inversion, "/srv")


def test_patterns_are_the_whole_name():
    assert matches("a.*", "a.b\nc")
    assert not matches("a.*", "ab")
    assert not matches("a", "ba")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"variable": "x"}, "it has no reason: say why"),
        ({"reason": "r"}, "it says nothing of the findings: give fingerprint, variable"),
        ({"reason": "r", "until": 1}, "there is no key 'until': give fingerprint, "),
        ({"reason": "r", "function": 1}, "function = 1 is not usable: give a text"),
        ({"reason": " ", "variable": "x"}, "reason = ' ' is not usable: give a text"),
        ({"reason": "r", "fingerprint": "7f3a"}, "fingerprint = '7f3a' is not usable: .*'RW-087"),
        ({"reason": "r", "type": "race"}, "type = 'race' is not usable: give 'data-race', "),
        ({"reason": "r", "type": "data-race", "expires": "2030-01-01"}, "without quotes"),
        ({"reason": "r", "type": "data-race", "expires": 7}, "without quotes"),
        ("text", "it is no table"),
    ],
)
def test_what_is_wrong_with_a_table(table, message):
    good = {"variable": "y", "reason": "r"}

    tables, problems = parse([table, good], "f.toml", "[[suppress]]\n[[suppress]]", "suppress")

    assert tables == [Table("f.toml:2", "r", variable="y")]
    (problem,) = problems
    assert problem.startswith("f.toml:1: [[suppress]] does not count: ")
    assert re.search(message, problem)


def test_where_tables_begin():
    """Spaces and comments are no matter; where lines cannot be told, the number is."""
    table = {"variable": "y", "reason": "r"}
    text = "# [[tool.raceway.suppress]]\n [[ tool . raceway.suppress ]] # x\n"

    def places(tables):
        return [one.by for one in parse(tables, "p", text, "tool.raceway.suppress")[0]]

    assert places([table]) == ["p:2"]
    assert places([table, table]) == ["p (number 1)", "p (number 2)"]
    assert parse({"a": 1}, "p", "", "suppress") == (
        [],
        ["p: suppress is no list of tables: begin each with [[suppress]]"],
    )


@pytest.mark.parametrize(("day", "suppressed"), [(30, 1), (31, 1), (1, 0)])
def test_the_last_day_still_counts(day, suppressed):
    table = Table("f:1", "r", type="data-race", expires=date(2030, 1, 31))
    today = date(2030, 1, day) if day > 1 else date(2030, 2, 1)

    report = judge(Report((finding(),)), Wanted([table]), root="/srv", today=today).report

    assert len(report.suppressed) == suppressed
    assert len(report.findings) == 1 - suppressed
    assert len(report.remarks) == 1 - suppressed


def test_the_same_code_on_other_items_stands_by_itself_if_the_first_is_suppressed():
    """A renderer shows what refers to another finding as a part of that one."""
    first = finding("stock['a']")
    others = [
        replace(first, variable=f"stock['{name}']", id=f"{first.id}-{name * 4}", same_as=first.id)
        for name in "bc"
    ]
    found = Report((first, *others))

    one = judge(found, Wanted([Table("f:1", "r", variable="stock['a']")]), root="").report
    assert [(f.variable, f.same_as) for f in one.findings] == [
        ("stock['b']", ""),
        ("stock['c']", f"{first.id}-bbbb"),
    ]
    assert [(f.variable, f.same_as) for f in one.suppressed] == [("stock['a']", "")]
    every = judge(found, Wanted([Table("f:1", "r", fingerprint=first.id)]), root="").report
    assert every.findings == ()
    assert [f.same_as for f in every.suppressed] == ["", first.id, first.id]


def test_all_tables_that_match_are_used():
    tables = [Table(f"f:{n}", str(n), variable="*") for n in (1, 2)]

    verdict = judge(Report((finding(),)), Wanted(tables), root="/srv")

    assert verdict.report.suppressed[0].suppressed.by == "f:1"
    assert verdict.report.remarks == ()


def test_reading_toml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert project.nearest("no-such-file.toml") == ""
    for data in (b"\xff", b"a = " + b"[" * 100_000):
        (tmp_path / "a.toml").write_bytes(data)
        with pytest.raises(project.Unreadable, match=r"a\.toml: is not valid TOML"):
            project.load("a.toml")


def test_keys_of_the_own_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raceway.toml").write_text("b = 1\na = 2\n")

    assert wanted().problems == [
        f"raceway.toml: there is no key {key!r}: give [[suppress]]" for key in "ba"
    ]
