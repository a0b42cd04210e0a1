"""WHERE clauses: run by DuckDB and SQLite on random rows, and the text for PostgreSQL."""

from __future__ import annotations

import datetime
import sqlite3
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duckwing.errors import FilterError
from duckwing.filters.evaluate import Evaluator
from duckwing.filters.sql import SqlFilter, to_sql
from duckwing.filters.tree import (
    And,
    Arithmetic,
    Call,
    Cast,
    Column,
    Comparison,
    Expression,
    In,
    IsNull,
    Literal,
    Negate,
    Not,
    Or,
    Predicate,
    StructField,
    Unknown,
)
from duckwing.types import (
    ARRAY,
    BIGINT,
    BIGNUM,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    GEOMETRY,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    SMALLINT,
    STRUCT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TIMETZ,
    UBIGINT,
    UHUGEINT,
    UUID,
    VARCHAR,
)
from duckwing.types.values import from_values, to_values

from .conditions import CONDITIONS, NAN, POOLS, PREDICATES, arrived, batches, field_of, named, predicates
from .trees import literal, values

I32, I64, F64, S, B = (named(name) for name in ("i32", "i64", "f64", "s", "b"))


def cmp(operator: Any, value: Any, place: Expression = I32) -> Comparison:
    return Comparison(operator, place, literal(value, place.type))


def accepted(drawn: tuple[Predicate, ...], rows: pa.RecordBatch) -> set[int]:
    mask = Evaluator(drawn, rows.schema).mask(rows)
    return set(range(rows.num_rows)) if mask is None else {row for row, wanted in enumerate(mask.to_pylist()) if wanted}


# DuckDB


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


def in_duckdb(database: duckdb.DuckDBPyConnection, found: SqlFilter, rows: pa.RecordBatch) -> set[int]:
    table = pa.Table.from_batches([rows]).append_column("row", pa.array(range(rows.num_rows), pa.int64()))
    database.register("arrow", table)
    database.execute("CREATE OR REPLACE TEMP TABLE rows AS FROM arrow")  # or DuckDB has pyarrow compare NaN
    query = f'SELECT "row" FROM rows WHERE {found.text}'
    return {row for (row,) in database.execute(query, list(found.parameters)).fetchall()}


@given(drawn=PREDICATES, rows=batches())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_duckdb_accepts_the_rows_that_we_accept(
    database: duckdb.DuckDBPyConnection, drawn: tuple[Predicate, ...], rows: pa.RecordBatch
) -> None:
    found = to_sql(drawn, "duckdb")
    passed, wanted = in_duckdb(database, found, rows), accepted(drawn, rows)
    assert passed == wanted if found.exact else passed >= wanted
    assert found.exact or any("nan" in str(predicate) for predicate in drawn)  # inside of a struct


CONSTANTS: list[tuple[pa.DataType, list[Any]]] = [
    *POOLS.values(),
    (SMALLINT, [-5]),
    (HUGEINT, [-(1 << 127), (1 << 127) - 1, 0]),
    (UHUGEINT, [(1 << 128) - 1, 0]),
    (BIGNUM, [10**60, -1]),
    (BIT, ["0101", "1"]),
    (JSON, ['{"a": 1}', "[1]"]),
    (DECIMAL(38, 10), [Decimal("1234567890123456789012345678.0123456789")]),
    (TIMESTAMP_S, [datetime.datetime(2024, 1, 1)]),
    (TIMESTAMP_MS, [datetime.datetime(2024, 1, 1, 0, 0, 0, 1000)]),
    (TIMESTAMP_NS, [datetime.datetime(2024, 1, 1, 0, 0, 0, 1)]),
    (TIME_NS, [datetime.time(1, 2, 3, 4)]),
    (TIMETZ, [datetime.time(1, 2, 3, 4, datetime.timezone(datetime.timedelta(hours=-3, minutes=-30)))]),
    (TIMESTAMPTZ, [datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)]),
    (INTERVAL, [pa.MonthDayNano([-1, 2, -3000]), pa.MonthDayNano([0, 0, 0])]),
    (LIST(DECIMAL(9, 2)), [[Decimal("1.50"), None, Decimal(10)]]),
    (ARRAY(INTEGER, 2), [[1, None]]),
    (LIST(STRUCT({"x": VARCHAR, "y": LIST(BLOB)})), [[{"x": "'", "y": [b"\x00", None]}, None, {"x": None, "y": []}]]),
]


@pytest.mark.parametrize("type", [type for type, _ in CONSTANTS], ids=str)
def test_constants_arrive_in_duckdb_as_they_are(database: duckdb.DuckDBPyConnection, type: pa.DataType) -> None:
    pool = next(pool for other, pool in CONSTANTS if other.equals(type))
    rows = pa.RecordBatch.from_arrays([from_values([None, *pool], type, "x")], names=["x"])
    for row, value in enumerate(pool, 1):
        if isinstance(value, dict) and NAN in value.values():
            continue  # the driver binds that NaN as NULL, so it is left out
        condition = Comparison("eq", Column("x", 0, type), literal(value, type))
        assert row in in_duckdb(database, to_sql(predicates(condition), "duckdb"), rows), value
        many = In(Column("x", 0, type), values([value] * 101, type))
        assert row in in_duckdb(database, to_sql(predicates(many), "duckdb"), rows), value
    missing = to_sql(predicates(Comparison("not_distinct_from", Column("x", 0, type), literal(None, type))), "duckdb")
    assert in_duckdb(database, missing, rows) == {0}


@given(condition=CONDITIONS, rows=batches())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_cannot_be_said_costs_no_row(
    database: duckdb.DuckDBPyConnection, condition: Expression, rows: pa.RecordBatch
) -> None:
    unknown = Unknown("function", BOOLEAN)
    drawn = predicates(condition)
    found = to_sql(predicates(And((condition, unknown))), "duckdb")
    assert not found.exact
    assert found.text == to_sql(drawn, "duckdb").text
    either = to_sql(predicates(Or((condition, unknown))), "duckdb")
    assert in_duckdb(database, either, rows) >= accepted(drawn, rows)
    assert either.text == "TRUE"
    neither = to_sql(predicates(Not(Or((condition, unknown)))), "duckdb")
    assert not neither.exact
    assert neither.text == to_sql(predicates(Not(condition)), "duckdb").text


def test_the_text_for_duckdb() -> None:
    plain = to_sql(predicates(And((cmp("gt", 5), Not(IsNull(S)))), In(S, values(["a", None], VARCHAR))), "duckdb")
    assert plain == SqlFilter(
        '((("i32" > CAST(? AS INTEGER)) AND NOT ("s" IS NULL)) AND '
        '("s" IN (CAST(? AS VARCHAR), CAST(NULL AS VARCHAR))))',
        (5, "a"),
        True,
    )
    assert to_sql((), "duckdb") == SqlFilter("TRUE", (), True)
    assert to_sql(predicates(Unknown("f", BOOLEAN)), "duckdb") == SqlFilter("TRUE", (), False)
    name = Column('a"b%', 0, INTEGER)
    assert to_sql(predicates(cmp("eq", 1, name)), "duckdb").text == '("a""b%" = CAST(? AS INTEGER))'
    assert to_sql(predicates(cmp("eq", 1, Column("\0", 0, INTEGER))), "duckdb").text == "TRUE"
    uuid_ = to_sql(predicates(Comparison("eq", named("id"), arrived(uuid.UUID(int=7), UUID))), "duckdb")
    assert uuid_ == SqlFilter('("id" = CAST(? AS UUID))', (uuid.UUID(int=7),), True)


def test_more_that_only_duckdb_is_told(database: duckdb.DuckDBPyConnection) -> None:
    quoted = Column("st", 0, STRUCT({"it's": INTEGER}))
    rows = pa.RecordBatch.from_arrays(
        [
            pa.array([{"it's": 1}, {"it's": 2}, None], quoted.type),
            pa.array([1, -2, None], INTEGER),
            pa.array([[1], [3, None], None], LIST(INTEGER)),
            pa.array(["a", "b", None], VARCHAR),
        ],
        names=["st", "i32", "li", "s"],
    )
    conditions: list[tuple[Expression, set[int]]] = [
        (cmp("eq", 2, StructField(quoted, "it's", 0, INTEGER)), {1}),
        (Comparison("lt", I32, StructField(quoted, "it's", 0, INTEGER)), {1}),
        (Comparison("eq", Arithmetic("add", I32, literal(1, INTEGER)), literal(2, INTEGER)), {0}),
        (Comparison("eq", Negate(I32), literal(2, INTEGER)), {1}),
        (Call("list_contains", (literal([1, 2], LIST(INTEGER)), I32)), {0}),
        (Call("list_contains", (named("li"), literal(3, INTEGER))), {1}),
        (In(I32, values([], INTEGER)), set()),
        (In(I32, values([], INTEGER), negated=True), {0, 1}),
        (Call("starts_with", (literal("abc", VARCHAR), S)), {0}),
        (In(I32, values([*range(1000), None], INTEGER)), {0}),
        (In(I32, values([*range(1000), None], INTEGER), negated=True), set()),
        (In(I32, values([*range(1000)], INTEGER), negated=True), {1}),
    ]
    for condition, expected in conditions:
        found = to_sql(predicates(condition), "duckdb")
        assert found.exact, condition
        assert in_duckdb(database, found, rows) == expected, condition


@pytest.mark.parametrize(
    "constant",
    [
        Literal(pa.scalar(1, pa.timestamp("ns"))),
        literal([(1, 2)], MAP(INTEGER, INTEGER)),
        literal(b"x", GEOMETRY),
        literal([pa.MonthDayNano([0, 1, 0])], LIST(INTERVAL)),
    ],
    ids=lambda constant: str(constant.type),
)
def test_constants_that_no_parameter_holds_are_left_out(constant: Literal) -> None:
    condition = Comparison("eq", Column("x", 0, constant.type), constant)
    assert to_sql(predicates(condition), "duckdb") == SqlFilter("TRUE", (), False)
    assert to_sql(predicates(Not(condition)), "duckdb") == SqlFilter("TRUE", (), False)


def test_there_is_no_other_dialect() -> None:
    other: Any = "mysql"
    with pytest.raises(FilterError, match="no SQL dialect 'mysql'"):
        to_sql((), other)


# SQLite

SQLITE_TYPES = {
    "tiny": "INTEGER",
    "i32": "INTEGER",
    "i64": "INTEGER",
    "f64": "REAL",
    "b": "INTEGER",
    "s": "TEXT COLLATE NOCASE",
    "bl": "BLOB",
}


def stored(value: Any) -> Any:
    """What SQLite has of a value."""
    if isinstance(value, (list, dict, uuid.UUID, Decimal, datetime.date, datetime.time)):
        return str(value)
    return str(value) if isinstance(value, int) and value >= 1 << 63 else value


def in_sqlite(found: SqlFilter, rows: pa.RecordBatch) -> set[int]:
    names = rows.schema.names
    columns = [[stored(value) for value in to_values(array)] for array in rows.columns]
    with sqlite3.connect(":memory:") as connection:
        declared = ", ".join(f'"{name}" {SQLITE_TYPES.get(name, "")}' for name in names)
        connection.execute(f'CREATE TABLE "rows" ("row" INTEGER, {declared})')
        marks = ", ".join("?" * (len(names) + 1))
        data = zip(range(rows.num_rows), *columns, strict=True)
        connection.executemany(f'INSERT INTO "rows" VALUES ({marks})', data)
        query = f'SELECT "row" FROM "rows" WHERE {found.text}'
        accepted = {row for (row,) in connection.execute(query, found.parameters)}
    connection.close()
    return accepted


def without_nan(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows as they come back from SQLite, which has NULL for NaN."""
    for name in ("f32", "f64"):
        items = [None if value is not None and value != value else value for value in rows[name].to_pylist()]
        rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(items, rows[name].type))
    return rows


@given(drawn=PREDICATES, rows=batches().map(without_nan))
@settings(max_examples=150, deadline=None)
def test_sqlite_loses_no_row_and_is_exact_where_it_says_so(drawn: tuple[Predicate, ...], rows: pa.RecordBatch) -> None:
    found = to_sql(drawn, "sqlite")
    passed, wanted = in_sqlite(found, rows), accepted(drawn, rows)
    assert passed == wanted if found.exact else passed >= wanted


@given(
    texts=st.lists(st.text("aAéß\x00%_\N{DUCK}\uffff", max_size=4), max_size=20),
    needle=st.text("aé\x00%\N{DUCK}", max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_sqlite_compares_texts_by_their_bytes(texts: list[str], needle: str) -> None:
    rows = pa.RecordBatch.from_arrays([pa.array([*texts, needle, None], VARCHAR)], names=["s"])
    constant = literal(needle, VARCHAR)
    functions: list[Any] = ["starts_with", "ends_with", "contains"]
    operators: list[Any] = ["eq", "ne", "lt", "le", "gt", "ge"]
    tests: list[Expression] = [Call(name, (S, constant)) for name in functions]
    tests += [Comparison(operator, S, constant) for operator in operators]
    for test in [*tests, *map(Not, tests)]:
        found = to_sql(predicates(test), "sqlite")
        assert found.exact
        assert in_sqlite(found, rows) == accepted(predicates(test), rows), test


SQLITE: list[tuple[Expression, str, tuple[Any, ...], bool]] = [
    (cmp("gt", 5), '"i32" > ?', (5,), True),
    (cmp("eq", "a", S), '"s" COLLATE BINARY = ?', ("a",), True),
    (B, '"b" = ?', (1,), True),
    (Not(B), '"b" = ?', (0,), True),
    (cmp("distinct_from", 5), '("i32" <> ? OR "i32" IS NULL)', (5,), True),
    (cmp("not_distinct_from", None), '"i32" IS NULL', (), True),
    (cmp("distinct_from", None), '"i32" IS NOT NULL', (), True),
    (cmp("gt", Decimal("2.5"), Cast(I32, DECIMAL(12, 1))), '"i32" > ?', (2,), True),
    (cmp("lt", 3000000000, Cast(I32, BIGINT)), '"i32" IS NOT NULL', (), True),
    (cmp("eq", NAN, F64), "FALSE", (), True),
    (cmp("lt", NAN, F64), '"f64" IS NOT NULL', (), True),
    (cmp("ne", NAN, F64), '"f64" IS NOT NULL', (), True),
    (In(F64, values([NAN, 1.0], DOUBLE)), '"f64" = ?', (1.0,), True),
    (In(I32, values([1, 3], INTEGER), negated=True), '"i32" NOT IN (?, ?)', (1, 3), True),
    (In(I32, values([1, None], INTEGER), negated=True), "FALSE", (), True),
    (In(I32, values([*range(5000)], INTEGER)), '("i32" >= ? AND "i32" <= ?)', (0, 4999), False),
    (In(I32, values([*range(5000)], INTEGER), negated=True), '"i32" IS NOT NULL', (), False),
    (Call("ends_with", (S, literal("", VARCHAR))), '"s" IS NOT NULL', (), True),
    (Call("contains", (S, literal(None, VARCHAR))), "FALSE", (), True),
    (cmp("eq", 0.5, named("f32")), "TRUE", (), False),
    (cmp("eq", 1, named("u64")), "TRUE", (), False),
    (cmp("eq", datetime.date(2024, 1, 1), named("d")), "TRUE", (), False),
    (cmp("eq", Decimal("0.50"), named("dec")), "TRUE", (), False),
    (Comparison("eq", named("id"), arrived(uuid.UUID(int=7), UUID)), "TRUE", (), False),
    (IsNull(named("d")), '"d" IS NULL', (), True),
    (cmp("eq", 1, field_of("a")), "TRUE", (), False),
    (Comparison("eq", I32, I32), "TRUE", (), False),
    (Or((cmp("eq", 1), cmp("eq", 1, field_of("a")))), "TRUE", (), False),
    (And((cmp("eq", 1), cmp("eq", 1, field_of("a")))), '"i32" = ?', (1,), False),
    (cmp("eq", 1, Column('a"%', 0, INTEGER)), '"a""%" = ?', (1,), True),
]


@pytest.mark.parametrize("which", range(len(SQLITE)))
def test_the_text_for_sqlite(which: int) -> None:
    condition, text, parameters, exact = SQLITE[which]
    assert to_sql(predicates(condition), "sqlite") == SqlFilter(text, parameters, exact)


# PostgreSQL

POSTGRESQL: list[tuple[Expression, str, tuple[Any, ...], bool]] = [
    (cmp("gt", 5), '"i32" > CAST(%s AS integer)', (5,), True),
    (cmp("eq", 1, named("tiny")), '"tiny" = CAST(%s AS smallint)', (1,), True),
    (cmp("eq", 1 << 63, Column("u", 0, UBIGINT)), '"u" = CAST(%s AS numeric)', (1 << 63,), True),
    (cmp("eq", 1 << 100, Column("h", 0, HUGEINT)), '"h" = CAST(%s AS numeric)', (1 << 100,), True),
    (cmp("ge", 0.5, named("f32")), '"f32" >= CAST(%s AS real)', (0.5,), True),
    (cmp("ge", 0.5, F64), '"f64" >= CAST(%s AS double precision)', (0.5,), True),
    (cmp("lt", "a", S), '"s" COLLATE "C" < CAST(%s AS text)', ("a",), True),
    (cmp("eq", "a\0", S), "FALSE", (), True),
    (cmp("ne", "a\0", S), '"s" IS NOT NULL', (), True),
    (cmp("lt", "a\0", S), "TRUE", (), False),
    (
        In(S, values(["a", "\0", "b"], VARCHAR)),
        '"s" COLLATE "C" IN (CAST(%s AS text), CAST(%s AS text))',
        ("a", "b"),
        True,
    ),
    (B, '"b" = CAST(%s AS boolean)', (True,), True),
    (cmp("eq", b"\0", named("bl")), '"bl" = CAST(%s AS bytea)', (b"\0",), True),
    (cmp("eq", Decimal("0.50"), named("dec")), '"dec" = CAST(%s AS numeric)', (Decimal("0.50"),), True),
    (cmp("eq", datetime.date(1, 1, 1), named("d")), '"d" = CAST(%s AS date)', (datetime.date(1, 1, 1),), True),
    (cmp("eq", datetime.time(1), Column("t", 0, TIME)), '"t" = CAST(%s AS time)', (datetime.time(1),), True),
    (
        cmp("eq", datetime.datetime(2024, 1, 1), Column("t", 0, TIMESTAMP)),
        '"t" = CAST(%s AS timestamp)',
        (datetime.datetime(2024, 1, 1),),
        True,
    ),
    (
        Comparison("gt", named("tz"), arrived(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), TIMESTAMPTZ)),
        '"tz" > CAST(%s AS timestamptz)',
        (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),),
        True,
    ),
    (
        Comparison("eq", named("id"), arrived(uuid.UUID(int=7), UUID)),
        '"id" = CAST(%s AS uuid)',
        (uuid.UUID(int=7),),
        True,
    ),
    (cmp("distinct_from", 5), '("i32" <> CAST(%s AS integer) OR "i32" IS NULL)', (5,), True),
    (IsNull(named("st")), '"st" IS NULL', (), True),
    (Call("starts_with", (S, literal("a%", VARCHAR))), 'starts_with("s" COLLATE "C", %s)', ("a%",), True),
    (Not(Call("contains", (S, literal("a", VARCHAR)))), 'NOT strpos("s" COLLATE "C", %s) > 0', ("a",), True),
    (Call("ends_with", (S, literal("éa", VARCHAR))), 'right("s" COLLATE "C", %s) = %s', (2, "éa"), True),
    (Call("ends_with", (S, literal("\0", VARCHAR))), "FALSE", (), True),
    (Not(Call("ends_with", (S, literal("\0", VARCHAR)))), '"s" IS NOT NULL', (), True),
    (Not(Call("ends_with", (S, literal(None, VARCHAR)))), "FALSE", (), True),
    (
        In(I32, values([*range(1000)], INTEGER)),
        '"i32" = ANY(CAST(%s AS integer[]))',
        ([*range(1000)],),
        True,
    ),
    (
        In(I64, values([*range(1000)], BIGINT), negated=True),
        '"i64" <> ALL(CAST(%s AS bigint[]))',
        ([*range(1000)],),
        True,
    ),
    (cmp("eq", 1, Column('100%"s', 0, INTEGER)), '"100%%""s" = CAST(%s AS integer)', (1,), True),
    (
        Call("contains", (Column("%s", 0, VARCHAR), literal("a", VARCHAR))),
        'strpos("%%s" COLLATE "C", %s) > 0',
        ("a",),
        True,
    ),
    (IsNull(Column("%", 0, VARCHAR)), '"%%" IS NULL', (), True),
    (cmp("eq", 1, field_of("a")), "TRUE", (), False),
    (Comparison("eq", named("li"), literal([1], LIST(INTEGER))), "TRUE", (), False),
    (cmp("eq", datetime.datetime(2024, 1, 1), Column("t", 0, TIMESTAMP_NS)), "TRUE", (), False),
    (cmp("eq", "1", Column("t", 0, BIT)), "TRUE", (), False),
    (cmp("gt", 3.0, Cast(I32, FLOAT)), "TRUE", (), False),
    (
        Not(And((cmp("ge", 3), cmp("le", 7)))),
        '("i32" < CAST(%s AS integer) OR "i32" > CAST(%s AS integer))',
        (3, 7),
        True,
    ),
    (literal(True, BOOLEAN), "TRUE", (), True),
    (literal(None, BOOLEAN), "FALSE", (), True),
    (
        cmp("eq", datetime.date(2024, 1, 1), Column("x", 0, DATE)),
        '"x" = CAST(%s AS date)',
        (datetime.date(2024, 1, 1),),
        True,
    ),
]


@pytest.mark.parametrize("which", range(len(POSTGRESQL)))
def test_the_text_for_postgresql(which: int) -> None:
    condition, text, parameters, exact = POSTGRESQL[which]
    assert to_sql(predicates(condition), "postgresql") == SqlFilter(text, parameters, exact)


@given(PREDICATES)
@settings(max_examples=60, deadline=None)
def test_there_is_a_placeholder_for_each_parameter(drawn: tuple[Predicate, ...]) -> None:
    found = to_sql(drawn, "postgresql")
    assert found.text.count("%s") == len(found.parameters)
    assert found.text % found.parameters
    for dialect in ("duckdb", "sqlite"):
        other = to_sql(drawn, dialect)
        assert other.text.count("?") == len(other.parameters)
