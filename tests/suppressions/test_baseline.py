"""Findings that are known already."""

import json
import re

import pytest
from suppressions.conftest import by_variable, told

ABSENT = {"fingerprint": "RW-00000000", "type": "data-race", "variable": "till.count"}


def baseline_of(document, *variables):
    known = [
        {"fingerprint": one["id"], "type": one["type"], "variable": one["variable"]}
        for one in document["findings"]
        if one["variable"] in variables
    ]
    return json.dumps({"schema": "raceway-baseline/1", "findings": [*known, ABSENT]})


def test_known_findings_do_not_fail_the_run(shop):
    outcome, document = shop.sell()
    shop.write("known.json", baseline_of(document, "store.sold"))

    outcome, document = shop.sell("--fail-on", "warning", "--baseline", "known.json")

    assert outcome.status == 66
    first, second = told(outcome)
    assert first.startswith("1 finding (1 critical), 1 known; watched 1 object")
    assert second == "1 known finding (baseline known.json)"
    assert "store.sold" not in outcome.err
    assert by_variable(document, "known") == {"store.visits": False, "store.sold": True}
    assert document["baseline"] == {"file": "known.json", "absent": [ABSENT]}

    shop.write("known.json", baseline_of(document, "store.sold", "store.visits"))
    outcome, _ = shop.sell(
        "--fail-on", "warning", "--verbose", env={"RACEWAY_BASELINE": "known.json"}
    )
    assert outcome.status == 0
    first, second, third = told(outcome)[:3]
    assert first.startswith("no new races found, 2 known; watched 1 object")
    assert second == "2 known findings (baseline known.json)"
    assert third == "not seen any more: RW-00000000 data-race till.count"


def test_the_baseline_of_the_project(shop):
    """Relative to the file that names it; a suppressed finding is suppressed, known or not."""
    _, document = shop.sell()
    shop.write("known.json", baseline_of(document, "store.sold", "store.visits"))
    shop.write("pyproject.toml", """
        [tool.raceway]
        baseline = "known.json"
        [[tool.raceway.suppress]]
        variable = "store.sold"
        reason = "r"
    """)  # fmt: skip
    (shop.folder / "below").mkdir()
    (shop.folder / "app.py").rename(shop.folder / "below" / "app.py")
    (shop.folder / "shop").rename(shop.folder / "below" / "shop")
    shop.folder = shop.folder / "below"

    outcome, document = shop.sell("--fail-on", "warning")

    assert outcome.status == 0
    assert told(outcome)[0].startswith("no new races found, 1 known, 1 suppressed; watched")
    assert by_variable(document, "known") == {"store.sold": False, "store.visits": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such baseline: raceway baseline REPORT.json makes one"),
        ("{", "is not valid JSON: make it anew"),
        ("[]", "is no baseline: make one of it with raceway baseline REPORT.json"),
        ('{"schema": "raceway-report/1"}', "is no baseline: make one of it"),
        ('{"schema": "raceway-baseline/1"}', "has no list 'findings'"),
        ('{"schema": "raceway-baseline/1", "findings": [{}]}', "needs a 'fingerprint'"),
    ],
)
def test_a_baseline_that_cannot_be_used(shop, text, message):
    """As an option it is refused; in pyproject.toml it is told, and nothing is known."""
    if text is not None:
        shop.write("known.json", text)

    refused, document = shop.sell("--baseline", "known.json")

    assert (refused.status, document) == (2, None)
    assert re.match(rf"raceway-run: --baseline known\.json: .*{re.escape(message)}", refused.err)
    if text in (None, "{"):
        shop.write("pyproject.toml", '[tool.raceway]\nbaseline = "known.json"\n')
        outcome, document = shop.sell("--fail-on", "warning")
        assert (outcome.status, len(document["findings"])) == (66, 2)
        assert message in told(outcome)[1]


def test_a_baseline_that_is_no_name(shop):
    shop.write("pyproject.toml", "[tool.raceway]\nbaseline = 3\n")

    assert told(shop.sell()[0])[1:] == [
        "pyproject.toml: [tool.raceway] baseline = 3 is not usable: give the name of a file"
    ]
