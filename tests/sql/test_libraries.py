"""Arrays of NumPy, pandas and polars through SQL."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import pytest

from .session import Session

pytestmark = pytest.mark.sql
pytest.importorskip("pandas")
pytest.importorskip("polars")


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("libraries")
    return sql


@pytest.fixture
def either(either: Session) -> Session:
    either.attach("libraries")
    return either


def values(sql: Session, call: str, source: str) -> list[object]:
    return sql.values(f"SELECT libraries.{call} FROM (VALUES {source}) t(i, v) ORDER BY i")


# Arguments


@pytest.mark.parametrize(
    ("value", "numpy", "pandas"),
    [
        ("1::TINYINT", "int8", "int8"),
        ("1::UBIGINT", "uint64", "uint64"),
        ("1.5::FLOAT", "float32", "float32"),
        ("1.5::DOUBLE", "float64", "float64"),
        ("true", "bool", "bool"),
        ("'a'", "object", "string[pyarrow]"),
        ("'a'::BLOB", "object", "binary[pyarrow]"),
        ("DATE '2024-01-01'", "datetime64[D]", "date32[day][pyarrow]"),
        ("TIMESTAMP '2024-01-01'", "datetime64[us]", "datetime64[us]"),
        ("'2024-01-01'::TIMESTAMP_S", "datetime64[s]", "datetime64[s]"),
        ("INTERVAL 1 DAY", "timedelta64[us]", "month_day_nano_interval[pyarrow]"),
        ("'a'::ENUM('a')", "object", "string[pyarrow]"),
    ],
)
def test_kinds_of_arrays(sql: Session, value: str, numpy: str, pandas: str) -> None:
    arrow = (
        pandas
        if "pyarrow" in pandas
        else {"datetime64[us]": "timestamp[us]", "datetime64[s]": "timestamp[s]"}.get(
            pandas, {"float32": "float", "float64": "double"}.get(pandas, pandas)
        )
    )
    row = sql.row(f"""
        SELECT libraries.numpy_kind(v), libraries.numpy_kind_with_nulls(v), libraries.pandas_kind(v),
            libraries.pandas_kind_with_nulls(v)
        FROM (SELECT {value} AS v)
    """)
    assert row == (
        f"ndarray {numpy}",
        f"MaskedArray {numpy} 0",
        f"Series {pandas}",
        f"Series {arrow.removesuffix('[pyarrow]')}[pyarrow] 0",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[1]", "BIGINT[]"),
        ("1.5", "DECIMAL(2,1)"),
        ("{'a': 1}", "STRUCT"),
        ("now()", "TIMESTAMP WITH TIME ZONE"),
        ("TIME '01:00:00'", "TIME"),
    ],
)
def test_types_without_numpy_form_fail_at_bind(sql: Session, value: str, expected: str) -> None:
    message = sql.error(f"EXPLAIN SELECT libraries.numpy_kind({value})")
    assert "ArgumentError: function 'numpy_kind': argument 'value': " in message
    assert "has no NumPy form; annotate the parameter with an Arrow array" in message
    assert expected.split("[")[0] in message or "INTEGER[]" in message


def test_polars_kinds(sql: Session) -> None:
    row = sql.row("""
        SELECT libraries.polars_kind(1::SMALLINT), libraries.polars_kind(NULL::VARCHAR), libraries.polars_kind([1]),
            libraries.polars_kind(1.5), libraries.polars_kind('{}'::JSON), libraries.polars_kind(TIME '01:00:00')
    """)
    assert row == (
        "Series Int16 0",
        "Series String 1",
        "Series List(Int32) 0",
        "Series Decimal(precision=2, scale=1) 0",
        "Series String 0",
        "Series Time 0",
    )
    assert "INTERVAL has no polars form" in sql.error("EXPLAIN SELECT libraries.polars_kind(INTERVAL 1 DAY)")


# NULLs


def test_rows_with_null_never_reach_the_function(either: Session) -> None:
    wrong = """
        SELECT count(*) FILTER (libraries.add(a, b, c) IS DISTINCT FROM a + b + c), count(libraries.add(a, b, c))
        FROM (
            SELECT CASE WHEN i % 3 > 0 THEN i END AS a, CASE WHEN i % 5 > 0 THEN i END AS b,
                CASE WHEN i % 7 > 0 THEN i END AS c
            FROM range(10000) t(i)
        )
    """
    assert either.row(wrong) == (0, 4571)


def test_values_and_nulls_come_back_as_they_were(either: Session) -> None:
    wrong = """
        SELECT count(*) FILTER (libraries.same_numpy(n) IS DISTINCT FROM n),
            count(*) FILTER (libraries.same_text_numpy(s) IS DISTINCT FROM s),
            count(*) FILTER (libraries.same_pandas(l) IS DISTINCT FROM l),
            count(*) FILTER (libraries.same_polars(l) IS DISTINCT FROM l),
            count(*) FILTER (libraries.same_decimal_pandas(d) IS DISTINCT FROM d),
            count(*) FILTER (libraries.upper(s) IS DISTINCT FROM upper(s)),
            count(*)
        FROM (
            SELECT CASE WHEN i % 3 > 0 THEN 9007199254740993 + i END AS n, CASE WHEN i % 5 > 0 THEN 's' || i END AS s,
                CASE WHEN i % 7 > 0 THEN [s, NULL, 'x'] END AS l,
                CASE WHEN i % 4 > 0 THEN i / 100 END::DECIMAL(10, 2) AS d
            FROM range(5000) t(i)
        )
    """
    assert either.row(wrong) == (0, 0, 0, 0, 0, 0, 5000)


def test_nothing_but_nulls(sql: Session) -> None:
    query = (
        "SELECT libraries.same_numpy(n), libraries.same_pandas(NULL), libraries.root(n) FROM (SELECT NULL::BIGINT n)"
    )
    assert sql.row(query) == (None, None, None)
    assert sql.values("SELECT libraries.numpy_kind_with_nulls(n) FROM (VALUES (1), (NULL)) t(n)") == [
        "MaskedArray int32 1",
        "MaskedArray int32 1",
    ]


def test_nan_is_null_to_pandas_alone(sql: Session) -> None:
    root, root_pandas = sql.row("SELECT libraries.root(-1), libraries.root_pandas(-1)")
    assert math.isnan(root)
    assert root_pandas is None
    numpy, pandas, polars = sql.row("FROM libraries.not_a_number()")
    assert math.isnan(numpy)
    assert pandas is None
    assert math.isnan(polars)


# Work


def test_results(sql: Session) -> None:
    row = sql.row("""
        SELECT libraries.next_day(DATE '2024-02-28'), libraries.midnight(TIMESTAMP '2024-02-28 01:00:00'),
            libraries.scaled(1.5, 2), libraries.longest('a', 'ccc', 'bb'), libraries.same_decimal_pandas(1.5)
    """)
    assert row == (datetime.date(2024, 2, 29), datetime.timedelta(hours=1), 3.0, "ccc", Decimal("1.50"))
    assert sql.values("SELECT libraries.numbered() FROM range(3)") == [0, 1, 2]


def test_constants_that_vary(sql: Session) -> None:
    query = "SELECT count(*) FILTER (libraries.scaled(i, i % 3) IS DISTINCT FROM i * (i % 3)) FROM range(5000) t(i)"
    assert sql.value(query) == 0


def test_mistakes(sql: Session) -> None:
    expected = {
        "wrong_type(1)": "OutputError: result of function 'wrong_type' must be BIGINT, got DOUBLE",
        "wrong_length(1)": "OutputError: result of function 'wrong_length' must have one value for each of the 1 rows",
        "two_dimensions(1)": "must be an array of one dimension, got one of shape (2, 1)",
        "writes(1)": "ValueError: assignment destination is read-only",
    }
    for call, message in expected.items():
        assert message in sql.error(f"SELECT libraries.{call}")


# Tables


@pytest.mark.parametrize("function", ["pandas_frame", "polars_frame", "all_columns"])
def test_tables(sql: Session, function: str) -> None:
    noon = datetime.datetime(2024, 2, 29, 12)
    rows = [(1, 0.5, "a", noon, datetime.timedelta(1)), (None,) * 5]
    assert sql.rows(f"FROM libraries.{function}()") == rows


def test_a_series_is_no_table(sql: Session) -> None:
    message = sql.error("FROM libraries.returns_series()")
    assert "OutputError: table function 'returns_series' yields Series" in message
