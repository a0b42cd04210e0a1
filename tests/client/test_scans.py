"""Scans: what is wanted of them, who does it, and how several streams are read at once."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from duckwing.client import AttachedCatalog, Condition, Sample, col
from duckwing.client.parallel import gathered
from duckwing.errors import ArgumentError, CatalogError
from duckwing.rpc.errors import RemoteError

Attached = Callable[[str], AttachedCatalog]


@pytest.fixture
def pushdown(attached: Attached) -> AttachedCatalog:
    return attached("pushdown")


@pytest.fixture
def splits(attached: Attached) -> AttachedCatalog:
    return attached("splits")


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """What the worker has written to ``tmp_path / "told"``."""

    def told() -> list[dict[str, Any]]:
        return [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]

    return told


def test_columns_and_filters_are_pushed(
    pushdown: AttachedCatalog, tmp_path: Path, told: Callable[[], list[dict[str, Any]]]
) -> None:
    where = (col("n") > 3) & ~col("n").isin([5, 6]) & col("a").is_not_null()
    scan = pushdown.scan("narrow", str(tmp_path / "told"), columns=["b", "N"], where=where, rows=8)
    assert scan.schema == pa.schema([("b", pa.utf8()), ("n", pa.int64())])
    assert scan.read_all().to_pydict()["n"] == [4, 7]
    [facts] = told()
    assert facts["columns"] == ["b", "n", "a"]  # those of the filters, too
    assert facts["filters"] == "(n > 3) AND (n NOT IN (5, 6)) AND (a IS NOT NULL)"


def test_the_order_is_a_hint_and_kept(
    pushdown: AttachedCatalog, tmp_path: Path, told: Callable[[], list[dict[str, Any]]]
) -> None:
    order = [("n", "descending"), ("a", "ascending")]
    scan = pushdown.scan("narrow", str(tmp_path / "told"), columns=["a"], order_by=order, limit=2)
    assert (
        scan.read_all().to_pydict() == pushdown.scan("narrow", columns=["a"]).read_all().slice(18, 2)[::-1].to_pydict()
    )
    assert told()[0]["order"] == ["n", True, False, 2]


@pytest.mark.parametrize("limit", [0, 1, 19, 20, 21])
def test_limits(pushdown: AttachedCatalog, limit: int) -> None:
    assert pushdown.scan("narrow", limit=limit).read_all().num_rows == min(limit, 20)
    assert pushdown.scan("narrow", limit=limit, order_by="n").read_all()["n"].to_pylist() == list(range(min(limit, 20)))


def test_an_endless_scan_is_left(pushdown: AttachedCatalog, tmp_path: Path) -> None:
    file = tmp_path / "told"
    assert pushdown.scan("endless", str(file), limit=10).read_all().num_rows == 10
    with pushdown.scan("endless", str(file)) as scan:
        assert next(scan).num_rows > 0


def test_samples_are_taken_by_the_function_or_here(
    pushdown: AttachedCatalog, tmp_path: Path, told: Callable[[], list[dict[str, Any]]]
) -> None:
    def count(function: str, *arguments: str, sample: float | Sample, **named: Any) -> int:
        return sum(batch.num_rows for batch in pushdown.scan(function, *arguments, sample=sample, **named))

    pushed = count("sampled", str(tmp_path / "told"), sample=Sample(10, 7))
    assert told()[0]["sample"] == [10.0, 7]
    assert 500 < pushed < 2000
    assert count("narrow", sample=100, rows=5000) == 5000
    assert count("narrow", sample=0, rows=5000) == 0
    assert 500 < count("narrow", sample=20, rows=5000) < 1500
    assert count("narrow", sample=Sample(20, 3), rows=5000) == count("narrow", sample=Sample(20, 3), rows=5000)
    # The filter comes after the sample, which the first row need not be in.
    few = pushdown.scan("narrow", sample=Sample(1, 3), rows=5000, where=col("n") < 2500).read_all().num_rows
    assert 0 < few < 100


CONDITIONS = [
    (col("i32") > 3, "i32 > 3"),
    ((col("i8") >= 2) & (col("i8") <= 300), "i8 >= 2 AND i8 <= 300"),
    (~col("i32").isin([1, 2, 500]), "i32 NOT IN (1, 2, 500)"),
    ((col("f64") < 2) | col("s").is_null(), "f64 < 2 OR s IS NULL"),
    (col("f64") == float("nan"), "f64 = 'nan'::DOUBLE"),
    (col("f64") > 1.5, "f64 > 1.5"),
    (col("s").starts_with("v1"), "starts_with(s, 'v1')"),
    (~col("s").contains("1"), "NOT contains(s, '1')"),
    (col("b"), "b"),
    (~col("b"), "NOT b"),
    (col("b").is_not_distinct_from(None), "b IS NOT DISTINCT FROM NULL"),
    (col("d").between("2022-01-03", "2022-01-12"), "d BETWEEN DATE '2022-01-03' AND DATE '2022-01-12'"),
    (col("dec") > Decimal("5.555"), "dec > 5.555"),
    (col("dec") == 5, "dec = 5"),
    (col("st")["a"] != 5, "st.a <> 5"),
    (col("li").list_contains(5), "list_contains(li, 5)"),
    (col("i64") == col("i32"), "i64 = i32"),
]


@pytest.mark.parametrize(("condition", "sql"), CONDITIONS, ids=[sql for _, sql in CONDITIONS])
def test_conditions_mean_what_they_mean_in_duckdb(pushdown: AttachedCatalog, condition: Condition, sql: str) -> None:
    everything = pushdown.scan("typed").read_all()
    with duckdb.connect() as connection:
        connection.from_arrow(everything).create("rows")  # scans of Arrow data have Arrow's idea of NaN
        relation = connection.table("rows")
        expected = relation.filter(sql).project("i64").to_arrow_table()["i64"].to_pylist()
        rest = relation.filter(f"NOT ({sql})").project("i64").to_arrow_table()["i64"].to_pylist()
    assert pushdown.scan("typed", columns=["i64"], where=condition).read_all()["i64"].to_pylist() == expected
    assert pushdown.scan("typed", columns=["i64"], where=~condition).read_all()["i64"].to_pylist() == rest


def test_what_is_not_there(pushdown: AttachedCatalog) -> None:
    with pytest.raises(ArgumentError, match="there is no column 'x'; the columns are n, a, b"):
        pushdown.scan("narrow", columns=["x"])
    with pytest.raises(ArgumentError, match="there is no column 'x'"):
        pushdown.scan("narrow", where=col("x") == 1)
    with pytest.raises(ArgumentError, match="n is BIGINT; 'two' cannot be compared"):
        pushdown.scan("narrow", where=col("n") == "two")
    with pytest.raises(ArgumentError, match="function 'narrow' has no argument 'wrong': narrow"):
        pushdown.scan("narrow", wrong=1)
    with pytest.raises(ArgumentError, match="does not take 3 positional arguments"):
        pushdown.scan("narrow", "", 1, 2)
    with pytest.raises(ArgumentError, match="argument 'rows' must be BIGINT, got 'x'"):
        pushdown.scan("narrow", rows="x")
    with pytest.raises(RemoteError, match="nosuch"):
        pushdown.scan("nosuch")
    with pytest.raises(ArgumentError, match="order_by= takes"):
        pushdown.scan("narrow", order_by=("n", "down"))


def test_functions_of_other_kinds_are_refused(attached: Attached) -> None:
    with pytest.raises(CatalogError, match=r"takes a table; use transform\(\)"):
        attached("in_out").scan("keep", column="n")
    with pytest.raises(CatalogError, match=r"takes columns; use transform\(\) or row\(\)"):
        attached("rows").scan("forms", 1, "rows")


# Streams


@pytest.mark.parametrize("threads", [1, 3])
def test_splits_are_read_once(
    splits: AttachedCatalog, tmp_path: Path, told: Callable[[], list[dict[str, Any]]], threads: int
) -> None:
    scan = splits.scan("ranges", 50_000, 20, file=str(tmp_path / "told"), threads=threads, where=col("n") >= 100)
    rows = scan.read_all()
    assert sorted(rows["n"].to_pylist()) == list(range(100, 50_000))
    assert told()[0]["min_splits"] == threads
    assert sorted(fact["part"] for fact in told() if "part" in fact) == list(range(20))


def test_threads_read_at_the_same_time(splits: AttachedCatalog, tmp_path: Path) -> None:
    """Each second part waits until the next one has been read, if another thread reads it."""
    assert splits.scan("ordered", str(tmp_path), threads=4).read_all().num_rows == 24_000
    assert (tmp_path / "overtaken").exists()


def test_an_error_of_one_stream_ends_all(splits: AttachedCatalog) -> None:
    with pytest.raises(RemoteError, match="nothing in 2"):
        splits.scan("mistaken", "scan raises", threads=3).read_all()
    assert sorted(splits.scan("mistaken", "well", threads=3).read_all()["n"].to_pylist()) == [1, 2, 3]


def test_leaving_a_parallel_scan(splits: AttachedCatalog) -> None:
    before = threading.active_count()
    with splits.scan("ranges", 1_000_000, 50, threads=4) as scan:
        next(scan)
    assert threading.active_count() == before
    assert splits.scan("ranges", 100, threads=4, limit=7).read_all().num_rows == 7


def test_streams_of_one_execution_share_its_work(attached: Attached) -> None:
    """A function that does not say that it can has one stream, whatever is asked for."""
    assert attached("pushdown").scan("narrow", threads=4).read_all()["n"].to_pylist() == list(range(20))


def test_readers_end_together() -> None:
    ended = []

    def endless(number: int) -> Any:
        try:
            while True:
                yield pa.record_batch({"n": [number]})
        finally:
            ended.append(number)

    def fails() -> Any:
        yield pa.record_batch({"n": [9]})
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        list(gathered([lambda: endless(1), lambda: endless(2), fails]))
    assert sorted(ended) == [1, 2]


def test_batches_are_an_arrow_stream(pushdown: AttachedCatalog) -> None:
    assert pa.table(pushdown.scan("narrow", rows=3))["n"].to_pylist() == [0, 1, 2]
    reader = pushdown.scan("narrow", rows=3).to_reader()
    assert reader.schema.names == ["n", "a", "b"]
    assert reader.read_all().num_rows == 3


def test_each_call_has_a_connection_of_its_own(splits: AttachedCatalog) -> None:
    outer = splits.scan("ranges", 10_000, 2, columns=["n"])
    assert next(outer).num_rows
    assert splits.scan("ranges", 10, 1).read_all().num_rows == 10
    assert sum(batch.num_rows for batch in outer) == 9_000
    pids = splits.scan("ranges", 4000, 4, threads=4, columns=["pid"]).read_all()["pid"].to_pylist()
    assert os.getpid() not in pids


@pytest.mark.parametrize("direction", ["ascending", "descending"])
def test_nan_is_the_greatest_number(direction: str) -> None:
    from duckwing.client.scans import _sorted

    nan = float("nan")
    rows = pa.table({"x": [1.0, nan, None, -1.0, nan], "n": [0, 1, 2, 3, 4]})
    found = _sorted(rows, [("x", direction), ("n", "ascending")])["n"].to_pylist()
    assert found == ([3, 0, 1, 4, 2] if direction == "ascending" else [1, 4, 0, 3, 2])
