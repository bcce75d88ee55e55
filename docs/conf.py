"""The documentation as a web site: ``sphinx-build -W -b html docs site``."""

import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

import raceway  # noqa: E402 # found through the path above

project = "Raceway for Python"
author = "Raceway for Python contributors"
release = version = raceway.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {version}"
html_extra_path = ["reference/report.schema.json"]

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"

_LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+)(#[^)]*)?\)")
_SIDEBAR = {
    "Begin here": ["tutorial"],
    "How-to guides": ["how-to/launcher", "how-to/pytest", "how-to/*"],
    "Reference": [
        "reference/watch", "api", "reference/command-line", "reference/environment",
        "reference/*", "reference/synchronization/index", "reference/synchronization/*",
    ],
    "Explanation": ["explanation/how-it-works", "explanation/*", "limits", "design"],
}  # fmt: skip


def _adapt(_app: object, name: str, source: list[str]) -> None:
    """Make a page that reads well in the repository one of the site."""
    folder = (DOCS / name).parent

    def text_or_link(link: re.Match[str]) -> str:
        return link[0] if (folder / link[2]).resolve().is_relative_to(DOCS) else link[1]

    if (DOCS / f"{name}.md").exists():
        source[0] = _LINK.sub(text_or_link, source[0])
    if name == "index":
        for caption, pages in _SIDEBAR.items():
            lines = ["", "```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", *pages]
            source[0] += "\n".join([*lines, "```", ""])


def setup(app: object) -> None:
    """Connect what is above."""
    app.connect("source-read", _adapt)  # type: ignore[attr-defined]
