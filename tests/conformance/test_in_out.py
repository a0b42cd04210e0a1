"""Functions of ``example`` over a table, batch by batch."""

from __future__ import annotations

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql


@pytest.mark.parametrize(
    "values",
    [
        "SELECT i::TINYINT AS v FROM range(-5, 5) t(i)",
        "SELECT unnest(['1.5', 'NaN', '-Infinity', NULL]::DOUBLE[]) AS v",
        "SELECT unnest([1.5, NULL]::DECIMAL(38, 10)[]) AS v",
        "SELECT unnest([DATE '2020-01-01', NULL]) AS v",
        "SELECT TIMESTAMP_NS '2020-01-01 00:00:00.000000001' AS v",
        "SELECT INTERVAL '1 month 2 days 3 seconds' AS v",
        r"SELECT unnest(['a\x00b'::BLOB, ''::BLOB, NULL]) AS v",
        "SELECT repeat('ä', 500000) AS v",
        "SELECT unnest([[1, NULL], [], NULL]) AS v",
        "SELECT [1, 2, 3]::INT[3] AS v",
        "SELECT {'a': {'b': [1, NULL]}, 'c': NULL::INT} AS v",
        "SELECT MAP {1: {'x': 'y'}} AS v",
        "SELECT unnest([1::UNION(i INT, s VARCHAR), 'x'::UNION(i INT, s VARCHAR), NULL]) AS v",
        "SELECT i AS v, {'a': i, 'b': [i::VARCHAR]} AS w FROM range(10000) t(i)",
    ],
)
def test_echo(example: Session, values: str) -> None:
    there, back = f"({values})", f"(FROM echo(({values})))"
    assert example.value(f"SELECT count(*) FROM ({there} EXCEPT ALL {back})") == 0
    assert example.value(f"SELECT count(*) FROM {back}") == example.value(f"SELECT count(*) FROM {there}")
    assert example.rows(f"SELECT DISTINCT typeof(v) FROM {back}") == example.rows(
        f"SELECT DISTINCT typeof(v) FROM {there}"
    )


def test_echo_as_part_of_queries(example: Session) -> None:
    assert example.rows("FROM echo((SELECT 1 AS i WHERE false))") == []
    assert example.rows("SELECT i FROM echo((SELECT i FROM range(100000000) t(i))) LIMIT 2") == [(0,), (1,)]
    union = "SELECT i FROM range(5000) t(i) UNION ALL SELECT i FROM range(5000) t(i)"
    assert example.row(f"SELECT count(*), sum(i) FROM echo(({union}))") == (10_000, 24_995_000)


def test_within_a_correlated_lateral(example: Session) -> None:
    query = "SELECT t.i, e.x FROM range(3) t(i), LATERAL echo((SELECT t.i * 2 AS x)) e ORDER BY ALL"
    assert example.rows(query) == [(0, 0), (1, 2), (2, 4)]


def test_only_the_wanted_columns(example: Session) -> None:
    source = "echo_witness((SELECT 1 AS a, 'x' AS b, 2.5 AS c, 4 AS d, 5 AS e))"
    assert example.rows(f"SELECT a, b FROM {source}") == [(2, "2")]
    assert example.row(f"SELECT e FROM {source}") == (1,)
    assert [str(value) for value in example.row(f"FROM {source}")] == ["5", "5", "5.0", "5", "5"]


def test_repetition(example: Session) -> None:
    assert example.values("FROM repeat_inputs(2, (FROM range(2)))") == [0, 1, 0, 1]
    assert example.value("SELECT count(*) FROM repeat_inputs(1000, (FROM range(10)))") == 10_000
    assert "Repeat count must be at least 1" in example.error("FROM repeat_inputs(0, (FROM range(2)))")


def test_a_sum_for_each_thread(example: Session) -> None:
    source = "SELECT CASE WHEN i % 10 > 0 THEN i END AS i FROM range(1000000) t(i)"
    assert example.value(f"SELECT sum(i) FROM substream_partial_sum(({source}))") == 450_000_000_000


def test_schemas(example: Session) -> None:
    query = """SELECT a.tag, b.tag FROM main.test_same_name_transform((SELECT 'x')) a,
        data.test_same_name_transform((SELECT unnest(['y', NULL]))) b"""
    assert set(example.rows(query)) == {("main:x", "data:y"), ("main:x", None)}
