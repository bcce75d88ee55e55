"""Every page with something in it, at both widths and in both themes."""

import pytest
from chromium import browser
from screenshots import take_all

__all__ = ["browser"]


@pytest.mark.slow
def test_nothing_goes_wrong_in_any_page(browser, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    assert take_all(browser, tmp_path, work) == []
    pictures = list(tmp_path.glob("*.png"))
    assert len(pictures) > 4 * 15 and all(one.stat().st_size > 5000 for one in pictures)
