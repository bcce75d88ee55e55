"""What suppressions do to a run: what is shown, what fails it, what is said about them."""

import os
import re
import sys

import pytest
from suppressions.conftest import by_variable, told

TABLES = """
    [[tool.raceway.suppress]]
    variable = "store.visits"
    reason = "statistics"
"""


def test_without_any_nothing_is_said(shop):
    outcome, document = shop.sell("--fail-on", "warning")

    assert outcome.status == 66
    assert len(told(outcome)) == 1
    assert "suppressed" not in outcome.err
    assert by_variable(document, "suppressed") == {"store.sold": None, "store.visits": None}
    assert (document["baseline"], document["remarks"]) == (None, [])


def test_a_suppressed_finding_is_counted_and_not_shown(shop):
    shop.write("pyproject.toml", TABLES)

    outcome, document = shop.sell("--fail-on", "warning")

    assert outcome.status == 66
    (summary,) = told(outcome)
    assert summary.startswith("1 finding (1 critical), 1 suppressed; watched 1 object")
    assert "store.visits" not in outcome.err
    assert by_variable(document, "suppressed") == {
        "store.sold": None,
        "store.visits": {"reason": "statistics", "by": "pyproject.toml:2"},
    }


def test_a_run_with_suppressed_findings_only_does_not_fail(shop):
    shop.write("pyproject.toml", TABLES.replace("store.visits", "store.*"))

    outcome, document = shop.sell("--fail-on", "warning")

    assert (outcome.status, outcome.out) == (0, "")
    assert told(outcome)[0].startswith("no new races found, 2 suppressed; watched 1 object")
    assert len(document["findings"]) == 2
    verbose, _ = shop.sell("--verbose")
    assert re.search(
        r"^raceway: suppressed: data-race store\.sold RW-\w+ \(pyproject.toml:2: statistics\)$",
        verbose.err,
        re.MULTILINE,
    )


def test_files_of_the_nearest_parent(shop):
    """As all tools do it: who works in a folder of the project means the project."""
    shop.write("pyproject.toml", TABLES)
    shop.write("raceway.toml", '[[suppress]]\nfunction = "shop.store.Store.sell"\nreason = "r"\n')
    (shop.folder / "below").mkdir()
    (shop.folder / "app.py").rename(shop.folder / "below" / "app.py")
    (shop.folder / "shop").rename(shop.folder / "below" / "shop")
    top, shop.folder = shop.folder, shop.folder / "below"

    _, document = shop.sell()

    assert by_variable(document, "suppressed") == {
        "store.sold": {"reason": "r", "by": f"{top}/raceway.toml:1"},
        "store.visits": {"reason": "statistics", "by": f"{top}/pyproject.toml:2"},
    }


@pytest.mark.parametrize("how", ["option", "variable"])
def test_another_file(shop, how):
    shop.write("raceway.toml", '[[suppress]]\nvariable = "*"\nreason = "not read"\n')
    shop.write("other.toml", '\n\n[[suppress]]\nvariable = "store.sold"\nreason = "r"\n')
    options = ["--suppressions", "other.toml"] if how == "option" else []
    env = {} if options else {"RACEWAY_SUPPRESSIONS": "other.toml"}

    _, document = shop.sell(*options, env=env)

    assert by_variable(document, "suppressed") == {
        "store.sold": {"reason": "r", "by": "other.toml:3"},
        "store.visits": None,
    }


def test_a_run_without_launcher(shop):
    shop.write("pyproject.toml", TABLES)
    text = (shop.folder / "app.py").read_text()
    shop.write("app.py", "import raceway_autopatch; raceway_autopatch.install()\n" + text)

    outcome = shop.bare("app.py")

    assert told(outcome)[0].startswith("1 finding (1 critical), 1 suppressed; watched")


def test_comments(shop):
    """On the line of an access, with a reason; brackets in it may be balanced."""
    shop.comment("self.visits += 1", "# raceway: ignore[as in list[0]]  # noqa: X")
    shop.comment("self.sold += 1", "# raceway: ignore")

    outcome, document = shop.sell("--fail-on", "critical")

    assert outcome.status == 66
    assert by_variable(document, "suppressed") == {
        "store.sold": None,
        "store.visits": {"reason": "as in list[0]", "by": "shop/store.py:12"},
    }
    assert told(outcome)[1:] == [
        "shop/store.py:9: the comment does not count without a reason:"
        " write # raceway: ignore[why it does no harm]"
    ]


def test_a_comment_in_the_program_on_an_access_in_a_library(shop):
    """The access itself lies in a file that is not the user's to comment."""
    library = shop.folder / "site-packages"
    library.mkdir()
    (library / "drawers.py").write_text("def bump(drawer):\n    drawer.count += 1\n")
    shop.write("app.py", """
        import sys, threading, raceway
        sys.path.insert(0, "site-packages")
        from drawers import bump
        drawer = raceway.watch(type("Drawer", (), {})(), name="drawer")
        drawer.count = 0
        def work():
            bump(drawer)  # raceway: ignore[an estimate]
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """)  # fmt: skip

    _, document = shop.sell()

    by = {"reason": "an estimate", "by": "app.py:8"}
    assert by_variable(document, "suppressed") == {"drawer.count": by}


def test_unused_and_expired_ones_are_named(shop):
    shop.write("pyproject.toml", TABLES + """
        [[tool.raceway.suppress]]
        variable = "till.*"
        type = "data-race"
        reason = "gone"

        [[tool.raceway.suppress]]
        variable = "store.*"
        reason = "for a while"
        expires = 2024-02-29

        [[tool.raceway.suppress]]
        fingerprint = "RW-0000"
        reason = "old and gone"
        expires = 2024-02-29
    """)  # fmt: skip

    outcome, document = shop.sell("--fail-on", "warning")

    assert outcome.status == 66
    assert told(outcome)[1:] == document["remarks"] == [
        "pyproject.toml:11: suppression expired on 2024-02-29: variable = 'store.*'",
        "pyproject.toml:16: suppression expired on 2024-02-29: fingerprint = 'RW-0000'",
        "pyproject.toml:6: unused suppression, it matched nothing in this run:"
        " variable = 'till.*', type = 'data-race'",
    ]  # fmt: skip
    assert "raceway" not in shop.sell("--quiet")[0].err


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_mistakes_are_told_and_the_others_count(shop, quiet):
    """A mistake shows more than was meant and never less; --quiet does not hide it."""
    shop.write("pyproject.toml", TABLES + """
        [[tool.raceway.suppress]]
        variabel = "store.sold"
        reason = "r"
    """)  # fmt: skip
    shop.write("raceway.toml", '[[suppress]]\nvariable = "store.sold\n')

    outcome, document = shop.sell("--fail-on", "warning", *quiet)

    assert outcome.status == 66
    assert by_variable(document, "suppressed")["store.visits"] is not None
    lines = [line for line in outcome.err.splitlines() if ".toml" in line]
    assert lines[0] == (
        "raceway: pyproject.toml:6: [[tool.raceway.suppress]] does not count:"
        " there is no key 'variabel': did you mean 'variable'?"
    )
    assert lines[1].startswith(
        f"raceway: {shop.folder}/raceway.toml: is not valid TOML, correct it: "
    )
    assert len(lines) == 2


def test_a_broken_pyproject_that_is_not_about_us_is_no_business_of_ours(shop):
    shop.write("pyproject.toml", "[tool.other\n")
    assert len(told(shop.sell()[0])) == 1

    shop.write("pyproject.toml", "[tool.raceway\n")
    assert "pyproject.toml: is not valid TOML" in told(shop.sell()[0])[1]


def test_an_interpreter_that_cannot_read_toml(shop):
    shop.write("pyproject.toml", TABLES)
    (shop.folder / "driver.py").write_text(
        "import sys\nsys.modules['tomllib'] = sys.modules['tomli'] = None\n"
        "import raceway_autopatch.launcher as launcher\nsys.exit(launcher.main())\n"
    )
    shop.launcher = [sys.executable, "driver.py"]

    outcome, document = shop.sell()

    assert len(document["findings"]) == 2
    assert told(outcome)[1].endswith(
        "pyproject.toml: Python 3.10 cannot read TOML: use a newer one, or install tomli"
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.toml", None, "cannot be read: No such file"),
        ("bad.toml", "[[suppress", "is not valid TOML, correct it"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_before_the_program_runs(shop, name, text, message):
    if text is not None:
        shop.write(name, text)

    outcome, document = shop.sell("--suppressions", name)

    assert (outcome.status, document) == (2, None)
    assert re.match(rf"raceway-run: --suppressions {name}: {message}", outcome.err)


def test_failing_triage(shop):
    """An error of ours costs nothing of the report."""
    shop.write("pyproject.toml", TABLES)
    (shop.folder / "driver.py").write_text(
        "import sys\nsys.modules['raceway.triage.verdict'] = None\n"
        "import raceway_autopatch.launcher as launcher\nsys.exit(launcher.main())\n"
    )
    shop.launcher = [sys.executable, "driver.py"]

    outcome, document = shop.sell("--fail-on", "warning")

    assert outcome.status == 66
    assert len(document["findings"]) == 2
    assert outcome.err.startswith("raceway: reading suppressions failed: ")
    assert os.listdir(shop.temporary) == []
