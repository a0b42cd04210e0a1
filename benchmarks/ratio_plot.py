"""Ratios with their spread, one below the other on a logarithmic axis, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.measure import Comparison
from benchmarks.plot import COLOURS, decades, document

WIDTH, ROW = 1100, 20
LEFT, RIGHT, TOP, BOTTOM = 640, 30, 30, 40
OPEN, MISSED, MET = COLOURS[:3]
LONGEST = 105
"""Characters of a label."""


def ratio_plot(comparisons: Sequence[Comparison]) -> str:
    """An SVG document: a dot for the median of each ratio, a line from its lowest to its highest."""
    ratios = [comparison.ratio for comparison in comparisons]
    low, high = decades([end for ratio in ratios for end in (ratio.low, ratio.high)])
    height = TOP + ROW * len(comparisons) + BOTTOM

    def across(ratio: float) -> float:
        return LEFT + (math.log10(ratio) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = ['<g font-size="11">']
    for power in range(low, high + 1):
        x, colour = across(10.0**power), "#333" if power == 0 else "#ddd"
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - BOTTOM}" stroke="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle">{10.0**power:g}</text>')
    for number, (comparison, ratio) in enumerate(zip(comparisons, ratios, strict=True)):
        y = TOP + ROW * number
        colour = OPEN if comparison.met is None else MET if comparison.met else MISSED
        label = _shortened(f"{comparison.case}: {comparison.what}, against {comparison.against}")
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>',
            f'<line x1="{across(ratio.low):.1f}" y1="{y}" x2="{across(ratio.high):.1f}" y2="{y}" stroke="{colour}"/>',
            f'<circle cx="{across(ratio.median):.1f}" cy="{y}" r="4" fill="{colour}"/>',
        ]
    middle = (LEFT + WIDTH - RIGHT) / 2
    legend = "ratio, less is better; green: its target is met, orange: missed, blue: there is none"
    parts.append(f'<text x="{middle}" y="{height - 6}" text-anchor="middle">{legend}</text>')
    return document(WIDTH, height, [*parts, "</g>"])


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
