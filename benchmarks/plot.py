"""Line plots as SVG, with logarithmic axes."""

from __future__ import annotations

import math
from html import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 150, 40, 46
COLOURS = ("#7a7a7a", "#2a6fdb", "#d2691e", "#2e8b57", "#8b3a8b")


class Plot:
    """A plot.

    Attributes:
        lines: By name: points, of positive numbers.
    """

    def __init__(self, title, x_label, y_label):
        self.title = title
        self.x_label = x_label
        self.y_label = y_label
        self.lines = {}

    def svg(self):
        """Return it."""
        points = [point for line in self.lines.values() for point in line]
        xs = _range(x for x, _ in points)
        ys = _range(y for _, y in points)
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="{LEFT}" y="22" font-size="14">{escape(self.title)}</text>',
        ]
        for power in range(xs[0], xs[1] + 1):
            x = _place(10**power, xs, LEFT, WIDTH - RIGHT)
            out.append(_line(x, TOP, x, HEIGHT - BOTTOM, "#e4e4e4"))
            out.append(_text(x, HEIGHT - BOTTOM + 16, _shown(10**power), "middle"))
        for power in range(ys[0], ys[1] + 1):
            y = _place(10**power, ys, HEIGHT - BOTTOM, TOP)
            out.append(_line(LEFT, y, WIDTH - RIGHT, y, "#e4e4e4"))
            out.append(_text(LEFT - 6, y + 4, f"{_shown(10**power)} {self.y_label}", "end"))
        middle = (LEFT + WIDTH - RIGHT) / 2
        out.append(_text(middle, HEIGHT - 10, escape(self.x_label), "middle"))
        for at, (name, line) in enumerate(self.lines.items()):
            colour = COLOURS[at % len(COLOURS)]
            places = [
                (
                    _place(x, xs, LEFT, WIDTH - RIGHT),
                    _place(y, ys, HEIGHT - BOTTOM, TOP),
                )
                for x, y in line
            ]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            out.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
            out += (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
            y = TOP + 14 + 18 * at
            out.append(_line(WIDTH - RIGHT + 12, y - 4, WIDTH - RIGHT + 30, y - 4, colour, 2))
            out.append(_text(WIDTH - RIGHT + 36, y, escape(name), "start"))
        return "\n".join([*out, "</svg>", ""])


def _range(values):
    """Return the powers of ten around some values."""
    logs = [math.log10(value) for value in values]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    return low, max(high, low + 1)


def _place(value, powers, begin, end):
    low, high = powers
    return begin + (math.log10(value) - low) / (high - low) * (end - begin)


def _shown(value):
    return f"{value:,}" if value >= 1 else f"{value:g}"


def _line(x1, y1, x2, y2, colour, width=1):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"/>'
    )


def _text(x, y, text, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">{text}</text>'
