"""Functions of all kinds but scans."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.client import AttachedCatalog, WorkerConnection
from duckwing.errors import ArgumentError, CatalogError
from duckwing.rpc.errors import RemoteError

from .conftest import ROOT

Attached = Callable[[str], AttachedCatalog]
EXAMPLE = ROOT / "examples" / "all_in_one" / "worker.py"


@pytest.fixture
def weather(to: Callable[[str | Path], WorkerConnection]) -> AttachedCatalog:
    return to(EXAMPLE).attach()


# Listings


def test_what_there_is(weather: AttachedCatalog) -> None:
    assert [schema.path for schema in weather.schemas()] == [("main",), ("names",)]
    names = [function.name for function in weather.functions()]
    assert names.count("span") == 2
    assert {"fahrenheit", "measurements", "extremes", "slug"} < set(names)
    assert [function.name for function in weather.functions("names")] == ["slug"]
    assert [table.name for table in weather.tables()] == ["june"]
    assert [view.name for view in weather.views()] == ["june_days"]
    assert [(macro.name, macro.parameters) for macro in weather.macros()] == [
        ("kelvin", ("celsius",)),
        ("hottest", ("k",)),
    ]
    assert weather.indexes() == []
    assert weather.copy_formats() == []


# Scalars


@pytest.mark.parametrize("rows", [0, 1, 2048, 2049, 5000])
def test_long_columns_go_in_batches(weather: AttachedCatalog, rows: int) -> None:
    celsius = pa.array(np.arange(rows, dtype=np.float64))
    assert weather.scalar("fahrenheit", celsius).to_pylist() == [c * 9 / 5 + 32 for c in range(rows)]


@pytest.mark.parametrize(
    "column",
    [
        [10, None],
        (10.0, None),
        pa.array([10, None], pa.int8()),
        pa.chunked_array([[10], [None]], pa.int32()),
        pl.Series([10, None]),
        pa.array([Decimal("10"), None]),
    ],
    ids=lambda column: type(column).__name__,
)
def test_columns_of_any_kind_get_the_declared_type(weather: AttachedCatalog, column: object) -> None:
    assert weather.scalar("fahrenheit", column).to_pylist() == [50.0, None]


def test_single_values_stand_for_columns(weather: AttachedCatalog) -> None:
    both = weather.scalar("dew_point", [20.0, 25.0], 50)
    assert both.to_pylist() == [
        weather.scalar("dew_point", 20, 50)[0].as_py(),
        weather.scalar("dew_point", 25, 50)[0].as_py(),
    ]
    assert weather.scalar("fahrenheit", np.array([1.0, 2.0])).to_pylist() == [33.8, 35.6]
    assert weather.scalar("fahrenheit", pd.Series([1.0])).to_pylist() == [33.8]
    assert weather.scalar("slug", "Mount St. Helens", schema="names").to_pylist() == ["mount-st-helens"]


def test_columns_that_do_not_fit(weather: AttachedCatalog) -> None:
    with pytest.raises(ArgumentError, match="differ in length: celsius has 2 rows, humidity has 1 rows"):
        weather.scalar("dew_point", [1, 2], [3])
    with pytest.raises(ArgumentError, match="argument 'celsius' must be DOUBLE, got VARCHAR"):
        weather.scalar("fahrenheit", pa.array(["x"]))
    with pytest.raises(ArgumentError, match="argument 'celsius' must be DOUBLE, got 'x'"):
        weather.scalar("fahrenheit", ["x"])
    with pytest.raises(ArgumentError, match=r"does not take 2 positional arguments: fahrenheit\(celsius\)"):
        weather.scalar("fahrenheit", [1], [2])
    with pytest.raises(RemoteError, match="nosuch"):
        weather.scalar("nosuch", [1])


def test_overloads_are_chosen_by_type(attached: Attached) -> None:
    aggregates = attached("aggregates")
    assert aggregates.aggregate("kind", ["a"]).as_py() != aggregates.aggregate("kind", [1]).as_py()
    assert aggregates.aggregate("kind", pa.array([1], pa.int16())) == aggregates.aggregate("kind", [1])


# Row functions


def test_row_functions(weather: AttachedCatalog) -> None:
    reports = pa.array(["06:00 12.5, 07:00 13, fog", "none", None, "08:00 1"])
    rows = weather.row("read_report", reports)
    assert rows.schema.names == ["time", "celsius"]
    assert rows.read_all().to_pydict() == {"time": ["06:00", "07:00", "08:00"], "celsius": [12.5, 13.0, 1.0]}
    beside = weather.row("read_report", reports, lateral=True).read_all()
    assert beside.to_pydict()["text"] == ["06:00 12.5, 07:00 13, fog"] * 2 + ["08:00 1"]


def test_lateral_keeps_the_rows_together(weather: AttachedCatalog) -> None:
    texts = [", ".join(f"{n % 24:02}:00 {n}" for _ in range(n % 3)) for n in range(5000)]
    found = weather.row("read_report", texts, lateral=True).read_all().to_pylist()
    assert [row["celsius"] for row in found] == [float(n) for n in range(5000) for _ in range(n % 3)]
    assert all(row["text"] == texts[int(row["celsius"])] for row in found)


def test_what_is_no_row_function(weather: AttachedCatalog) -> None:
    with pytest.raises(CatalogError, match="not called with columns"):
        weather.row("measurements", 3)


# Tables through functions


@pytest.mark.parametrize("rows", [0, 1, 2048, 6000])
def test_table_in_out(attached: Attached, rows: int) -> None:
    numbers = {"n": pa.array([n if n % 2 else None for n in range(rows)], pa.int64())}
    kept = attached("in_out").transform("keep", numbers, column="n").read_all()
    assert kept["n"].to_pylist() == [n for n in range(rows) if n % 2]


def test_positional_arguments_and_the_finish(attached: Attached) -> None:
    in_out = attached("in_out")
    rows = pa.table({"n": pa.array(range(5000), pa.int64())})
    assert in_out.transform("times", rows, 2, "x").read_all().num_rows == 10_000
    assert in_out.transform("total", rows, 3).read_all().to_pylist() == [{"total": 3 * sum(range(5000)), "count": 5000}]
    with pytest.raises(ArgumentError, match=r"does not take 3 positional arguments: times\("):
        in_out.transform("times", rows, 2, "x", 3)


def test_buffering(attached: Attached) -> None:
    buffering = attached("buffering")
    rows = pa.table({"n": pa.array(range(10_000), pa.int64())})
    assert buffering.transform("top_k", rows, by="n", k=2).read_all()["n"].to_pylist() == [9999, 9998]
    assert sorted(buffering.transform("passed_on", rows).read_all()["n"].to_pylist()) == list(range(10_000))
    counted = buffering.transform("counted", rows, shares=3).read_all()
    assert counted.num_rows == 3
    assert sum(counted["total"].to_pylist()) == sum(range(10_000))
    assert buffering.transform("same", rows.slice(0, 0)).read_all().num_rows == 0


def test_streams_are_not_collected(attached: Attached) -> None:
    """What a function makes of the first batch is there before the second one is asked for."""
    asked = []

    def batches() -> object:
        for number in range(3):
            asked.append(number)
            yield pa.record_batch({"n": pa.array([number], pa.int64())})

    reader = pa.RecordBatchReader.from_batches(pa.schema([("n", pa.int64())]), batches())
    rows = attached("in_out").transform("same", reader)
    assert next(rows)["n"].to_pylist() == [0]
    assert asked == [0]
    assert rows.read_all()["n"].to_pylist() == [1, 2]


def test_functions_may_feed_each_other(weather: AttachedCatalog) -> None:
    measured = weather.scan("measurements", 7)
    found = weather.transform(
        "extremes", weather.transform("plausible", measured, measure="celsius"), measure="celsius"
    )
    assert found.read_all().num_rows == 6


def test_what_takes_no_table(weather: AttachedCatalog) -> None:
    with pytest.raises(CatalogError, match="takes no table"):
        weather.transform("measurements", {"a": [1]}, 3)
    with pytest.raises(CatalogError, match="lists no function 'nosuch'"):
        weather.transform("nosuch", {"a": [1]})


# Aggregates


@pytest.mark.parametrize("threads", [1, 3])
def test_aggregates(attached: Attached, threads: int) -> None:
    aggregates = attached("aggregates")
    values = list(range(10_000))
    groups = [None if v % 7 == 0 else f"g{v % 5}" for v in values]
    assert aggregates.aggregate("total", values, threads=threads).as_py() == sum(values)
    found = aggregates.aggregate("total", values, groups=groups, threads=threads)
    assert isinstance(found, pa.Table)
    expected: dict[str | None, int] = {}
    for group, value in zip(groups, values, strict=True):
        expected[group] = expected.get(group, 0) + value
    assert dict(zip(found["group"].to_pylist(), found["result"].to_pylist(), strict=True)) == expected


def test_many_groups(attached: Attached) -> None:
    found = attached("aggregates").aggregate("total", list(range(6000)), groups=list(range(6000)), threads=2)
    assert isinstance(found, pa.Table)
    assert found["group"].to_pylist() == found["result"].to_pylist() == list(range(6000))


def test_aggregates_of_nothing(attached: Attached) -> None:
    aggregates = attached("aggregates")
    assert aggregates.aggregate("total", pa.array([], pa.int64())).as_py() is None
    assert [aggregates.aggregate("rows_of", rows=rows, threads=2).as_py() for rows in (0, 1, 5000)] == [0, 1, 5000]
    nothing = aggregates.aggregate("total", pa.array([], pa.int64()), groups=pa.array([], pa.utf8()))
    assert isinstance(nothing, pa.Table)
    assert nothing.num_rows == 0


def test_constants_of_aggregates(weather: AttachedCatalog) -> None:
    assert weather.aggregate("span", [3.0, 1.5]).as_py() == "1.5 to 3"
    assert weather.aggregate("span", [3.0, 1.5], "..").as_py() == "1.5..3"


# Settings, secrets, options, versions


def test_settings(to: Callable[[str | Path], WorkerConnection], weather: AttachedCatalog) -> None:
    assert weather.scalar("degrees", [20.0]).to_pylist() == ["20.0 °C"]
    other = to(EXAMPLE).attach(settings={"Weather_Unit": "fahrenheit"})
    assert other.scalar("degrees", [20.0]).to_pylist() == ["68.0 °F"]
    with pytest.raises(CatalogError, match="no setting 'wrong'; it has weather_unit"):
        to(EXAMPLE).attach(settings={"wrong": 1})


def test_all_settings_travel(to: Callable[[str | Path], WorkerConnection]) -> None:
    context = to("context").attach(settings={"context_days": [datetime.date(2024, 1, 2)]})
    [shown] = context.scan("settings").read_all()["text"].to_pylist()
    assert "limit=5" in shown
    assert "days=[datetime.date(2024, 1, 2)]" in shown
    assert "flag=None" in shown
    with pytest.raises(ArgumentError, match="setting 'context_limit' must be BIGINT, got 'x'"):
        to("context").attach(settings={"context_limit": "x"})


def test_secrets(to: Callable[[str | Path], WorkerConnection]) -> None:
    secrets = [
        dw.Secret("far", "context_key", "config", ("s3://far",), {"key": "hunter2-far", "region": "eu"}),
        dw.Secret("near", "context_key", "config", ("s3://near",), {"key": "hunter2-near", "region": None}),
    ]
    context = to("context").attach(secrets=secrets)
    [shown] = context.scan("unlocked", "s3://near/x").read_all()["text"].to_pylist()
    assert shown.startswith("near context_key")
    with pytest.raises(RemoteError, match="secret"):
        to("context").attach().scan("unlocked", "s3://near/x").read_all()


def test_attach_options(to: Callable[[str | Path], WorkerConnection]) -> None:
    options = to("options").attach("options", options={"MODE": "slow", "count": 3, "sizes": [1, 2]})
    assert options.scalar("option", ["Mode", "count", "sizes", "limits"]).to_pylist() == [
        "'slow'",
        "3",
        "[1, 2]",
        "[Decimal('1.5')]",
    ]
    with pytest.raises(CatalogError, match="catalog 'options' has no option 'wrong'; it has flag, count"):
        to("options").attach("options", options={"wrong": 1})
    with pytest.raises(ArgumentError, match="option 'count' must be BIGINT, got 'x'"):
        to("options").attach("options", options={"count": "x"})
    with pytest.raises(RemoteError, match="mode is fast or slow, not lazy"):
        to("options").attach("options", options={"mode": "lazy"})


def test_versions(to: Callable[[str | Path], WorkerConnection]) -> None:
    atlas = to("versions").attach("atlas", data_version="2023.2.1")
    assert atlas.about.resolved_data_version == "2023.2.1"
    assert atlas.scalar("data_version", rows=2).to_pylist() == ["2023.2.1"] * 2
    info = to("versions").catalog_infos()[0]
    assert [release.version for release in info.releases] == ["2024.1.0", "2023.2.1"]


def test_several_catalogs_need_a_name(to: Callable[[str | Path], WorkerConnection]) -> None:
    with pytest.raises(CatalogError, match="serves splits, other_splits; name the one to attach"):
        to("splits").attach()
