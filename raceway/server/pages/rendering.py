"""What all pages share: templates, and words for times and places."""

from __future__ import annotations

import os
import re
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader
from starlette.responses import HTMLResponse

from raceway import __version__
from raceway.report.assets import TIMELINE_SCRIPTS
from raceway.server.own_routes import OwnReader
from raceway.server.places import SourceFolders
from raceway.server.wire import time_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from raceway.server.context import ServerContext

MILLION = 1_000_000
_UNIT: Final = re.compile(r"[+\d.,]+ (?:ms|%)\Z")


def when(value: int) -> str:
    """Return a time as text, to the millisecond, in UTC."""
    text = time_text(value)
    return f"{text[:10]} {text[11:23]}Z"


def ago(value: int) -> str:
    """Return how long ago a time is."""
    seconds = datetime.now(timezone.utc).timestamp() - value / 1e9
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return "just now" if seconds < 5 else f"{seconds:.0f} s ago"


def is_number(cell: object) -> bool:
    """Tell whether a cell of a table is a number, or one with a unit."""
    return isinstance(cell, (int, float)) or (
        isinstance(cell, str) and _UNIT.match(cell) is not None
    )


def link(text: str, path: str, **query: str) -> dict[str, str]:
    """Return a cell of a table that leads somewhere."""
    return {"text": text, "href": quote(path) + (f"?{urlencode(query)}" if query else "")}


def timeline_link(text: str, **query: str) -> dict[str, str]:
    """Return a cell that leads to a timeline."""
    return link(text, "/timeline", **query)


class Renderer:
    """Renders templates for one server.

    Args:
        context: Of the server.

    Attributes:
        own: What ``/api/v1`` shows.
        root: Folder to which paths below it are shown relative.
        sources: Source files.
    """

    def __init__(self, context: ServerContext) -> None:
        self.context = context
        self.own = OwnReader(context)
        self.sources = SourceFolders(context.options.sources)
        self.root = context.root
        self._begun = threading.local()
        self._templates = Environment(
            loader=PackageLoader("raceway.server.pages"), autoescape=True, trim_blocks=True
        )
        self._templates.globals["is_number"] = is_number
        self._templates.filters |= {"when": when, "ago": ago, "short": self.short}

    def short(self, location: str) -> str:
        """Return a location below the root relative to it."""
        return location.removeprefix(self.root + os.sep)

    def _state(self) -> tuple[int, int]:
        store = self.context.findings
        return store.changed(), store.state("writes")

    def showing(self, page: Callable[..., Response], *arguments: object) -> Response:
        """Make a page; what comes in while it is made makes it old.

        Args:
            page: Renders it.
            arguments: For it.
        """
        self._begun.state = self._state()
        try:
            return page(*arguments)
        finally:
            self._begun.state = None

    def render(self, template: str, here: str, status: int = 200, **values: Any) -> Response:
        """Render a template.

        Args:
            template: Its name.
            here: Path of the page in the navigation.
            status: HTTP status.
            values: What the template is about.
        """
        change, stored = getattr(self._begun, "state", None) or self._state()
        text = self._templates.get_template(template).render(
            change=change, stored=stored, version=__version__, here=here,
            problem=self.context.intake.problem, timeline_scripts=TIMELINE_SCRIPTS, **values,
        )  # fmt: skip
        return HTMLResponse(text, status, {"cache-control": "no-store"})

    def list(self, here: str, title: str, *sections: dict[str, Any], **more: Any) -> Response:
        """Render a page of tables.

        Args:
            here: As for :meth:`render`.
            title: Its heading.
            sections: Each with ``title``; and ``findings``, ``heads`` and ``rows``, or ``svg``.
            more: Further values.
        """
        return self.render("list.html", here, title=title, sections=sections, **more)
