"""Strict readers of reports: they know what may stand there, and nothing else."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

VOID = {"meta", "input"}
TAGS = VOID | set(
    "a body button caption code dd details div dl dt fieldset footer form h1 h2 h3 head header html"
    " kbd label legend li main ol output p pre script section span strong style summary table tbody"
    " td th thead title tr ul race-timeline".split()
)
ATTRIBUTES = set(
    "aria-label aria-live autocomplete charset checked class colspan content data-certainty data-finding"
    " data-severity data-type for hidden href http-equiv id lang name open role scope spellcheck"
    " tabindex type value".split()
)


class Markup(HTMLParser):
    """What a page consists of; fails at the first thing that does not belong there."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.pieces = [], [], [], []
        self.raw = {"script": [], "style": [], "title": []}
        self.classes = []
        self.policy = ""
        self.data = []  # of scripts that are none
        self.feed(page)
        self.close()
        assert not self.open

    @property
    def text(self):
        return "".join(self.pieces)

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS, tag
        given = dict(attributes)
        assert len(given) == len(attributes) and given.keys() <= ATTRIBUTES, attributes
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            assert given["href"].startswith("#")
            self.links.append(given["href"][1:])
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        self.classes += (given.get("class") or "").split()
        self.in_data = tag == "script" and "type" in given
        if self.in_data:
            assert given["type"] == "application/json"
            self.data.append("")
        elif tag in self.raw:
            self.raw[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in {"td", "th", "dt"}:
            self.pieces.append("  ")  # cells stand apart

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside == "script" and self.in_data:
            self.data[-1] += data
        elif inside in self.raw:
            self.raw[inside][-1] += data
        else:
            self.pieces.append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_pi(self, data):
        raise AssertionError(data)


def checked(page):
    """Return what the page consists of, having made sure that it is whole and harmless."""
    assert page.startswith("<!doctype html>\n") and page.endswith("</html>\n")
    assert all(char.isprintable() or char == "\n" for char in page)
    markup = Markup(page)
    assert len(set(markup.ids)) == len(markup.ids)
    assert set(markup.links) <= set(markup.ids)
    assert not any(char.isspace() for name in markup.ids for char in name)
    (style,), (script,) = markup.raw["style"], markup.raw["script"]
    for data in markup.data:
        assert json.loads(data)["schema"] == "raceway-timeline/1" and "<" not in data
    for name, text in (("style", style), ("script", script)):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in markup.policy
    assert markup.policy.startswith("default-src 'none'; ")
    assert "url(" not in style and "@import" not in style and "://" not in style + script
    return markup


def markdown_rows(text):
    """Return the rows of the table of findings, having made sure that nothing quoted is markup."""
    prose, inside, rows = [], "", []
    for line in text.split("\n"):
        assert line.isprintable()
        fence = re.fullmatch("(`{3,})(text)?", line)
        if fence and not inside:
            inside = fence[1]
        elif line == inside:
            inside = ""
        elif not inside:
            prose.append(line)
    assert not inside
    for line in prose:
        plain = re.sub(r"</?(details|summary|code)>|&#\d+;", "x", line)
        assert not re.search(r"[<>&`\[\]*_!\\@]", plain), line
        if line.startswith("| ") and "| severity " not in line:
            assert plain.count("|") == 6
            rows.append(line)
    return rows


def commands(text):
    """Return command, properties and message of each line, as the runner of GitHub reads them."""
    found = []
    for line in text.split("\n")[:-1]:
        assert line.isprintable()
        name, given, message = re.fullmatch(r"::(error|warning) (.*?)::(.*)", line).groups()
        properties = dict(part.split("=", 1) for part in given.split(","))
        assert properties.keys() in ({"title"}, {"file", "line", "endLine", "title"})
        found.append((name, {k: _decoded(v) for k, v in properties.items()}, _decoded(message)))
    return found


def _decoded(text):
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text
