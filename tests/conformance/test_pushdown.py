"""Probes of ``example`` that echo filters, orders and samples."""

from __future__ import annotations

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql


@pytest.mark.parametrize(
    ("condition", "text", "rows"),
    [
        ("true", "(none)", 100),
        ("n = 5", "n = 5", 1),
        ("n BETWEEN 3 AND 7", "(n >= 3 AND n <= 7)", 5),
        ("n >= 3 AND n < 7", "(n >= 3 AND n < 7)", 4),
        ("n >= 3 AND s = 'row_5'", "n >= 3 AND s = 'row_5'", 1),
        ("n >= 2 AND n < 8 AND s = 'row_5'", "(n >= 2 AND n < 8) AND s = 'row_5'", 1),
        ("n = 1 OR n = 9", "(n = 1 OR n = 9)", 2),
        ("NOT (n >= 5)", "n < 5", 5),
        ("n IN (1, 3, 7)", "n IN (1, 3, 7)", 3),
        ("n IS NOT NULL", "n IS NOT NULL", 100),
        ("s LIKE 'row_1%'", "(s >= 'row' AND s < 'rox')", 11),
        ("s LIKE '%1'", "(none)", 10),
        ("upper(s) = 'ROW_1'", "(none)", 1),
        ("contains(s, '5')", "(none)", 19),
        ("NOT contains(s, '5') AND n < 10", "n < 10", 9),
        ("suffix(s, '5')", "(none)", 10),
    ],
)
@pytest.mark.parametrize("source", ["filter_echo(100)", "data.filter_echo_table"])
def test_echo(example: Session, source: str, condition: str, text: str, rows: int) -> None:
    query = f"SELECT any_value(pushed_filters), count(*) FROM {source} WHERE {condition}"
    assert example.row(query) == (text, rows)


def test_a_long_list(example: Session) -> None:
    wanted = ", ".join(map(str, range(0, 63, 3)))
    assert example.row(f"SELECT any_value(pushed_filters), count(*) FROM filter_echo(100) WHERE n IN ({wanted})") == (
        "n IN (21 values)",
        21,
    )


def test_the_keys_of_a_join(example: Session) -> None:
    query = """SELECT any_value(f.pushed_filters), count(*) FROM filter_echo(10000) f
        JOIN (SELECT i * 5 AS k FROM range(200) t(i)) r ON f.n = r.k"""
    text, rows = example.row(query)
    assert rows == 200
    assert "n >= 0 AND n <= 995" in text


@pytest.mark.parametrize(
    ("condition", "resolved", "rows"),
    [
        ("n IN (5, 3, 200)", "3,5,200", 2),
        ("n = 4 OR n = 2", "2,4", 2),
        ("n > 5", "(scan)", 94),
        ("n IN (5, 9, 40) AND n > 6", "5,9,40", 2),
        ("n IN (10, 20, 30) AND n IN (20, 30, 40)", "10,20,30", 2),
        ("n = 3 OR n IS NULL", "(scan)", 1),
        ("(n = 4 AND n > 2) OR n = 5", "(scan)", 2),
    ],
)
def test_values(example: Session, condition: str, resolved: str, rows: int) -> None:
    query = f"SELECT any_value(resolved), count(*) FROM value_prune(100) WHERE {condition}"
    assert example.row(query) == (resolved, rows)


def test_filtered_columns(example: Session) -> None:
    assert example.rows("FROM filtered_columns_echo(100) WHERE n < 2 AND tag IN ('t1', 't5')") == [
        (1, "t1", "n,tag", True, True, "t1,t5")
    ]
    query = "SELECT any_value(tag_values) FROM filtered_columns_echo(100) WHERE tag IN ('t1', 't2') AND tag > 't1'"
    assert example.value(query) == "t1,t2"
    assert example.rows("FROM filtered_columns_echo(1)") == [(0, "t0", "", False, False, "(none)")]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [("s = 'red'", 4), ("s != 'red'", 6), ("s IN ('red', 'blue')", 7), ("s NOT IN ('red')", 6), ("s = 'pink'", 0)],
)
def test_a_dictionary(example: Session, condition: str, rows: int) -> None:
    assert example.value(f"SELECT count(*) FROM dict_filter_echo(10) WHERE {condition}") == rows


def test_filters_that_get_tighter(example: Session) -> None:
    texts = set(example.values("SELECT pushed_filters FROM dynamic_filter_echo(1000) ORDER BY n LIMIT 500"))
    assert len(texts) >= 2
    assert all("ConstantFilter(n <" in text for text in texts - {"(none)"})


def test_points(example: Session) -> None:
    assert example.value("SELECT count(*) FROM spatial_filter_example(100) WHERE x <= 0.5 AND y <= 0.5") == 36
    assert example.value("SELECT typeof(geom) FROM spatial_filter_example(1)") == "GEOMETRY"


def test_functions_as_filters(example: Session) -> None:
    query = "FROM expression_filter_test(100) WHERE list_contains(tags, 'tag_1') AND starts_with(name, 'item_1')"
    assert example.values(f"SELECT id {query}") == [1, 10, 11, 15, 16]
    assert " FILTER " not in str(example.rows(f"EXPLAIN SELECT id {query}"))
    assert example.value("SELECT count(*) FROM expression_filter_test(100) WHERE length(name) = 6") == 10


@pytest.mark.parametrize(
    ("clauses", "echoed"),
    [
        ("ORDER BY n DESC LIMIT 3 OFFSET 2", ("n", "DESC", "NULLS_LAST", 5)),
        ("ORDER BY s NULLS FIRST LIMIT 2", ("s", "ASC", "NULLS_FIRST", 2)),
        ("WHERE n > 5 ORDER BY n LIMIT 3", ("n", "ASC", "NULLS_LAST", -1)),
        ("LIMIT 1", ("(none)", "(none)", "(none)", -1)),
        ("ORDER BY n + 1 LIMIT 1", ("(none)", "(none)", "(none)", -1)),
    ],
)
def test_order(example: Session, clauses: str, echoed: tuple[object, ...]) -> None:
    columns = "order_column, order_direction, order_null_order, order_limit"
    assert set(example.rows(f"SELECT {columns} FROM order_echo(100) {clauses}")) == {echoed}


@pytest.mark.parametrize(
    ("sample", "echoed"),
    [
        ("", (-1.0, -1)),
        ("TABLESAMPLE 100%", (100.0, -1)),
        ("TABLESAMPLE system(10%) REPEATABLE (42)", (10.0, 42)),
        ("TABLESAMPLE bernoulli(90%)", (-1.0, -1)),
    ],
)
def test_sample(example: Session, sample: str, echoed: tuple[float, int]) -> None:
    assert set(example.rows(f"SELECT sample_percentage, sample_seed FROM sample_echo(100) {sample}")) == {echoed}


@pytest.mark.parametrize("layout", ["first", "middle", "last"])
def test_row_ids(example: Session, layout: str) -> None:
    call = f"rowid_sequence(2, layout := '{layout}', row_id_type := 'struct')"
    assert example.rows(f"SELECT name, value FROM {call}") == [("item_0", "val_0"), ("item_1", "val_1")]
    assert "must be one of the allowed choices" in example.error("FROM rowid_sequence(2, layout := 'x')")


def test_late_materialization(example: Session) -> None:
    rows = example.rows("SELECT ord, pushed FROM data.late_mat ORDER BY ord LIMIT 30")
    assert len(rows) == 30
    assert [n for n, _ in rows] == sorted(i * 2654435761 % 1000000007 for i in range(1000))[:30]
    [text] = {text for _, text in rows}
    assert text.startswith("rid:in=30;rng=")
    assert not text.endswith("none")
    assert example.value("SELECT count(*) FROM data.late_mat_nulls WHERE ord IS NULL") == 143
