"""Lines in a logarithmic plot, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Line = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 220, 20, 60
TITLE = 20
COLOURS = ("#1b6ca8", "#c2571a", "#2e8b57", "#8e44ad")


@dataclass(frozen=True)
class Panel:
    """A plot with both axes logarithmic, and a dashed line for growth that is just linear.

    Attributes:
        title: above it.
        lines: points with positive coordinates, by what the line shows.
        across: label of the horizontal axis.
        up: label of the vertical axis.
    """

    title: str
    lines: Mapping[str, Line]
    across: str
    up: str


def log_plot(lines: Mapping[str, Line], across: str, up: str) -> str:
    """An SVG document of one panel."""
    return document(WIDTH, HEIGHT, _panel(Panel("", lines, across, up)))


def log_panels(panels: Sequence[Panel]) -> str:
    """An SVG document of several panels, two in a row."""
    parts: list[str] = []
    for number, panel in enumerate(panels):
        row, column = divmod(number, 2)
        inside = [f'<text x="{LEFT}" y="{TOP - 4}" font-size="15">{escape(panel.title)}</text>', *_panel(panel)]
        parts += [f'<g transform="translate({column * WIDTH} {row * (HEIGHT + TITLE) + TITLE})">', *inside, "</g>"]
    return document(2 * WIDTH, -(-len(panels) // 2) * (HEIGHT + TITLE), parts)


def document(width: int, height: int, parts: Sequence[str]) -> str:
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
    return "\n".join(
        [f'{start}font-size="13">', f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""]
    )


def _panel(panel: Panel) -> list[str]:
    lines, across, up = panel.lines, panel.across, panel.up
    points = [point for line in lines.values() for point in line]
    x_low, x_high = decades([x for x, _ in points])
    y_low, y_high = decades([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (math.log10(x) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (math.log10(y) - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM),
        )

    parts = []
    for power in range(x_low, x_high + 1):
        x, y = place(10**power, 10**y_low)
        parts.append(_line([(x, y), (x, TOP)], "#ddd"))
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{10**power:,}</text>')
    for power in range(y_low, y_high + 1):
        x, y = place(10**x_low, 10**power)
        parts.append(_line([(x, y), (WIDTH - RIGHT, y)], "#ddd"))
        parts.append(f'<text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    both = min(x_high - x_low, y_high - y_low)
    guide = [place(10 ** (x_high - both), 10.0 ** (y_high - both)), place(10**x_high, 10.0**y_high)]
    parts.append(_line(guide, "#999", dashed=True))
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        placed = [place(x, y) for x, y in line]
        parts.append(_line(placed, colour))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
        parts += _legend(name, colour, number)
    parts += _legend("linear", "#999", len(lines), dashed=True)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 15}" text-anchor="middle">{escape(across)}</text>'
    )
    parts.append(
        f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">{escape(up)}</text>'
    )
    return parts


def decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around some values."""
    low = math.floor(math.log10(min(values)))
    return low, max(math.ceil(math.log10(max(values))), low + 1)


def _line(points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashes = ' stroke-dasharray="6 5"' if dashed else ""
    width = 1 if colour == "#ddd" else 2
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _legend(name: str, colour: str, number: int, *, dashed: bool = False) -> list[str]:
    x, y = WIDTH - RIGHT + 15, TOP + 12 + 22 * number
    return [
        _line([(x, y), (x + 24, y)], colour, dashed=dashed),
        f'<text x="{x + 30}" y="{y + 4}">{escape(name)}</text>',
    ]
