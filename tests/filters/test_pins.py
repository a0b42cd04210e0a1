"""Pinned values and ranges, which must never be too narrow."""

from __future__ import annotations

import datetime
import math
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

from duckwing.filters.evaluate import Evaluator
from duckwing.filters.pins import ANYTHING, NOTHING, Range, column_range, pinned_values
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
from duckwing.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    INTERVAL,
    STRUCT,
    TIMESTAMP_NS,
    TINYINT,
    VARCHAR,
)
from duckwing.types.values import from_values, to_values

from .conditions import NAN, PREDICATES, SCHEMA, STRUCTS, all_rows, arrived, field_of, named, predicates
from .trees import column, field, literal, values

I32, F64, S, B, ID = (named(name) for name in ("i32", "f64", "s", "b", "id"))


def eq(place: Expression, value: Any) -> Comparison:
    return Comparison("eq", place, literal(value, place.type))


def pins(*conditions: Expression, of: str = "i32") -> tuple[Any, ...] | None:
    return pinned_values(predicates(*conditions), of)


def bounds(*conditions: Expression, of: str = "i32") -> Range:
    return column_range(predicates(*conditions), of)


NOT_NULL = Range(nulls=False)
NULL = Range(empty=True)


@given(PREDICATES)
@settings(max_examples=150, deadline=None)
def test_accepted_rows_have_pinned_values_in_range(drawn: tuple[Predicate, ...]) -> None:
    rows = all_rows()
    accepted = Evaluator(drawn, rows.schema).apply(rows)
    struct = accepted["st"].flatten()
    names = [*SCHEMA.names, *(f"st.{member.name}" for member in STRUCTS)]
    for name, array in zip(names, [*accepted.columns, *struct], strict=True):
        pinned, range_ = pinned_values(drawn, name), column_range(drawn, name)
        for value in to_values(array):
            assert value in range_
            if pinned is not None:
                assert any(same(value, pin) for pin in pinned), (name, value, pinned)


def same(value: Any, pin: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(pin, dict) and all(same(value[name], pin[name]) for name in value)
    nan = isinstance(value, float) and isinstance(pin, float) and math.isnan(value) and math.isnan(pin)
    return bool(nan or value == pin)


ONE, TWO, THREE = (eq(I32, n) for n in (1, 2, 3))
SET = In(I32, values([3, 1, None, 3, 2], INTEGER))

PINNED: list[tuple[list[Expression], tuple[Any, ...] | None]] = [
    ([], None),
    ([ONE], (1,)),
    ([Comparison("eq", literal(1, INTEGER), I32)], (1,)),
    ([ONE, TWO], ()),
    ([SET], (3, 1, 2)),
    ([SET, Or((TWO, THREE))], (3, 2)),
    ([And((SET, Or((TWO, THREE)))), THREE], (3,)),
    ([Or((TWO, ONE, TWO))], (2, 1)),
    ([Or((TWO, eq(S, "a")))], None),
    ([Or((TWO, And((eq(S, "a"), THREE))))], (2, 3)),
    ([Or((TWO, IsNull(I32)))], (2, None)),
    ([IsNull(I32)], (None,)),
    ([IsNull(I32), ONE], ()),
    ([IsNull(I32, negated=True)], None),
    ([Not(IsNull(I32, negated=True))], (None,)),
    ([Comparison("not_distinct_from", I32, literal(None, INTEGER))], (None,)),
    ([Comparison("not_distinct_from", I32, literal(4, INTEGER))], (4,)),
    ([Not(Comparison("distinct_from", I32, literal(4, INTEGER)))], (4,)),
    ([Comparison("distinct_from", I32, literal(4, INTEGER))], None),
    ([Comparison("ne", I32, literal(4, INTEGER))], None),
    ([Not(Comparison("ne", I32, literal(4, INTEGER)))], (4,)),
    ([Not(ONE)], None),
    ([Not(Not(ONE))], (1,)),
    ([Not(And((Not(ONE), Not(TWO))))], (1, 2)),
    ([Not(Or((Not(SET), Comparison("lt", I32, literal(2, INTEGER)))))], (3, 2)),
    ([eq(I32, None)], ()),
    ([Not(eq(I32, None))], ()),
    ([eq(S, None)], ()),
    ([Or((eq(I32, None), ONE))], (1,)),
    ([In(I32, values([], INTEGER))], ()),
    ([In(I32, values([None], INTEGER))], ()),
    ([In(I32, values([1, 2], INTEGER), negated=True)], None),
    ([In(I32, values([1, None], INTEGER), negated=True)], ()),
    ([Not(In(I32, values([1, 2], INTEGER), negated=True))], (1, 2)),
    ([Not(In(I32, values([1, 2], INTEGER)))], None),
    ([SET, Comparison("gt", I32, literal(1, INTEGER))], (3, 2)),
    ([literal(False, BOOLEAN)], ()),
    ([literal(None, BOOLEAN)], ()),
    ([literal(True, BOOLEAN), ONE], (1,)),
    ([Or((literal(True, BOOLEAN), ONE))], None),
    ([Unknown("function", BOOLEAN)], None),
    ([Unknown("function", BOOLEAN), ONE], (1,)),
    ([Comparison("eq", I32, I32)], None),
]


@pytest.mark.parametrize("which", range(len(PINNED)))
def test_values_are_pinned(which: int) -> None:
    conditions, expected = PINNED[which]
    assert pins(*conditions) == expected


def test_boolean_columns_pin_themselves() -> None:
    assert pins(B, of="b") == (True,)
    assert pins(Not(B), of="b") == (False,)
    assert pins(Or((B, IsNull(B))), of="b") == (True, None)
    assert pins(B, Not(B), of="b") == ()
    assert pins(B) is None
    assert bounds(Not(B), of="b") == Range(False, True, False, True, nulls=False)


def test_advisory_predicates_pin_as_well() -> None:
    both = (Predicate("a", SET, required=False), Predicate("b", Or((ONE, TWO))))
    assert pinned_values(both, "i32") == (1, 2)
    assert column_range(both, "i32") == Range(1, True, 2, True, nulls=False)


def test_equal_floats_are_one_value() -> None:
    found = pins(In(F64, values([NAN, 0.0, -0.0, NAN], DOUBLE)), of="f64")
    assert found is not None
    assert [str(value) for value in found] == ["nan", "0.0"]
    assert pins(eq(F64, NAN), eq(F64, NAN), of="f64") is not None
    assert pins(eq(F64, 0.0), eq(F64, -0.0), of="f64") == (0.0,)


def cast_eq(place: Expression, target: pa.DataType, value: Any) -> Comparison:
    return Comparison("eq", Cast(place, target), literal(value, target))


CASTS: list[tuple[str, pa.DataType, Any, tuple[Any, ...] | None]] = [
    ("i32", BIGINT, 5, (5,)),
    ("i32", BIGINT, 1 << 40, ()),
    ("tiny", INTEGER, -129, ()),
    ("i32", DECIMAL(11, 1), Decimal("3.0"), (3,)),
    ("i32", DECIMAL(11, 1), Decimal("3.5"), ()),
    ("i32", DOUBLE, 3.0, (3,)),
    ("i32", DOUBLE, NAN, ()),
    ("i32", DOUBLE, math.inf, ()),
    ("i32", FLOAT, 3.0, None),  # several integers become one float
    ("i64", DOUBLE, 3.0, None),
    ("f32", DOUBLE, 0.5, (0.5,)),
    ("f32", DOUBLE, 0.1, ()),
    ("f32", DOUBLE, 1e300, ()),
    ("f64", FLOAT, 0.5, None),
    ("f64", INTEGER, 2, None),
    ("dec", DECIMAL(12, 3), Decimal("0.500"), (Decimal("0.50"),)),
    ("dec", DECIMAL(12, 3), Decimal("0.501"), ()),
    ("dec", DECIMAL(18, 2), Decimal("10000000.00"), ()),
    ("dec", DECIMAL(9, 1), Decimal("0.5"), None),
    ("dec", DOUBLE, 3.01, (Decimal("3.01"),)),
    ("dec", DOUBLE, 3.0100001, ()),
    ("dec", DOUBLE, math.nan, ()),
    ("dec", DOUBLE, 1e300, ()),
    ("b", INTEGER, 1, (True,)),
    ("b", INTEGER, 2, ()),
    ("i32", BOOLEAN, True, None),
    ("i32", BIGINT, None, ()),
]


@pytest.mark.parametrize(("name", "target", "value", "expected"), CASTS)
def test_casts_pin_what_converts_back(
    name: str, target: pa.DataType, value: Any, expected: tuple[Any, ...] | None
) -> None:
    assert pins(cast_eq(named(name), target, value), of=name) == expected


def test_a_constant_may_be_cast() -> None:
    assert pins(Comparison("eq", Cast(I32, BIGINT), Cast(literal(7, TINYINT), BIGINT))) == (7,)
    assert pins(Comparison("eq", I32, Cast(literal(1 << 40, BIGINT), INTEGER))) is None  # the cast fails


def test_sets_through_casts() -> None:
    items = [Decimal("1.5"), Decimal("2.0"), None, Decimal("3.0"), Decimal("2.0")]
    assert pins(In(Cast(I32, DECIMAL(11, 1)), values(items, DECIMAL(11, 1)))) == (2, 3)


def test_constants_become_values_of_the_columns_type() -> None:
    day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12)
    forms: list[tuple[pa.DataType, pa.Scalar, Any]] = [
        (pa.date64(), pa.scalar(day, pa.date32()), day),
        (pa.time32("s"), pa.scalar(datetime.time(1, 2, 3), pa.time64("us")), datetime.time(1, 2, 3)),
        (pa.large_utf8(), pa.scalar("x", pa.utf8()), "x"),
        (pa.dictionary(pa.int8(), pa.utf8()), pa.scalar("x", pa.utf8()), "x"),
        (pa.string_view(), pa.scalar("x", pa.large_utf8()), "x"),
        (pa.binary(2), pa.scalar(b"xy", pa.binary()), b"xy"),
        (pa.int64(), pa.scalar(5, pa.int32()), 5),
        (pa.timestamp("ns"), pa.scalar(moment, pa.timestamp("ns")), moment),
        (HUGEINT, pa.scalar(Decimal(-5), pa.decimal128(38, 0)), -5),
    ]
    for type, scalar, expected in forms:
        condition = Comparison("eq", Column("x", 0, type), Literal(scalar))
        assert pins(condition, of="x") == (expected,), type
        assert bounds(condition, of="x") == Range(expected, True, expected, True, nulls=False), type
    for name in ("id", "tz"):
        value = all_rows()[name][1]
        [python] = to_values(pa.repeat(value, 1))
        assert pins(Comparison("eq", named(name), arrived(python, named(name).type)), of=name) == (python,)


def test_a_constant_without_python_form_pins_nothing() -> None:
    nanos = Literal(pa.scalar(1, pa.timestamp("ns")))
    infinite = Literal(pa.scalar((1 << 31) - 1, pa.int32()).cast(pa.date32()))
    text = Literal(pa.scalar("no uuid", pa.utf8()))
    for type, constant in [(TIMESTAMP_NS, nanos), (DATE, infinite), (ID.type, text), (INTEGER, text)]:
        condition = Comparison("eq", Column("x", 0, type), constant)
        assert pins(condition, of="x") is None
        assert bounds(condition, of="x") in (ANYTHING, NOT_NULL)


def test_equal_intervals_may_differ_so_they_pin_nothing() -> None:
    day = Comparison("eq", Column("x", 0, INTERVAL), literal(pa.MonthDayNano([0, 1, 0]), INTERVAL))
    assert pins(day, of="x") is None
    assert bounds(day, of="x") == NOT_NULL


def test_fields_of_structs_have_paths() -> None:
    assert pins(eq(field_of("a"), 5), of="st.a") == (5,)
    assert pins(eq(field_of("a"), 5), of="st") is None
    assert pins(eq(field_of("a"), 5), of="a") is None
    assert pins(eq(field_of("a"), 5), of="ST.A") is None
    deep = Column("x", 0, STRUCT({"y": STRUCT({"z": VARCHAR})}))
    assert pins(eq(field(field(deep, "y"), "z"), "v"), of="x.y.z") == ("v",)
    assert pins(Comparison("eq", named("st"), literal({"a": 1, "b": None, "f": NAN}, STRUCTS)), of="st") is not None


def test_a_column_of_that_name_comes_before_a_path() -> None:
    schema = pa.schema([("st.a", INTEGER), ("st", STRUCT({"a": INTEGER}))])
    of_column, of_field = eq(column(schema, "st.a"), 1), eq(field(column(schema, "st"), "a"), 2)
    assert pins(of_column, of_field, of="st.a") == (1,)
    assert pins(of_field, of="st.a") == (2,)
    assert bounds(of_column, of_field, of="st.a") == Range(1, True, 1, True, nulls=False)


def test_a_column_may_have_no_name() -> None:
    assert pins(eq(Column("", 0, INTEGER), 1), of="") == (1,)
    assert pins(Call("contains", (S, S)), of="") is None


def cmp(operator: Any, value: Any, place: Expression = I32) -> Comparison:
    return Comparison(operator, place, literal(value, place.type))


def between(lower: Any, upper: Any, closed: str = "[]") -> Range:
    return Range(lower, closed[0] == "[", upper, closed[1] == "]", nulls=False)


def above(value: Any, inclusive: bool = True) -> Range:
    return Range(lower=value, lower_inclusive=inclusive, nulls=False)


def below(value: Any, inclusive: bool = True) -> Range:
    return Range(upper=value, upper_inclusive=inclusive, nulls=False)


RANGES: list[tuple[list[Expression], Range]] = [
    ([], ANYTHING),
    ([cmp("gt", 3)], above(3, False)),
    ([cmp("ge", 3)], above(3)),
    ([cmp("lt", 3)], below(3, False)),
    ([cmp("le", 3)], below(3)),
    ([Comparison("lt", literal(3, INTEGER), I32)], above(3, False)),
    ([cmp("eq", 3)], between(3, 3)),
    ([cmp("ne", 3)], NOT_NULL),
    ([Not(cmp("gt", 3))], below(3)),
    ([Not(cmp("ne", 3))], between(3, 3)),
    ([cmp("gt", 3), cmp("le", 9)], between(3, 9, "(]")),
    ([cmp("gt", 3), cmp("ge", 3)], above(3, False)),
    ([cmp("ge", 3), cmp("ge", 5), cmp("lt", 7), cmp("le", 7)], between(5, 7, "[)")),
    ([Not(And((cmp("ge", 3), cmp("le", 7))))], NOT_NULL),
    ([Or((cmp("lt", 3), cmp("le", 3)))], below(3)),
    ([Or((And((cmp("ge", 1), cmp("lt", 2))), cmp("eq", 9)))], between(1, 9)),
    ([Or((cmp("lt", 3), IsNull(I32)))], Range(upper=3, upper_inclusive=False)),
    ([Or((cmp("lt", 3), eq(S, "a")))], ANYTHING),
    ([Or((cmp("gt", 3), cmp("eq", None)))], above(3, False)),
    ([cmp("gt", 3), cmp("lt", 3)], NOTHING),
    ([cmp("gt", 3), cmp("le", 3)], NOTHING),
    ([cmp("gt", None)], NOTHING),
    ([eq(S, None)], NOTHING),
    ([IsNull(I32)], NULL),
    ([IsNull(I32, negated=True)], NOT_NULL),
    ([SET], between(1, 3)),
    ([In(I32, values([None], INTEGER))], NOTHING),
    ([In(I32, values([1, 2], INTEGER), negated=True)], NOT_NULL),
    ([In(I32, values([1, None], INTEGER), negated=True)], NOTHING),
    ([Comparison("distinct_from", I32, literal(3, INTEGER))], ANYTHING),
    ([Comparison("distinct_from", I32, literal(None, INTEGER))], NOT_NULL),
    ([Comparison("not_distinct_from", I32, literal(None, INTEGER))], NULL),
    ([Comparison("not_distinct_from", I32, literal(3, INTEGER))], between(3, 3)),
    ([literal(True, BOOLEAN)], ANYTHING),
    ([literal(False, BOOLEAN)], NOTHING),
    ([Unknown("function", BOOLEAN), cmp("gt", 3)], above(3, False)),
    ([cmp("gt", 3000000000, Cast(I32, BIGINT))], NOTHING),
    ([cmp("lt", 3000000000, Cast(I32, BIGINT))], NOT_NULL),
    ([cmp("gt", -3000000000, Cast(I32, BIGINT))], NOT_NULL),
    ([cmp("le", -3000000000, Cast(I32, BIGINT))], NOTHING),
    ([cmp("gt", Decimal("3.5"), Cast(I32, DECIMAL(20, 1)))], above(3, False)),
    ([cmp("ge", Decimal("-3.5"), Cast(I32, DECIMAL(20, 1)))], above(-4, False)),
    ([cmp("lt", Decimal("3.5"), Cast(I32, DECIMAL(20, 1)))], below(3)),
    ([cmp("gt", Decimal("3.0"), Cast(I32, DECIMAL(20, 1)))], above(3, False)),
    ([cmp("eq", Decimal("3.5"), Cast(I32, DECIMAL(20, 1)))], NOTHING),
    ([cmp("lt", NAN, Cast(I32, DOUBLE))], NOT_NULL),
    ([cmp("ge", NAN, Cast(I32, DOUBLE))], NOTHING),
    ([cmp("gt", -math.inf, Cast(I32, DOUBLE))], NOT_NULL),
    ([cmp("le", -math.inf, Cast(I32, DOUBLE))], NOTHING),
    ([cmp("gt", 3.0, Cast(I32, FLOAT))], ANYTHING),  # rounds
]


@pytest.mark.parametrize("which", range(len(RANGES)))
def test_ranges(which: int) -> None:
    conditions, expected = RANGES[which]
    assert bounds(*conditions) == expected


def test_nan_is_the_greatest_float() -> None:
    greater = bounds(cmp("gt", 3.0, F64), of="f64")
    assert NAN in greater
    assert math.inf in greater
    assert 3.0 not in greater
    less = bounds(cmp("lt", NAN, F64), of="f64")
    assert NAN not in less
    assert math.inf in less
    assert NAN in bounds(cmp("eq", NAN, F64), of="f64")
    assert math.inf not in bounds(cmp("eq", NAN, F64), of="f64")
    assert bounds(cmp("gt", NAN, F64), cmp("le", NAN, F64), of="f64") == NOTHING
    assert bounds(In(F64, values([NAN, 1.0], DOUBLE)), of="f64").lower == 1.0


def test_text_is_ordered_by_code_points() -> None:
    range_ = bounds(cmp("gt", "z", S), cmp("lt", "\uffff", S), of="s")
    assert "é" in range_
    assert "Z" not in range_
    assert "\N{DUCK}" not in range_


def test_membership_of_ranges() -> None:
    assert None in ANYTHING
    assert None in NULL
    assert 1 not in NULL
    assert None not in NOT_NULL
    assert 1 in NOT_NULL
    assert [n for n in range(6) if n in between(1, 4, "(]")] == [2, 3, 4]
    assert [n for n in range(6) if n in between(1, 4, "[)")] == [1, 2, 3]
    assert uuid.UUID(int=5) in between(uuid.UUID(int=5), uuid.UUID(int=6))
    assert 2 in above(1.5)


def test_types_that_python_orders_otherwise_have_no_bounds() -> None:
    assert bounds(Comparison("gt", named("li"), literal([1], named("li").type)), of="li") == NOT_NULL
    assert bounds(Comparison("gt", named("st"), literal({"a": 1, "b": "", "f": 0.0}, STRUCTS)), of="st") == NOT_NULL


def test_large_sets_are_pinned() -> None:
    array = from_values([*range(100_000), *range(100_000)], INTEGER, "set")
    found = pins(In(I32, array))
    assert found is not None
    assert len(found) == 100_000
