"""The aggregate functions of ``example``: what is registered, plain use, windows, tensors."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql

REGISTERED = [
    ("data", "test_same_name_agg", ["value"], ["BIGINT"], "VARCHAR", None),
    ("main", "global_agg", ["value"], ["BIGINT"], "BIGINT", None),
    ("main", "nest_tensor", ["value", "axes"], ["ANY", "ANY"], "ANY", None),
    ("main", "secret_typed_sum", ["value"], ["BIGINT"], "ANY", None),
    ("main", "test_same_name_agg", ["value"], ["BIGINT"], "VARCHAR", None),
    ("main", "vgi_avg", ["value"], ["BIGINT"], "DOUBLE", None),
    ("main", "vgi_count", [], [], "BIGINT", None),
    ("main", "vgi_generic_sum", ["value"], ["ANY"], "ANY", None),
    ("main", "vgi_listagg", ["value"], ["VARCHAR"], "VARCHAR", None),
    ("main", "vgi_percentile", ["value", "percentile"], ["DOUBLE", "DOUBLE"], "DOUBLE", None),
    ("main", "vgi_streaming_sum", ["value"], ["BIGINT"], "BIGINT", None),
    ("main", "vgi_sum", ["value"], ["BIGINT"], "BIGINT", None),
    ("main", "vgi_sum_all", [], [], "DOUBLE", "ANY"),
    ("main", "vgi_weighted_sum", ["value", "weight"], ["DOUBLE", "DOUBLE"], "DOUBLE", None),
    ("main", "vgi_window_listagg", ["value"], ["VARCHAR"], "VARCHAR", None),
    ("main", "vgi_window_median", ["value"], ["DOUBLE"], "DOUBLE", None),
    ("main", "vgi_window_sum", ["value"], ["BIGINT"], "BIGINT", None),
    ("main", "vgi_window_sum_batch", ["value"], ["BIGINT"], "BIGINT", None),
]


def test_what_is_registered(example: Session) -> None:
    query = """
        SELECT {} FROM duckdb_functions() WHERE database_name = 'example' AND function_type = 'aggregate' ORDER BY ALL
    """
    columns = "schema_name, function_name, parameters, parameter_types, return_type, varargs"
    assert example.rows(query.format(columns)) == REGISTERED
    described = dict(example.rows(query.format("DISTINCT schema_name || '.' || function_name, description")))
    for schema in ("main", "data"):
        text = f"Schema-disambiguation probe; the {schema}-schema aggregate"
        assert described[f"{schema}.test_same_name_agg"] == text


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("SELECT vgi_generic_sum(NULL)", None),
        ("SELECT vgi_generic_sum(x) FROM (SELECT NULL AS x FROM range(3))", None),
        ("SELECT vgi_sum_all(9007199254740993)", 9007199254740992.0),
        ("SELECT vgi_sum_all(0.1::DECIMAL(38, 20))", 0.1),
        ("SELECT vgi_avg(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) t(x)", 2.0**63),
        ("SELECT add_values(9007199254740993::BIGINT, 0.5::DOUBLE)", 9007199254740992.0),
    ],
)
def test_numbers_at_the_edge(example: Session, query: str, value: float | None) -> None:
    assert example.value(query) == value


FOUR = "(VALUES (1, 'a', 2.0), (NULL, 'b', 0.5), (3, NULL, 4.0), (-4, 'd', NULL)) t(i, s, d)"

VALUES = {
    "vgi_sum(i)": 0,
    "vgi_count()": 4,
    "vgi_avg(i)": 0.0,
    "vgi_weighted_sum(i, d)": 14.0,
    "vgi_generic_sum(i)": 0,
    "vgi_generic_sum(d)": Decimal("6.5"),
    "vgi_generic_sum(d::FLOAT)": 6.5,
    "vgi_sum_all(i, d)": 6.5,
    "vgi_sum_all(i)": 0.0,
    "vgi_listagg(s)": "a,b,d",
    "vgi_listagg(s ORDER BY s DESC)": "d,b,a",
    "vgi_listagg(DISTINCT left(s, 0) || 'x')": "x",
    "vgi_percentile(d, 0)": 0.5,
    "vgi_percentile(d, 0.5)": 2.0,
    "vgi_percentile(d, 1)": 4.0,
    "vgi_percentile(d, 0.5::DOUBLE)": 2.0,
    "vgi_window_sum(i)": 0,
    "vgi_window_sum_batch(i)": 0,
    "vgi_window_listagg(s)": "a,b,d",
    "vgi_streaming_sum(i)": 0,
    "global_agg(i)": 0,
    "test_same_name_agg(i)": "main:0",
    "data.test_same_name_agg(i)": "data:0",
    "secret_typed_sum(i)": 0,
}

OF_NO_ROWS = {"vgi_count()": 0}


@pytest.mark.parametrize("call", VALUES)
def test_values(example: Session, call: str) -> None:
    """A sum over zeros is 0, a sum over no rows is NULL."""
    assert example.value(f"SELECT {call} FROM {FOUR}") == VALUES[call]
    assert example.value(f"SELECT {call} FROM {FOUR} WHERE i > 100") == OF_NO_ROWS.get(call)


def test_groups_without_values(example: Session) -> None:
    query = """
        SELECT g, vgi_sum(x), vgi_avg(x), vgi_generic_sum(x), vgi_listagg(x::VARCHAR), vgi_percentile(x, 0.5),
            vgi_count()
        FROM (VALUES (1, NULL), (1, NULL), (2, 0)) t(g, x) GROUP BY g ORDER BY g
    """
    assert example.rows(query) == [(1, None, None, None, None, None, 2), (2, 0, 0.0, 0, "0", 0.0, 1)]


def test_types_of_generic_sums(example: Session) -> None:
    types = ["INTEGER", "BIGINT", "DOUBLE", "DECIMAL(10,2)", "UTINYINT"]
    calls = ", ".join(f"typeof(vgi_generic_sum(x::{type_}))" for type_ in types)
    assert example.row(f"SELECT {calls} FROM range(3) t(x)") == tuple(types)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("vgi_sum_all()", "requires at least 1 value"),
        ("vgi_percentile(x, NULL)", "percentile must not be NULL"),
        ("vgi_percentile(x, 'nan'::DOUBLE)", "percentile must be a finite number"),
        ("vgi_percentile(x, 'inf'::DOUBLE)", "percentile must be a finite number"),
        ("vgi_percentile(x, 1.5)", "percentile must be in [0, 1]"),
        ("vgi_percentile(x, -1)", "percentile must be in [0, 1]"),
    ],
)
def test_refusals(example: Session, call: str, text: str) -> None:
    message = example.error(f"SELECT {call} FROM range(5) t(x)")
    assert "VGI Worker Exception" in message
    assert text in message


def test_many_rows_and_groups(example: Session) -> None:
    assert example.row("SELECT vgi_sum(x), vgi_count() FROM range(1000000) t(x)") == (499999500000, 1000000)
    query = """
        SELECT count(*), count(*) FILTER (ours = theirs AND mean = avg) FROM (
            SELECT vgi_sum(x) AS ours, sum(x) AS theirs, vgi_avg(x) AS mean, avg(x) AS avg
            FROM range(100000) t(x) GROUP BY x % {}
        )
    """
    assert example.row(query.format(10000)) == (10000, 10000)
    assert example.row(query.format(1000)) == (1000, 1000)


def test_everywhere_in_a_query(example: Session) -> None:
    query = """
        SELECT g, vgi_sum(x) * 2 FROM (SELECT range % 3 AS g, range AS x FROM range(9))
        GROUP BY g HAVING vgi_sum(x) > 9 ORDER BY vgi_sum(x) DESC
    """
    assert example.rows(query) == [(2, 30), (1, 24)]
    assert example.value("SELECT count(*) FROM range(9) t(x) WHERE x > (SELECT vgi_avg(y) FROM range(9) u(y))") == 4


# Windows.

FRAMES = [
    "ORDER BY o ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
    "ORDER BY o ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "ORDER BY o ROWS BETWEEN 3 FOLLOWING AND 1 FOLLOWING",
    "PARTITION BY g ORDER BY o ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW",
    "PARTITION BY g ORDER BY o // 5 RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES",
    "PARTITION BY g ORDER BY o // 5 GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP",
    "PARTITION BY g",
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("condition", ["", "FILTER (x % 2 = 0)"])
def test_sums_of_frames(example: Session, frame: str, condition: str) -> None:
    functions = ["vgi_window_sum", "vgi_window_sum_batch", "vgi_streaming_sum", "vgi_sum"]
    ours = ", ".join(f"{function}(x) {condition} OVER ({frame})" for function in functions)
    query = f"""
        SELECT {ours}, sum(x) {condition} OVER ({frame})
        FROM (SELECT range AS o, range % 3 AS g, nullif(range, 7) AS x FROM range(200))
    """
    for *found, expected in example.rows(query):
        assert found == [expected] * len(functions)


def test_large_partitions_and_many(example: Session) -> None:
    frame = "(PARTITION BY x % {} ORDER BY x ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)"
    query = """
        SELECT count(*), count(*) FILTER (ours = theirs) FROM (
            SELECT vgi_window_sum(x) OVER {0} AS ours, sum(x) OVER {0} AS theirs FROM range(5000) t(x)
        )
    """
    for partitions in (1, 100):
        assert example.row(query.format(frame.format(partitions))) == (5000, 5000)


def test_medians_and_texts_of_frames(example: Session) -> None:
    query = """
        SELECT vgi_window_median(x) OVER w, vgi_window_listagg(s) OVER w
        FROM (VALUES (1, 5.0, 'a'), (2, NULL, 'b'), (3, 1.0, NULL), (4, 2.0, 'd')) t(o, x, s)
        WINDOW w AS (ORDER BY o ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY o
    """
    assert example.rows(query) == [(5.0, "a,b"), (3.0, "a,b"), (1.5, "b,d"), (1.5, "d")]


def test_cumulative_sums(own_example: Session) -> None:
    rows = "(SELECT range AS o, range % 3 AS g, nullif(range, 7) AS x FROM range(6000))"
    query = f"""
        SELECT count(*), count(*) FILTER (ours IS NOT DISTINCT FROM theirs AND other = count) FROM (
            SELECT vgi_streaming_sum(x) OVER w AS ours, sum(x) OVER w AS theirs,
                vgi_streaming_sum(1) OVER (ORDER BY o) AS other, count(*) OVER (ORDER BY o) AS count
            FROM {rows} WINDOW w AS (PARTITION BY g ORDER BY o)
        )
    """
    assert own_example.row(query) == (6000, 6000)
    own_example.execute("SET vgi_streaming_window = false")
    assert own_example.row(query) == (6000, 6000)


def test_a_null_keeps_the_cumulative_sum(example: Session) -> None:
    query = "SELECT vgi_streaming_sum(x) OVER (ORDER BY o) FROM (VALUES (1, 2), (2, NULL), (3, 5)) t(o, x) ORDER BY o"
    assert example.values(query) == [2, 2, 7]


def test_the_same_name_in_windows(example: Session) -> None:
    query = """
        SELECT test_same_name_agg(x) OVER (ORDER BY x), data.test_same_name_agg(x) OVER (ORDER BY x)
        FROM range(3) t(x) ORDER BY x
    """
    assert example.rows(query) == [(f"main:{total}", f"data:{total}") for total in (0, 1, 3)]


# A secret decides the type.


def test_a_type_that_depends_on_a_secret(own_example: Session) -> None:
    query = "SELECT secret_typed_sum(x), typeof(secret_typed_sum(x)) FROM range(4) t(x)"
    assert own_example.row(query) == (6, "BIGINT")
    for use_ssl, type_ in ((True, "DOUBLE"), (False, "BIGINT")):
        own_example.execute(f"CREATE OR REPLACE SECRET one (TYPE vgi_example, use_ssl {use_ssl})")
        assert own_example.row(query) == (6, type_)


# Tensors.

CELLS = "(VALUES (1, 10, 'x'), (2, 20, 'x'), (NULL, 20, 'y')) t(v, a, b)"


@pytest.mark.parametrize(
    ("query", "tensor", "axes"),
    [
        (
            f"SELECT nest_tensor(v, {{'a': a, 'b': b}}) FROM {CELLS}",
            [[1, None], [2, None]],
            {"a": [10, 20], "b": ["x", "y"]},
        ),
        (f"SELECT nest_tensor(b, {{'v': coalesce(v, 0)}}) FROM {CELLS}", ["y", "x", "x"], {"v": [0, 1, 2]}),
        (f"SELECT nest_tensor(v, {{'a': a}}) FROM {CELLS} WHERE v > 5", [], {"a": []}),
        ("SELECT nest_tensor(NULL, {'a': i}) FROM range(2) t(i)", [None, None], {"a": [0, 1]}),
        (
            "SELECT nest_tensor(to_days(i), {'h': to_hours(i)}) FROM range(2) t(i)",
            [datetime.timedelta(0), datetime.timedelta(days=1)],
            {"h": [datetime.timedelta(0), datetime.timedelta(hours=1)]},
        ),
        (f"SELECT nest_tensor(v, CASE WHEN v = 1 THEN {{'a': a}} END) FROM {CELLS}", [1], {"a": [10]}),
        (
            "SELECT nest_tensor(i, {'b': i > 1, 'd': i % 2 = 0}) FROM range(4) t(i)",
            [[1, 0], [3, 2]],
            {"b": [False, True], "d": [False, True]},
        ),
    ],
)
def test_nested_tensors(example: Session, query: str, tensor: list[Any], axes: dict[str, Any]) -> None:
    assert example.value(query) == {"tensor": tensor, "axes": axes}


def test_a_tensor_there_and_back(example: Session) -> None:
    rows = "(SELECT range AS v, DATE '2024-01-01' + (range % 50)::INTEGER AS d, range // 50 AS n FROM range(5000))"
    query = f"""
        SELECT cell.value, cell.axes.d, cell.axes.n
        FROM (SELECT unnest(unnest_tensor(nest_tensor(v, {{'d': d, 'n': n}}))) AS cell FROM {rows})
    """
    assert sorted(example.rows(query)) == sorted(example.rows(f"SELECT v, d, n FROM {rows}"))


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        ("{'a': NULL::INTEGER}", "NestTensorError: nest_tensor: null coord value for axis 'a'"),
        ("{'a': NULL}", "NestTensorError: nest_tensor: null coord value for axis 'a'"),
        ("{'a': 1}", "duplicate coordinate"),
        ("{'a': x::DOUBLE}", "floating-point"),
        ("{'a': [x]}", "NestTensorError"),
        ("x", "must be a struct"),
    ],
)
def test_tensors_that_are_refused(example: Session, axes: str, text: str) -> None:
    assert text in example.error(f"SELECT nest_tensor(x, {axes}) FROM range(3) t(x)")


def test_a_duplicate_across_threads(example: Session) -> None:
    rows = "(SELECT x FROM range(1000) t(x) UNION ALL SELECT x + 999 FROM range(1000) t(x))"
    assert "duplicate coordinate" in example.error(f"SELECT nest_tensor(1, {{'a': x}}) FROM {rows}")
