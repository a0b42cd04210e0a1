"""Conditions written in Python."""

from __future__ import annotations

import datetime
import operator
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.errors import ArgumentError
from duckwing.filters.build import Condition, col, predicates
from duckwing.filters.encode import encode_snapshot
from duckwing.filters.evaluate import Evaluator
from duckwing.filters.pushed import PushedFilters
from duckwing.types import UUID

COLUMNS = {
    "i8": pa.int8(),
    "i64": pa.int64(),
    "u64": pa.uint64(),
    "f32": pa.float32(),
    "f64": pa.float64(),
    "dec": pa.decimal128(6, 2),
    "s": pa.utf8(),
    "b": pa.bool_(),
    "d": pa.date32(),
    "ts": pa.timestamp("us"),
    "tz": pa.timestamp("us", "Europe/Oslo"),
    "st": pa.struct({"a": pa.int32(), "t": pa.utf8()}),
    "li": pa.list_(pa.int64()),
    "u": UUID,
}
SCHEMA = pa.schema(list(COLUMNS.items()))


def shown(condition: Condition) -> list[str]:
    return [str(predicate) for predicate in predicates(condition, SCHEMA)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (col("i64") > 3, ["i64 > 3"]),
        (3 < col("i64"), ["i64 > 3"]),  # noqa: SIM300
        ((col("i64") > 3) & (col("s") == "x") & col("b"), ["i64 > 3", "s = 'x'", "b"]),
        ((col("i64") > 3) | (col("s") == "x") | ~col("b"), ["(i64 > 3) OR (s = 'x') OR (NOT b)"]),
        (~~col("b"), ["b"]),
        (~(col("i64") == 1), ["NOT (i64 = 1)"]),
        (col("i64").between(1, 3), ["i64 >= 1", "i64 <= 3"]),
        (col("s").isin(["a", None]), ["s IN ('a', NULL)"]),
        (~col("s").isin(["a"]), ["s NOT IN ('a')"]),
        (col("s").isin([]), ["s IN ()"]),
        (col("s").is_null(), ["s IS NULL"]),
        (~col("s").is_null(), ["s IS NOT NULL"]),
        (col("s").is_not_null(), ["s IS NOT NULL"]),
        (col("i64").is_distinct_from(None), ["i64 IS DISTINCT FROM NULL"]),
        (col("st")["a"] < 3, ["st.a < 3"]),
        (col("s").starts_with("a") | col("s").contains("b"), ["starts_with(s, 'a') OR contains(s, 'b')"]),
        (col("li").list_contains(3), ["list_contains(li, 3)"]),
        (col("i64") == col("i8"), ["i64 = i8"]),
        (col("I64") == 1, ["i64 = 1"]),
        # Where a constant does not fit the column, both get a wider type.
        (col("i8") > 300, ["i8::BIGINT > 300"]),
        (col("i64") > 2**70, [f"i64::DECIMAL(22,0) > {2**70}"]),
        (col("i64") > 3.5, ["i64::DOUBLE > 3.5"]),
        (col("i64") == 3.0, ["i64 = 3"]),
        (col("i64") > Decimal("3.55"), ["i64::DECIMAL(22,2) > 3.55"]),
        (col("f64") > 3, ["f64 > 3.0"]),
        (col("f32") > 0.1, ["f32::DOUBLE > 0.1"]),
        (col("f32") > 0.5, ["f32 > 0.5"]),
        (col("dec") == 5, ["dec = 5.00"]),
        (col("dec") > Decimal("5.555"), ["dec::DECIMAL(7,3) > 5.555"]),
        (col("dec") > 5.5, ["dec::DOUBLE > 5.5"]),
        (col("d") >= "2024-02-29", ["d >= '2024-02-29'"]),
        (col("d") >= datetime.date(2024, 2, 29), ["d >= '2024-02-29'"]),
        (col("ts") >= datetime.date(2024, 2, 29), ["ts >= '2024-02-29 00:00:00'"]),
        (col("u") == uuid.UUID(int=5), [f"u = '{uuid.UUID(int=5)}'"]),
        (col("i64") == pa.scalar(5, pa.int32()), ["i64 = 5"]),
    ],
    ids=str,
)
def test_what_they_become(condition: Condition, expected: list[str]) -> None:
    assert shown(condition) == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (col("x") == 1, "there is no column 'x'; the columns are i8, i64"),
        (col("s") == 1, "s is VARCHAR; 1 cannot be compared with it"),
        (col("i64") == "1", "i64 is BIGINT; '1' cannot be compared"),
        (col("i64") == True, "i64 is BIGINT; True cannot be compared"),  # noqa: E712
        (col("d") == "yesterday", "d is DATE; 'yesterday' cannot be compared"),
        (col("tz") == datetime.datetime(2024, 1, 1), "cannot be compared"),
        (col("i64").isin([1, "x"]), "i64 is BIGINT; not all of the values are"),
        (col("st")["x"] == 1, "st is STRUCT.* which has no field 'x'"),
        (col("s")["x"] == 1, "s is VARCHAR, which has no field 'x'"),
        (col("i64").starts_with("x"), "starts_with compares texts; i64 is BIGINT"),
        (col("s").list_contains("x"), "s is VARCHAR; it cannot contain 'x'"),
        (col("i64"), "i64 is no condition: it is BIGINT"),
        ("i64 > 3", "expected a condition such as"),
    ],
    ids=str,
)
def test_what_cannot_be_meant(condition: Condition, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        predicates(condition, SCHEMA)


def test_python_operators_that_would_lie() -> None:
    with pytest.raises(TypeError, match=r"use &, \| and ~ in place of and, or and not"):
        bool((col("a") > 1) and (col("b") > 1))
    with pytest.raises(TypeError, match="use &"):
        1 < col("a") < 3  # noqa: B015
    with pytest.raises(TypeError, match="comparisons beside it need parentheses"):
        (col("a") > 1) & 3  # type: ignore[operator]


# Against the meaning of each operator in Python, through the wire

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i8": st.integers(-128, 127),
    "i64": st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1)),
    "u64": st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1)),
    "dec": st.decimals(-9999, 9999, places=2),
    "s": st.text("abä\0%", max_size=3),
    "d": st.dates(),
}
_CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    "i8": st.one_of(st.integers(-400, 400), st.decimals(-300, 300, places=1)),
    "i64": st.one_of(st.integers(-5, 5), st.integers(-(2**65), 2**65), st.decimals(-5, 5, places=2)),
    "u64": st.one_of(st.integers(-5, 5), st.integers(-(2**65), 2**65)),
    "dec": st.one_of(st.decimals(-9999, 9999, places=3), st.integers(-10_000, 10_000)),
    "s": st.text("abä\0%", max_size=3),
    "d": st.dates(),
}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")
}

Row = dict[str, Any]
Meaning = Callable[[Row], bool | None]


@st.composite
def leaves(draw: st.DrawFn) -> tuple[Condition, Meaning]:
    """A condition, and what it says of a row; None is NULL."""
    name = draw(st.sampled_from(sorted(_VALUES)))
    kind = draw(st.sampled_from(["compare", "isin", "null", "between"]))
    if kind == "null":
        return col(name).is_null(), lambda row: row[name] is None
    if kind == "isin":
        members = draw(st.lists(_VALUES[name], max_size=4))
        return col(name).isin(members), lambda row: None if row[name] is None else row[name] in members
    if kind == "between":
        low, high = draw(_CONSTANTS[name]), draw(_CONSTANTS[name])
        return col(name).between(low, high), lambda row: None if row[name] is None else low <= row[name] <= high
    compare = _OPERATORS[draw(st.sampled_from(sorted(_OPERATORS)))]
    constant = draw(_CONSTANTS[name])
    return compare(col(name), constant), lambda row: None if row[name] is None else compare(row[name], constant)


def _all(left: Meaning, right: Meaning) -> Meaning:
    def meaning(row: Row) -> bool | None:
        values = (left(row), right(row))
        return False if False in values else None if None in values else True

    return meaning


def _any(left: Meaning, right: Meaning) -> Meaning:
    def meaning(row: Row) -> bool | None:
        values = (left(row), right(row))
        return True if True in values else None if None in values else False

    return meaning


def _not(of: Meaning) -> Meaning:
    return lambda row: None if (value := of(row)) is None else not value


conditions = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: (two[0][0] & two[1][0], _all(two[0][1], two[1][1]))),
        st.tuples(inner, inner).map(lambda two: (two[0][0] | two[1][0], _any(two[0][1], two[1][1]))),
        inner.map(lambda one: (~one[0], _not(one[1]))),
    ),
    max_leaves=5,
)


@settings(deadline=None, max_examples=150)
@given(conditions, st.lists(st.fixed_dictionaries({n: st.none() | v for n, v in _VALUES.items()}), max_size=12))
def test_they_mean_what_python_means(pair: tuple[Condition, Meaning], rows: list[Row]) -> None:
    condition, meaning = pair
    schema = pa.schema([(name, COLUMNS[name]) for name in _VALUES])
    batch = pa.RecordBatch.from_pylist(rows, schema=schema)
    data, sets = encode_snapshot(predicates(condition, schema))
    received = PushedFilters(schema, data, sets).current
    wanted = [number for number, row in enumerate(rows) if meaning(row)]
    numbered = batch.append_column("row", pa.array(range(len(rows)), pa.int64()))
    assert Evaluator(received.predicates, numbered.schema).apply(numbered)["row"].to_pylist() == wanted


def test_floats() -> None:
    values = [0.0, -0.0, 0.1, 1.5, float("nan"), float("inf"), None]
    batch = pa.RecordBatch.from_arrays([pa.array(values, pa.float32()), pa.array(values)], names=["f32", "f64"])

    def kept(condition: Condition) -> list[str]:
        found = Evaluator(predicates(condition, batch.schema), batch.schema).apply(batch)
        return [str(value) for value in found["f64"].to_pylist()]

    assert kept(col("f32") == 0.1) == []  # no 32-bit number is exactly this one
    assert kept(col("f64") == 0.1) == ["0.1"]
    assert kept(col("f64") == 0) == ["0.0", "-0.0"]
    assert kept(col("f32") > 1) == ["1.5", "nan", "inf"]  # NaN is the greatest, as in DuckDB
    assert kept(col("f64") == float("nan")) == ["nan"]
    assert kept(col("f64").isin([0.1, 1.5])) == ["0.1", "1.5"]
