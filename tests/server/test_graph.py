"""Pictures of graphs: every node and edge is there, circles are found, and nothing overlaps."""

import re
from xml.etree import ElementTree as ET

from raceway.server.pages.graph import Edge, Node, circles, draw


def edges_of(text):
    return [Edge(*pair) for pair in text.split()]


def test_circles():
    """Nodes that lead to each other; a line, and two lines that meet, are none."""
    assert circles(edges_of("ab bc ac")) == []
    assert circles(edges_of("ab ba cd")) == [frozenset("ab")]
    assert circles(edges_of("ab bc ca cd de ed")) == [frozenset("de"), frozenset("abc")]


def test_a_long_chain_needs_no_recursion():
    chain = [Edge(str(n), str(n + 1)) for n in range(20_000)]
    assert circles([*chain, Edge("20000", "0")]) == [frozenset(map(str, range(20_001)))]


def test_a_picture():
    names = {key: Node(f"lock <{key}>", "a.py:1") for key in "abcd"}
    text = draw(names, edges_of("ab bc ca cd"), 'which "lock"')
    picture = ET.fromstring(text)
    boxes = {(int(box.get("x")), int(box.get("y"))) for box in picture.iter("rect")}
    assert len(boxes) == 4
    assert len({x for x, _ in boxes}) == 4  # each to the right of what leads to it
    paths = [path.get("class") for path in picture.iter("path") if path.get("marker-end")]
    assert sorted(paths) == ["edge", "edge-circle", "edge-circle", "edge-circle"]
    assert text.count('class="node on"') == 3
    assert "lock <a>" in {found.text for found in picture.iter("title")}
    for x, y in boxes:
        assert 0 <= x <= int(picture.get("width")) and 0 <= y <= int(picture.get("height"))


def test_nodes_of_one_column_stand_below_each_other():
    picture = draw({key: Node(key) for key in "abcd"}, edges_of("ab ac ad"), "x")
    places = re.findall(r'<rect x="(\d+)" y="(\d+)"', picture)
    assert len(set(places)) == 4 and len({x for x, _ in places}) == 2


def test_nothing_to_draw():
    assert draw({"a": Node("a")}, [], "x") == ""
    assert draw({"a": Node("a")}, edges_of("ab"), "x") == ""
