"""Filters for pyarrow, which must never lose a row, in memory or in Parquet files."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from duckwing.filters.arrow import to_pyarrow
from duckwing.filters.evaluate import Evaluator
from duckwing.filters.tree import (
    And,
    Call,
    Cast,
    Column,
    Comparison,
    Expression,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    Predicate,
    Unknown,
)
from duckwing.types import BIGINT, BOOLEAN, DECIMAL, DOUBLE, FLOAT, INTEGER, INTERVAL, UNION, VARCHAR

from .conditions import NAN, PREDICATES, STRUCTS, all_rows, arrived, batches, field_of, named, predicates
from .trees import literal, values

I32, F64, S, B = (named(name) for name in ("i32", "f64", "s", "b"))


def cmp(operator: Any, value: Any, place: Expression = F64) -> Comparison:
    return Comparison(operator, place, literal(value, place.type))


def numbered(rows: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([rows]).append_column("row", pa.array(range(rows.num_rows), pa.int64()))


def accepted(drawn: tuple[Predicate, ...], rows: pa.Table) -> set[int]:
    [batch] = rows.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]
    return set(Evaluator(drawn, batch.schema).apply(batch)["row"].to_pylist())


@given(PREDICATES, batches())
@settings(max_examples=120, deadline=None)
def test_no_row_is_lost_and_none_comes_too_many_if_exact(drawn: tuple[Predicate, ...], rows: pa.RecordBatch) -> None:
    table = numbered(rows)
    found = to_pyarrow(drawn)
    passed = set((table if found.expression is None else table.filter(found.expression))["row"].to_pylist())
    wanted = accepted(drawn, table)
    assert passed == wanted if found.exact else passed >= wanted


@given(PREDICATES, batches())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_statistics_of_parquet_files_lose_no_row(
    tmp_path: Path, drawn: tuple[Predicate, ...], rows: pa.RecordBatch
) -> None:
    table = numbered(rows)
    found = to_pyarrow(drawn)
    for size in (1, 3, 12):
        pq.write_table(table, tmp_path / "rows.parquet", row_group_size=size)
        passed = set(ds.dataset(tmp_path / "rows.parquet").to_table(filter=found.expression)["row"].to_pylist())
        assert passed >= accepted(drawn, table)


@pytest.mark.parametrize("type", [FLOAT, DOUBLE])
@pytest.mark.parametrize("group", [[3.0, NAN], [NAN], [1.0, 2.0, NAN], [1.0, NAN, None], [math.inf, NAN], [-0.0, NAN]])
def test_a_row_group_with_nan_is_read(tmp_path: Path, group: list[float | None], type: pa.DataType) -> None:
    """Statistics leave NaN out, so that it would be lost where it is the greatest value."""
    place = Column("x", 0, type)
    pq.write_table(pa.table({"x": pa.array(group, type)}), tmp_path / "x.parquet")
    conditions: list[Expression] = [
        cmp("gt", 5.0, place),
        cmp("ge", 5.0, place),
        cmp("ne", 3.0, place),
        cmp("ne", 1.0, place),
        cmp("eq", NAN, place),
        cmp("ge", NAN, place),
        Not(cmp("le", 5.0, place)),
        Not(cmp("eq", 3.0, place)),
        In(place, values([7.0, NAN], type)),
        In(place, values([3.0, 1.0], type), negated=True),
        Comparison("distinct_from", place, literal(3.0, type)),
        And((cmp("gt", 5.0, place), IsNull(place, negated=True))),
        Or((cmp("gt", 5.0, place), cmp("lt", -5.0, place))),
    ]
    for condition in conditions:
        found = to_pyarrow(predicates(condition))
        assert found.exact
        read = ds.dataset(tmp_path / "x.parquet").to_table(filter=found.expression)["x"].to_pylist()
        assert any(value is not None and math.isnan(value) for value in read), condition


def test_groups_are_skipped_by_statistics_where_they_can_be(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"f64": [1.0, 2.0, 30.0, 40.0], "i32": [1, 2, 3, 4]}), tmp_path / "x.parquet", row_group_size=2
    )
    [fragment] = ds.dataset(tmp_path / "x.parquet").get_fragments()

    def groups(*conditions: Expression) -> list[int]:
        expression = to_pyarrow(predicates(*conditions)).expression
        return [group.id for part in fragment.split_by_row_group(expression) for group in part.row_groups]

    assert groups(cmp("lt", 3.0)) == [0]
    assert groups(cmp("gt", 3.0)) == [0, 1]  # there might be a NaN in the first
    assert groups(cmp("gt", 3.0), cmp("lt", 50.0)) == [0, 1]
    assert groups(cmp("gt", Decimal("2.5"), Cast(I32, DECIMAL(12, 1)))) == [1]
    assert groups(In(I32, values([1, 2], INTEGER))) == [0]
    assert groups(literal(False, BOOLEAN)) == []


SAID: list[tuple[Expression, str | None, bool]] = [
    (cmp("eq", 1, I32), "(i32 == 1)", True),
    (Comparison("gt", literal(1, INTEGER), I32), "(i32 < 1)", True),
    (
        Comparison("eq", field_of("a"), literal(1, INTEGER)),
        "(FieldRef.Nested(FieldRef.Name(st) FieldRef.Name(a)) == 1)",
        True,
    ),
    (B, "(b == true)", True),
    (IsNull(named("li")), "is_null(li, {nan_is_null=false})", True),
    (IsNull(Cast(I32, BIGINT), negated=True), "is_valid(i32)", True),
    (cmp("gt", Decimal("2.5"), Cast(I32, DECIMAL(12, 1))), "(i32 > 2)", True),
    (cmp("lt", 3000000000, Cast(I32, BIGINT)), "is_valid(i32)", True),
    (cmp("gt", 3000000000, Cast(I32, BIGINT)), "false", True),
    (Call("starts_with", (S, literal("a", VARCHAR))), 'starts_with(s, {pattern="a", ignore_case=false})', True),
    (literal(True, BOOLEAN), None, True),
    (literal(None, BOOLEAN), "false", True),
    (Or((cmp("eq", 1, I32), literal(True, BOOLEAN))), None, True),
    (Comparison("eq", I32, named("i32")), None, False),
    (Comparison("eq", named("st"), literal({"a": 1, "b": "", "f": 0.0}, STRUCTS)), None, False),
    (Comparison("eq", named("id"), arrived(None, named("id").type)), "false", True),
    (Call("list_contains", (named("li"), literal(1, INTEGER))), None, False),
    (Call("contains", (literal("a", VARCHAR), S)), None, False),
    (Unknown("function", BOOLEAN), None, False),
    (Not(Unknown("function", BOOLEAN)), None, False),
    (cmp("gt", 3.0, Cast(I32, FLOAT)), None, False),
    (Comparison("eq", Column("x", 0, INTERVAL), literal(pa.MonthDayNano([1, 0, 0]), INTERVAL)), None, False),
    (IsNull(Column("x", 0, UNION({"a": BIGINT}))), None, False),
    (In(Column("x", 0, pa.decimal32(3, 1)), values([Decimal("1.0"), Decimal("2.5")], DECIMAL(3, 1))), None, False),
    (And((cmp("eq", 1, I32), Unknown("function", BOOLEAN))), "(i32 == 1)", False),
    (Or((cmp("eq", 1, I32), Unknown("function", BOOLEAN))), None, False),
    (Not(Or((cmp("ne", 1, I32), Unknown("function", BOOLEAN)))), "(i32 == 1)", False),
    (Not(And((cmp("ne", 1, I32), Unknown("function", BOOLEAN)))), None, False),
]


@pytest.mark.parametrize("which", range(len(SAID)))
def test_what_is_said_and_what_is_left_out(which: int) -> None:
    condition, text, exact = SAID[which]
    found = to_pyarrow(predicates(condition))
    assert (None if found.expression is None else str(found.expression), found.exact) == (text, exact)


def test_predicates_are_joined() -> None:
    found = to_pyarrow(predicates(cmp("eq", 1, I32), Unknown("f", BOOLEAN), cmp("eq", "a", S)))
    assert str(found.expression) == '((i32 == 1) and (s == "a"))'
    assert not found.exact
    assert to_pyarrow(()).expression is None
    assert to_pyarrow(()).exact


def test_constants_come_in_the_columns_arrow_type() -> None:
    day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12)
    forms: list[tuple[pa.DataType, pa.Scalar, Any]] = [
        (pa.date64(), pa.scalar(day, pa.date32()), day),
        (pa.time32("s"), pa.scalar(datetime.time(1, 2, 3), pa.time64("us")), datetime.time(1, 2, 3)),
        (pa.large_utf8(), pa.scalar("x", pa.utf8()), "x"),
        (pa.dictionary(pa.int8(), pa.utf8()), pa.scalar("x", pa.utf8()), "x"),
        (pa.binary(2), pa.scalar(b"xy", pa.binary()), b"xy"),
        (pa.timestamp("ns"), pa.scalar(1, pa.timestamp("ns")), pa.scalar(1, pa.timestamp("ns"))),
        (pa.timestamp("s", "Asia/Tokyo"), pa.scalar(moment, pa.timestamp("us", "UTC")), moment),
        (pa.decimal32(5, 2), pa.scalar(Decimal("1.50"), pa.decimal128(5, 2)), Decimal("1.50")),
    ]
    for type, scalar, python in forms:
        column = Column("x", 0, type)
        value = python if isinstance(python, pa.Scalar) else pa.array([python], _plain(type))[0]
        data = pa.array([value, None], _plain(type)).cast(type)
        for condition in (Comparison("eq", column, Literal(scalar)), Comparison("ge", column, Literal(scalar))):
            found = to_pyarrow(predicates(condition))
            assert found.exact, type
            assert pa.table({"x": data}).filter(found.expression).num_rows == 1
        missing = to_pyarrow(predicates(Comparison("ne", column, Literal(scalar))))
        assert pa.table({"x": data}).filter(missing.expression).num_rows == 0


def _plain(type: pa.DataType) -> pa.DataType:
    return type.value_type if pa.types.is_dictionary(type) else type


def test_a_null_struct_has_no_fields() -> None:
    struct = pa.StructArray.from_arrays([pa.array([1, 2], pa.int32())], names=["a"], mask=pa.array([True, False]))
    found = to_pyarrow(predicates(Comparison("le", field_of("a"), literal(2, INTEGER))))
    assert pa.table({"st": struct}).filter(found.expression)["st"].to_pylist() == [{"a": 2}]


def test_every_float_comparison_is_exact_in_memory() -> None:
    table = numbered(all_rows())
    for operator in ("eq", "ne", "lt", "le", "gt", "ge", "distinct_from", "not_distinct_from"):
        for value in (NAN, -0.0, 0.5, math.inf, -math.inf, None):
            for condition in (cmp(operator, value), Not(cmp(operator, value))):
                found = to_pyarrow(predicates(condition))
                assert found.exact
                rows = table if found.expression is None else table.filter(found.expression)
                assert set(rows["row"].to_pylist()) == accepted(predicates(condition), table)
    assert isinstance(found.expression, pc.Expression)
