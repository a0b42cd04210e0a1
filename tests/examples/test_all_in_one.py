"""The example with every kind of function: its demo, its examples, and each function alone."""

from __future__ import annotations

import datetime
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

import duckwing
from duckwing.catalog.declared import Catalog
from duckwing.testing import call, check

EXAMPLE = Path(__file__).parents[2] / "examples" / "all_in_one"


def load() -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location("all_in_one_example_worker", EXAMPLE / "worker.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where classes find the names in their annotations
    spec.loader.exec_module(module)
    return module


worker = load()


def test_it_has_every_kind() -> None:
    catalog: Catalog = worker.weather
    kinds = {f.kind for f in [*catalog.scalars(), *catalog.table_functions(), *catalog.aggregates()]}
    assert kinds == {"scalar", "table_function", "row_function", "table_in_out", "buffering", "aggregate"}
    assert {f.form for f in catalog.scalars()} == {"row", "batch"}
    assert {f.form for f in catalog.aggregates()} == {"groups", "row"}


def test_scalars() -> None:
    assert call(worker.fahrenheit, [0.0, None, -40.0]).to_pylist() == [32.0, None, -40.0]
    points = call(worker.dew_point, [20.0, 20.0, None], [100.0, 50.0, 50.0]).to_pylist()
    assert points[0] == pytest.approx(20.0)
    assert points[1] == pytest.approx(9.26, abs=0.01)
    assert points[2] is None
    assert call(worker.slug, "  Mount St. Helens! ").to_pylist() == ["mount-st-helens"]


def test_the_setting() -> None:
    degrees = partial(call, worker.degrees, 20.0, catalog=worker.weather)
    assert degrees().to_pylist() == ["20.0 °C"]
    assert degrees(settings={"weather_unit": "fahrenheit"}).to_pylist() == ["68.0 °F"]
    with pytest.raises(ValueError, match="set it to celsius or fahrenheit"):
        degrees(settings={"weather_unit": "kelvin"})


def test_the_secret() -> None:
    def key(token: str) -> duckwing.Secret:
        return duckwing.Secret("key", "weather_api", "config", (), {"token": token})

    [one] = call(worker.signed_url, "https://a", secrets=[key("one")]).to_pylist()
    [two] = call(worker.signed_url, "https://a", secrets=[key("two")]).to_pylist()
    assert one.startswith("https://a?signature=")
    assert one != two
    with pytest.raises(duckwing.ArgumentError, match="CREATE SECRET"):
        call(worker.signed_url, "https://a")


def test_functions_in_from() -> None:
    table = call(worker.measurements, 2, station="south")
    assert table.num_rows == 48
    assert table["time"][47].as_py() == datetime.datetime(2024, 6, 2, 23)
    with pytest.raises(duckwing.ArgumentError, match="station"):
        call(worker.measurements, 1, station="west")
    days = call(worker.days, datetime.date(2024, 2, 28), 2500)
    assert (days.num_rows, days["day"][1].as_py()) == (2500, datetime.datetime(2024, 2, 29))
    reports = ["06:00 12.5, 07:00 13, fog", None, "", "08:00 -1"]
    assert call(worker.read_report, reports, lateral=True).to_pylist() == [
        {"text": reports[0], "time": "06:00", "celsius": 12.5},
        {"text": reports[0], "time": "07:00", "celsius": 13.0},
        {"text": reports[3], "time": "08:00", "celsius": -1.0},
    ]


@pytest.mark.parametrize("batch_rows", [1, 3, 2048])
def test_functions_over_a_table(batch_rows: int) -> None:
    rows: Mapping[str, list[float]] = {"c": [3.0, -70.0, 12.0, 7.0, 99.0, 1.0]}
    kept = call(worker.plausible, rows, measure="c", batch_rows=batch_rows)
    assert kept["c"].to_pylist() == [3.0, 12.0, 7.0, 1.0]
    ends = call(worker.extremes, rows, measure="c", k=2, batch_rows=batch_rows)
    assert ends["c"].to_pylist() == [99.0, 12.0, 1.0, -70.0]
    few = call(worker.extremes, rows, measure="c", k=5, batch_rows=batch_rows)
    assert few["c"].to_pylist() == [99.0, 12.0, 7.0, 3.0, 1.0, -70.0], "no row twice"


def test_aggregates() -> None:
    values = [math.sqrt(n) for n in range(5000)]
    groups = [n % 3 for n in range(5000)]
    means = call(worker.mean_of, pa.array(values), groups=groups)
    assert means == {g: pytest.approx(statistics.fmean(values[g::3])) for g in range(3)}
    assert call(worker.span, [2.5, None, -1.0], groups=["a", "b", "a"]) == {"a": "-1 to 2.5", "b": None}
    assert call(worker.span, [2.5, -1.0, 0.0], "..") == "-1..2.5"


@pytest.mark.sql
def test_everything_is_described_and_every_example_runs() -> None:
    report = check(EXAMPLE / "worker.py")
    assert (report.problems, report.not_checked) == ((), ())


def check_objects(results: list[list[dict[str, Any]]]) -> None:
    june, days, kelvin, hottest = results
    hours = call(worker.measurements, 30, station="south").to_pylist()
    hot = [hour for hour in hours if hour["celsius"] * 1.8 + 32 > 80]
    assert [row["celsius"] for row in june] == [hour["celsius"] for hour in hot[:2]]
    assert [row["fahrenheit"] for row in june] == [pytest.approx(row["celsius"] * 1.8 + 32) for row in june]
    for number, day in enumerate(days):
        celsius = [hour["celsius"] for hour in hours[24 * number : 24 * number + 24]]
        assert (day["lowest"], day["highest"]) == (min(celsius), max(celsius))
    assert kelvin == [{"kelvin": pytest.approx(293.15)}]
    assert [row["celsius"] for row in hottest] == sorted((hour["celsius"] for hour in hours), reverse=True)[:2]


@pytest.mark.sql
def test_the_demo_gives_what_the_functions_give() -> None:
    command = [sys.executable, "-m", "duckwing.cli", "sql", str(EXAMPLE / "worker.py"), "--format", "json"]
    done = subprocess.run(
        [*command, "-f", str(EXAMPLE / "demo.sql")],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stderr) == (0, "")
    decoder, text, results = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        rows, end = decoder.raw_decode(text)
        results.append(rows)
        text = text[end:].strip()
    measured, days, default, as_set, _, signed, reports, plausible, extremes, groups, *objects, slugs = results
    assert [row["time"][11:13] for row in measured] == ["00", "06", "12", "18"]
    assert all(row["fahrenheit"] == pytest.approx(row["celsius"] * 1.8 + 32) for row in measured)
    assert [row["day"][:10] for row in days] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert (default, as_set) == ([{"by_default": "20.0 °C"}], [{"as_set": "68.0 °F"}])
    secret = duckwing.Secret("key", "weather_api", "config", (), {"token": "not a real one"})
    url = call(worker.signed_url, "https://weather.example/north", secrets=[secret])[0].as_py()
    assert signed == [{"url": url}]
    assert [row["station"] for row in reports] == ["east", "north", "north"]
    week = {station: call(worker.measurements, 7, station=station) for station in ("north", "south")}
    north = week["north"]["celsius"].to_pylist()
    assert plausible == [{"plausible": sum(c <= 12.0 for c in north)}]
    assert [row["celsius"] for row in extremes] == [*sorted(north)[:2], *sorted(north)[-2:]]
    assert {row["station"]: row["mean"] for row in groups} == {
        station: pytest.approx(statistics.fmean(table["celsius"].to_pylist()), abs=0.01)
        for station, table in week.items()
    }
    check_objects([rows for rows in objects if rows])
    assert slugs == [{"slug": "mount-st-helens"}]
