"""A strict reader of the HTML report: it knows what may stand there, and nothing else."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

VOID = {"meta", "input"}
TAGS = VOID | set(
    "a body button caption code dd details div dl dt fieldset footer form h1 h2 h3 head header html"
    " kbd label legend li main ol output p pre script section span strong style summary table tbody"
    " td th thead title tr ul".split()
)
ATTRIBUTES = set(
    "aria-label aria-live autocomplete charset checked class colspan content data-certainty"
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
        if tag in self.raw:
            self.raw[tag].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in {"td", "th", "dt"}:
            self.pieces.append("  ")  # cells stand apart

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside in self.raw:
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
    for name, text in (("style", style), ("script", script)):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in markup.policy
    assert markup.policy.startswith("default-src 'none'; ")
    assert "url(" not in style and "@import" not in style and "://" not in style + script
    return markup
