"""Random rows, and conditions that mean something for them: parts fit in type, and constants often hit."""

from __future__ import annotations

import datetime
import math
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from duckwing.filters.tree import (
    And,
    Call,
    Cast,
    Column,
    Comparison,
    ComparisonOperator,
    Expression,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    Predicate,
    StructField,
)
from duckwing.types import (
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    INTEGER,
    LIST,
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    TINYINT,
    UBIGINT,
    UUID,
    VARCHAR,
)
from duckwing.types.values import from_values

from .trees import column, field, literal

UTC = datetime.timezone.utc  # noqa: UP017 - compared with what pyarrow makes
STRUCTS = STRUCT({"a": INTEGER, "b": VARCHAR, "f": DOUBLE})
NAN = math.nan

POOLS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "tiny": (TINYINT, [-128, -1, 0, 1, 2, 127]),
    "i32": (INTEGER, [-(1 << 31), -1, 0, 1, 2, 3, (1 << 31) - 1]),
    "i64": (BIGINT, [-(1 << 63), -1, 0, 1, 2, (1 << 53) + 1, (1 << 63) - 1]),
    "u64": (UBIGINT, [0, 1, 2, (1 << 63) + 1, (1 << 64) - 1]),
    "f32": (FLOAT, [-math.inf, -1.5, -0.0, 0.0, 0.5, 16777216.0, math.inf, NAN]),
    "f64": (DOUBLE, [-math.inf, -1.5, -0.0, 0.0, 0.1, 0.5, 3.0, 1e300, math.inf, NAN]),
    "dec": (DECIMAL(9, 2), [Decimal(text) for text in ("-9999999.99", "-0.01", "0.00", "0.50", "3.00", "3.01")]),
    "b": (BOOLEAN, [False, True]),
    "s": (VARCHAR, ["", "a", "A", "Z", "ab", "b%_", "a%", "é", "\uffff", "\N{DUCK}", "'", "a\x00b", "a\x00"]),
    "bl": (BLOB, [b"", b"\x00", b"a", b"a\x00", b"\xff"]),
    "d": (DATE, [datetime.date(1, 1, 1), datetime.date(1970, 1, 1), datetime.date(2024, 2, 29)]),
    "ts": (TIMESTAMP, [datetime.datetime(1970, 1, 1), datetime.datetime(2024, 2, 29, 23, 59, 59, 999999)]),
    "tz": (TIMESTAMPTZ, [datetime.datetime(1970, 1, 1, tzinfo=UTC), datetime.datetime(2024, 2, 29, 1, tzinfo=UTC)]),
    "tm": (TIME, [datetime.time(), datetime.time(12, 30), datetime.time(23, 59, 59, 999999)]),
    "id": (UUID, [uuid.UUID(int=0), uuid.UUID(int=1 << 127), uuid.UUID(int=(1 << 128) - 1)]),
    "st": (
        STRUCTS,
        [{"a": 1, "b": "a", "f": NAN}, {"a": None, "b": "a", "f": 0.5}, {"a": 2, "b": None, "f": -0.0}],
    ),
    "li": (LIST(INTEGER), [[], [1], [1, None], [None], [2, 1]]),
}
"""Columns with the values that their rows and the constants beside them are drawn from."""

SCHEMA = pa.schema([(name, type) for name, (type, _) in POOLS.items()])

CASTS: dict[str, list[tuple[pa.DataType, list[Any]]]] = {
    "tiny": [(INTEGER, [-1, 0, 300]), (DECIMAL(5, 1), [Decimal("0.5"), Decimal("1.0")]), (FLOAT, [0.0, 1.5, NAN])],
    "i32": [
        (BIGINT, [-(1 << 40), 1, 1 << 40]),
        (DOUBLE, [0.0, 1.5, 2.0, NAN, math.inf, -math.inf]),
        (DECIMAL(12, 1), [Decimal("2.5"), Decimal("3.0")]),
    ],
    "i64": [(DOUBLE, [2.0, float(1 << 53), float(1 << 63), -math.inf]), (DECIMAL(20, 1), [Decimal("1.5"), Decimal(2)])],
    "f32": [(DOUBLE, [0.1, 0.5, NAN, -math.inf])],
    "dec": [
        (DECIMAL(12, 4), [Decimal("0.5000"), Decimal("0.5001"), Decimal("9999999.9901")]),
        (DOUBLE, [0.5, 3.01, 0.3, NAN, math.inf]),
    ],
    "b": [(INTEGER, [0, 1, 2])],
}
"""What columns are cast to, with constants of that type."""

OPERATORS: list[ComparisonOperator] = ["eq", "ne", "lt", "le", "gt", "ge", "distinct_from", "not_distinct_from"]


def arrived(value: Any, type: pa.DataType) -> Literal:
    """A constant in the form in which the client sends it by default."""
    if type.equals(UUID):
        return Literal(pa.scalar(None if value is None else str(value), pa.utf8()))
    if type.equals(TIMESTAMPTZ):
        return Literal(from_values([value], type, "literal").cast(pa.timestamp("us", "Europe/Oslo"))[0])
    return literal(value, type)


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Some rows."""
    rows = draw(st.integers(0, 12))
    some = st.lists
    columns = [
        from_values(draw(some(st.none() | st.sampled_from(pool), min_size=rows, max_size=rows)), type, name)
        for name, (type, pool) in POOLS.items()
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def all_rows() -> pa.RecordBatch:
    """Each value of each pool, and NULL."""
    rows = max(len(pool) for _, pool in POOLS.values()) + 1
    columns = [from_values([None, *pool, *pool * rows][:rows], type, name) for name, (type, pool) in POOLS.items()]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _places() -> list[tuple[Expression, list[Any]]]:
    places: list[tuple[Expression, list[Any]]] = [(column(SCHEMA, name), pool) for name, (_, pool) in POOLS.items()]
    struct = column(SCHEMA, "st")
    places += [(field(struct, "a"), [1, 2, 3]), (field(struct, "b"), ["a", "b"]), (field(struct, "f"), [0.0, 0.5, NAN])]
    for name, targets in CASTS.items():
        places += [(Cast(column(SCHEMA, name), target), pool) for target, pool in targets]
    return places


PLACES = _places()


@st.composite
def _comparisons(draw: st.DrawFn) -> Expression:
    place, pool = draw(st.sampled_from(PLACES))
    constant = arrived(draw(st.sampled_from([None, *pool, *pool, *pool])), place.type)
    operator = draw(st.sampled_from(OPERATORS))
    if draw(st.integers(0, 5)) == 0:
        return Comparison(operator, constant, place)
    return Comparison(operator, place, constant)


@st.composite
def _sets(draw: st.DrawFn) -> Expression:
    place, pool = draw(st.sampled_from(PLACES))
    some = draw(st.lists(st.sampled_from([None, *pool, *pool, *pool]), min_size=1, max_size=4))
    constants = [arrived(value, place.type).value for value in some]
    array = pa.concat_arrays([pa.repeat(value, 1) for value in constants])
    return In(place, array, draw(st.booleans()))


@st.composite
def _calls(draw: st.DrawFn) -> Expression:
    if draw(st.integers(0, 3)) == 0:
        needle = draw(st.sampled_from([None, 1, 2, 3]))
        return Call("list_contains", (column(SCHEMA, "li"), literal(needle, INTEGER)))
    texts = POOLS["s"][1]
    function: Any = draw(st.sampled_from(["starts_with", "ends_with", "contains"]))
    places: list[Expression] = [column(SCHEMA, "s"), field(column(SCHEMA, "st"), "b")]
    place = draw(st.sampled_from(places))
    return Call(function, (place, literal(draw(st.sampled_from([None, *texts])), VARCHAR)))


_TESTS: st.SearchStrategy[Any] = (
    _comparisons()
    | _sets()
    | _calls()
    | st.sampled_from([place for place, _ in PLACES]).flatmap(lambda p: st.builds(IsNull, st.just(p), st.booleans()))
    | st.sampled_from([column(SCHEMA, "b"), Comparison("lt", column(SCHEMA, "i32"), column(SCHEMA, "i32"))])
    | st.sampled_from([True, False, None]).map(lambda value: literal(value, BOOLEAN))
)

CONDITIONS: st.SearchStrategy[Expression] = st.recursive(
    _TESTS,
    lambda of: (
        st.builds(Not, of)
        | st.builds(And, st.lists(of, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(of, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=5,
)

PREDICATES: st.SearchStrategy[tuple[Predicate, ...]] = st.lists(
    st.tuples(CONDITIONS, st.booleans()), min_size=1, max_size=3
).map(lambda pairs: tuple(Predicate(f"query:{i}", tree, mode) for i, (tree, mode) in enumerate(pairs)))


def predicates(*conditions: Expression) -> tuple[Predicate, ...]:
    """Required predicates."""
    return tuple(Predicate(f"query:{i}", condition) for i, condition in enumerate(conditions))


def named(name: str) -> Column:
    """A column of :data:`SCHEMA`."""
    return column(SCHEMA, name)


def field_of(name: str) -> StructField:
    """A field of the struct in :data:`SCHEMA`."""
    return field(named("st"), name)
