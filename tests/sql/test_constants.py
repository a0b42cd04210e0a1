"""``Const`` arguments, and why they travel as columns: DuckDB computes one of two calls that differ in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .session import Session, attach_statement, location

pytestmark = pytest.mark.sql

WORKER = """
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DECIMAL, LIST

demo = dw.Catalog("constants")


@demo.scalar
def times(value: pa.Int64Array, factor: dw.Const[int]) -> pa.Int64Array:
    assert isinstance(value, pa.Array) and isinstance(factor, int)
    return pa.array([v * factor for v in value.to_pylist()], pa.int64())


@demo.scalar
def plus(value: int, step: dw.Const[int]) -> int:
    return value + step


@demo.scalar(constants="bound")
def bound(value: int, step: dw.Const[int]) -> int:
    return value + step


@demo.scalar(constants="bound", returns=lambda scale: DECIMAL(18, scale))
def rounded(scale: dw.Const[int], value: pa.DoubleArray) -> pa.Array:
    return value.cast(DECIMAL(18, scale))


@demo.scalar(constants="bound")
def numbered(first: dw.Const[int], *, ctx: dw.Context) -> pa.Int64Array:
    return pa.array(range(first, first + ctx.rows), pa.int64())


@demo.aggregate(returns=lambda value: LIST(value), empty=lambda type: [] if type.value_type == BIGINT else None)
class listed:
    values: list[object]

    def __init__(self) -> None:
        self.values = []

    def update(self, value: object) -> None:
        self.values.append(value)

    def merge(self, other) -> None:
        self.values += other.values

    def result(self) -> object:
        return self.values


@demo.aggregate
class total_of_all:
    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, *values: pa.Int64Array) -> None:
        for value in values:
            groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)
"""


@pytest.fixture(scope="module")
def constants(open_session: object, tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("constants") / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    session: Session = open_session()  # type: ignore[operator]
    session.execute(attach_statement(location(Path(path)), "constants", "constants"))
    return session


@pytest.mark.parametrize(("function", "operator"), [("times", "*"), ("plus", "+")])
def test_calls_that_differ_in_a_constant_are_different_calls(constants: Session, function: str, operator: str) -> None:
    f = f"constants.{function}"
    assert constants.rows(f"SELECT {f}(x, 2), {f}(x, 3), {f}(x, 2) FROM range(5, 8) t(x)") == constants.rows(
        f"SELECT x {operator} 2, x {operator} 3, x {operator} 2 FROM range(5, 8) t(x)"
    )
    assert (
        constants.value(
            f"SELECT count(*) FROM range(9) t(x) WHERE {f}(x, 2) = x {operator} 2 AND {f}(x, 3) = x {operator} 3"
        )
        == 9
    )
    assert constants.row(f"SELECT sum({f}(x, 2)), sum({f}(x, 3)) FROM range(9) t(x)") == constants.row(
        f"SELECT sum(x {operator} 2), sum(x {operator} 3) FROM range(9) t(x)"
    )


def test_a_constant_that_is_a_column_is_right_all_the_same(constants: Session) -> None:
    query = "FROM (SELECT range AS x, nullif(range % 3, 1) AS f FROM range(10000))"
    assert constants.rows(f"SELECT constants.times(x, f) {query}") == constants.rows(f"SELECT x * f {query}")


def test_null_as_a_constant_is_null(constants: Session) -> None:
    assert constants.rows("SELECT constants.times(x, NULL), constants.plus(x, NULL) FROM range(2) t(x)") == [
        (None, None),
        (None, None),
    ]


def test_bound_constants(constants: Session) -> None:
    assert constants.values("SELECT constants.bound(x, 2) FROM (VALUES (1), (NULL), (5)) t(x)") == [3, None, 7]
    assert constants.values("SELECT constants.bound(x, NULL) FROM range(2) t(x)") == [None, None]
    assert "must be a constant value" in constants.error("SELECT constants.bound(x, x) FROM range(2) t(x)")
    query = "SELECT typeof(constants.rounded({0}, x)), constants.rounded({0}, x)::DOUBLE FROM (VALUES (0.5)) t(x)"
    assert constants.row(query.format(1)) == ("DECIMAL(18,1)", 0.5)
    assert constants.row(query.format(3)) == ("DECIMAL(18,3)", 0.5)
    assert constants.value("SELECT constants.numbered(7)") == 7
    shown = "SELECT function_name, arg_name FROM vgi_function_arguments() WHERE is_const ORDER BY ALL"
    assert constants.rows(shown) == [("bound", "step"), ("numbered", "first"), ("rounded", "scale")]


def test_why_constants_are_not_bound_by_default(constants: Session) -> None:
    """If this fails, the extension has learnt to tell such calls apart, and constants can be bound always."""
    assert constants.row("SELECT constants.bound(x, 2), constants.bound(x, 3) FROM range(5, 6) t(x)") == (7, 7)


def test_the_value_of_groups_without_rows_depends_on_the_type(constants: Session) -> None:
    query = "SELECT constants.listed({}) FROM range({}) t(x)"
    assert constants.value(query.format("x", 2)) == [0, 1]
    assert constants.value(query.format("x", 0)) == []
    assert constants.value(query.format("x::VARCHAR", 0)) is None


def test_an_aggregate_of_any_number_of_columns_needs_one(constants: Session) -> None:
    assert constants.value("SELECT constants.total_of_all(x, 1) FROM range(3) t(x)") == 6
    message = constants.error("SELECT constants.total_of_all()")
    assert "ArgumentError: aggregate 'total_of_all' requires at least 1 value: total_of_all(BIGINT...)" in message
