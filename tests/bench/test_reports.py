"""Tables and plots of samples."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from benchmarks import command, report
from benchmarks.measure import Comparison, Samples, Target

MET = Target("ratio", 3, "at most 3")


def comparison(case: str, what: str, ours: float, target: Target | None = None) -> Comparison:
    return Comparison(case, what, Samples((ours, 2 * ours)), "a <limit>", Samples((1e-3, 1e-3)), "seconds", target)


COMPARISONS = [
    comparison("over stdio", "scan", 2e-3, MET),
    comparison("over stdio", "sum & more", 5e-4),
    comparison("over launch", "scan", 4e-3, MET),
    comparison("over launch", "only here", 1.0),
]


def test_what_was_written_is_read() -> None:
    assert report.from_json(json.loads(json.dumps(report.as_json(COMPARISONS)))) == COMPARISONS


def test_cases_side_by_side() -> None:
    assert report.side_by_side(COMPARISONS).splitlines() == [
        "| | over stdio | over launch |",
        "|---|---|---|",
        "| scan | 3.00 ms, **3.00** | 6.00 ms, **6.00** |",
    ]


def test_reading_and_drawing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, drawn = tmp_path / "samples.json", tmp_path / "ratios.svg"
    written.write_text(json.dumps(report.as_json(COMPARISONS)))
    assert command.main(["--read", str(written), "--plot", str(drawn)]) == 0
    assert "sum & more" in capsys.readouterr().out
    svg = "{http://www.w3.org/2000/svg}"
    plot = ElementTree.fromstring(drawn.read_text())
    across = [float(circle.attrib["cx"]) for circle in plot.iter(f"{svg}circle")]
    assert sorted(range(4), key=lambda number: across[number]) == [1, 0, 2, 3]  # by their ratios
    assert [circle.attrib["fill"] for circle in plot.iter(f"{svg}circle")] == [
        "#2e8b57",
        "#1b6ca8",
        "#c2571a",
        "#1b6ca8",
    ]
    assert "over stdio: sum & more, against a <limit>" in [text.text for text in plot.iter(f"{svg}text")]
