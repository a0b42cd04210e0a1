"""Results as one Markdown table, and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.measure import Comparison, Samples, Target, Unit

_SCALES: dict[Unit, tuple[tuple[float, str], ...]] = {
    "seconds": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
    "bytes": ((1e6, "MB"),),
}


def markdown(comparisons: Sequence[Comparison]) -> str:
    """The table: each value is a median with its lowest and highest sample."""
    rows = [("Case", "Duckwing", "Measured", "Against", "Measured", "Ratio", "Target")]
    for c in comparisons:
        ratio = c.ratio
        rows.append(
            (
                c.case,
                c.what,
                _amount(c.ours, c.unit),
                c.against,
                _amount(c.theirs, c.unit),
                f"**{_ratio(ratio.median)}** ({_ratio(ratio.low)}–{_ratio(ratio.high)})",
                "" if c.target is None else f"{c.target.text}: {'met' if c.met else '**missed**'}",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def as_json(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Every sample, in seconds or bytes, and the versions that were measured."""
    return {
        "environment": environment(),
        "comparisons": [
            {
                "case": c.case,
                "what": c.what,
                "against": c.against,
                "unit": c.unit,
                "ours": c.ours.values,
                "theirs": c.theirs.values,
                "ratio": c.ratio.median,
                "target": None if c.target is None else asdict(c.target),
                "met": c.met,
            }
            for c in comparisons
        ],
    }


def from_json(written: Mapping[str, Any]) -> list[Comparison]:
    """What :func:`as_json` was given."""
    return [
        Comparison(
            c["case"],
            c["what"],
            Samples(tuple(c["ours"])),
            c["against"],
            Samples(tuple(c["theirs"])),
            c["unit"],
            None if c["target"] is None else Target(**c["target"]),
        )
        for c in written["comparisons"]
    ]


def side_by_side(comparisons: Sequence[Comparison]) -> str:
    """A table with a column for each case and a row for what several cases did: the medians, and the median ratios."""
    cases = list(dict.fromkeys(c.case for c in comparisons))
    found = {(c.case, c.what): c for c in comparisons}
    shared = [
        what for what in dict.fromkeys(c.what for c in comparisons) if all((case, what) in found for case in cases)
    ]
    lines = ["| | " + " | ".join(cases) + " |", "|---" * (len(cases) + 1) + "|"]
    for what in shared:
        cells = (found[case, what] for case in cases)
        shown = (f"{_amount(c.ours, c.unit).partition(' (')[0]}, **{_ratio(c.ratio.median)}**" for c in cells)
        lines.append(f"| {what} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def environment() -> dict[str, Any]:
    """Versions and processors: what a ratio depends on."""
    import duckdb
    import pyarrow as pa

    return {
        "python": platform.python_version(),
        "pyarrow": pa.__version__,
        "duckdb": duckdb.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
    }


def _amount(samples: Samples, unit: Unit) -> str:
    scales = _SCALES[unit]
    scale, name = next(((s, n) for s, n in scales if samples.median >= s), scales[-1])
    median, low, high = (_digits(value / scale) for value in (samples.median, samples.low, samples.high))
    return f"{median} {name} ({low}–{high})"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
