"""Statistics and cardinality: what is declared, what is computed, and what of it goes to the optimizer."""

from __future__ import annotations

import datetime
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from duckwing.errors import DeclarationError, OutputError
from duckwing.functions.hints import Cardinality, Hints, read_hints
from duckwing.functions.signature import read_signature
from duckwing.scans.measuring import statistics_of
from duckwing.scans.statistics import MAX_LENGTH, ColumnStatistics, TableStatistics, statistics_batch
from duckwing.types import (
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
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NS,
    TIMETZ,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UUID,
    VARCHAR,
)
from duckwing.types.values import to_values

NAN = float("nan")
POINT = bytes.fromhex("0101000000000000000000f03f000000000000f03f")


def batch_of(known: ColumnStatistics, type: pa.DataType) -> pa.RecordBatch:
    batch = statistics_batch({"c": known}, pa.schema([("c", type)]), "f")
    batch.validate(full=True)
    return batch


def bound(batch: pa.RecordBatch, column: str, row: int = 0) -> Any:
    """The Python value of a bound, and its type."""
    union = batch.column(column)
    child = union.field(union.type_codes[row].as_py())
    [value] = to_values(child.slice(row, 1))
    return value, child.type


# What goes out


@pytest.mark.parametrize(
    ("type", "low", "high"),
    [
        (BOOLEAN, False, True),
        (TINYINT, -128, 127),
        (UBIGINT, 0, 2**64 - 1),
        (HUGEINT, -(2**127), 2**127 - 1),
        (UHUGEINT, 0, 2**128 - 1),
        (FLOAT, 1.5, math.inf),
        (DECIMAL(38, 2), Decimal("-1.00"), Decimal("9.99")),
        (VARCHAR, "", "zebra"),
        (pa.large_utf8(), "a", "b"),
        (pa.string_view(), "a", "b"),
        (BLOB, b"", b"\xff"),
        (pa.binary(2), b"aa", b"ab"),
        (DATE, datetime.date(1, 1, 1), datetime.date(2024, 2, 29)),
        (TIME, datetime.time(0), datetime.time(23, 59)),
        (TIMESTAMP, datetime.datetime(1969, 1, 1), datetime.datetime(2024, 1, 1)),
        (UUID, uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)),
        (JSON, "1", "{}"),
        (GEOMETRY, POINT, POINT),
    ],
    ids=str,
)
def test_bounds_of_every_type(type: pa.DataType, low: Any, high: Any) -> None:
    batch = batch_of(ColumnStatistics(low, high), type)
    assert (bound(batch, "min"), bound(batch, "max")) == ((low, type), (high, type))


def test_a_row_for_each_column_and_a_child_for_each_type() -> None:
    columns = pa.schema([("a", BIGINT), ("b", VARCHAR), ("unknown", BIGINT), ("c", BIGINT)])
    batch = statistics_batch(
        {
            "a": ColumnStatistics(1, 2, nulls=False, distinct=2),
            "c": ColumnStatistics(3, 4),
            "b": ColumnStatistics("x", "y", unicode=False, max_length=7),
        },
        columns,
        "f",
    )
    batch.validate(full=True)
    assert batch.schema.field("min").type == batch.schema.field("max").type
    union = batch.schema.field("min").type
    assert [(union.field(i).name, union.field(i).type) for i in range(union.num_fields)] == [
        ("0", BIGINT),
        ("1", VARCHAR),
    ]
    assert batch.select(
        ["column_name", "has_null", "has_not_null", "distinct_count", "contains_unicode", "max_string_length"]
    ).to_pylist() == [
        dict(
            zip(
                ("column_name", "has_null", "has_not_null", "distinct_count", "contains_unicode", "max_string_length"),
                r,
                strict=True,
            )
        )
        for r in [("a", False, True, 2, None, None), ("c", True, True, 0, None, None), ("b", True, True, 0, False, 7)]
    ]
    assert [bound(batch, "min", row)[0] for row in range(3)] == [1, 3, "x"]
    assert [bound(batch, "max", row)[0] for row in range(3)] == [2, 4, "y"]


def test_strings_of_unknown_length_are_never_short() -> None:
    """The extension would take the length of the bounds, and DuckDB would sort by so many bytes."""
    [row] = batch_of(ColumnStatistics("a", "k"), VARCHAR).select(["contains_unicode", "max_string_length"]).to_pylist()
    assert row == {"contains_unicode": True, "max_string_length": MAX_LENGTH}
    assert MAX_LENGTH + 1 < 2**32


@pytest.mark.parametrize(
    ("type", "low", "high"),
    [
        (INTEGER, -(2**31), 2**31 - 1),
        (UBIGINT, 0, 2**64 - 1),
        (UHUGEINT, 0, 2**128 - 1),
        (DECIMAL(4, 1), Decimal("-999.9"), Decimal("999.9")),
        (UUID, uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)),
    ],
    ids=str,
)
def test_an_open_end_is_that_of_the_type(type: pa.DataType, low: Any, high: Any) -> None:
    batch = batch_of(ColumnStatistics(nulls=False), type)
    assert (bound(batch, "min")[0], bound(batch, "max")[0]) == (low, high)
    assert batch.column("has_null").to_pylist() == [False]


def test_an_open_end_of_floats_is_nan() -> None:
    batch = batch_of(ColumnStatistics(min=0.0), DOUBLE)
    assert bound(batch, "min")[0] == 0.0
    assert math.isnan(bound(batch, "max")[0])


def test_types_without_an_open_end_are_left_out_or_refused() -> None:
    assert batch_of(ColumnStatistics(nulls=False), TIME).num_rows == 0
    with pytest.raises(OutputError, match="TIME needs both min and max, or none"):
        batch_of(ColumnStatistics(min=datetime.time(8)), TIME)


@pytest.mark.parametrize("type", [LIST(INTEGER), STRUCT({"a": INTEGER}), INTERVAL, BIT, BIGNUM, TIMETZ], ids=str)
def test_types_without_statistics(type: pa.DataType) -> None:
    batch = batch_of(ColumnStatistics(nulls=False, distinct=3), type)
    batch.validate(full=True)
    assert batch.num_rows == 0
    with pytest.raises(OutputError, match="has no bounds; leave min and max out"):
        batch_of(ColumnStatistics(1, 2), type)


def test_a_dictionary_has_the_bounds_of_its_values() -> None:
    batch = batch_of(ColumnStatistics("a", "b"), pa.dictionary(pa.int8(), pa.utf8()))
    assert bound(batch, "max") == ("b", VARCHAR)


def test_scalars_beyond_python() -> None:
    infinite = pa.array([2**31 - 1], pa.int32()).view(DATE)[0]
    batch = batch_of(ColumnStatistics(datetime.date(2020, 1, 1), infinite), DATE)
    assert batch.column("max").field(0).view(pa.int32()).to_pylist() == [2**31 - 1]
    nanoseconds = [pa.scalar(n, TIMESTAMP_NS) for n in (1, 2)]
    batch = batch_of(ColumnStatistics(*nanoseconds), TIMESTAMP_NS)
    assert batch.column("max").field(0).view(pa.int64()).to_pylist() == [2]
    assert bound(batch_of(ColumnStatistics(pa.scalar(1, INTEGER), pa.scalar(2, INTEGER)), BIGINT), "max") == (2, BIGINT)


def test_nothing_said_is_nothing_sent() -> None:
    assert batch_of(ColumnStatistics(), BIGINT).num_rows == 0


@pytest.mark.parametrize(
    ("known", "type", "message"),
    [
        (ColumnStatistics(2, 1), BIGINT, "f: statistics of 'c': min 2 is greater than max 1"),
        (ColumnStatistics(NAN, 1.0), DOUBLE, "min nan is greater than max 1.0"),
        (ColumnStatistics("b", "a"), VARCHAR, "min 'b' is greater than max 'a'"),
        (ColumnStatistics(pa.scalar(2, TIMESTAMP_NS), pa.scalar(1, TIMESTAMP_NS)), TIMESTAMP_NS, "is greater than max"),
        (ColumnStatistics(0, 300), TINYINT, "f: statistics of 'c': max must be TINYINT, got 300"),
        (ColumnStatistics("a", 1), VARCHAR, "max must be VARCHAR, got 1"),
        (ColumnStatistics(pa.scalar(1.5), 2), BIGINT, "min must be BIGINT, got DOUBLE"),
        (ColumnStatistics(pa.scalar(None, BIGINT), 2), BIGINT, "min must not be NULL"),
        (ColumnStatistics(1, 2, distinct=-1), BIGINT, "distinct is a number from 0, not -1"),
        (ColumnStatistics(1, 2, distinct=True), BIGINT, "distinct is a number from 0, not True"),
        (ColumnStatistics(1, 2, nulls=None), BIGINT, "nulls is True or False, not None"),  # type: ignore[arg-type]
        (ColumnStatistics(1, 2, max_length=3), BIGINT, "those of strings"),
        (ColumnStatistics("a", "abc", max_length=2), VARCHAR, "'abc' has 3 bytes, but max_length is 2"),
        (ColumnStatistics("a", "é", unicode=False), VARCHAR, "'é' is not ASCII, but unicode is False"),
        ({"min": 1}, BIGINT, "statistics of 'c' are a ColumnStatistics, not {'min': 1}"),
    ],
)
def test_refused(known: Any, type: pa.DataType, message: str) -> None:
    with pytest.raises(OutputError) as caught:
        batch_of(known, type)
    assert message in str(caught.value)


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(OutputError, match="f has statistics of 'x', but its columns are a, b"):
        statistics_batch({"x": ColumnStatistics(1, 2)}, pa.schema([("a", BIGINT), ("b", BIGINT)]), "f")


# Computed

TABLE = pa.table(
    {
        "i": pa.array([3, None, -1], BIGINT),
        "u": pa.array([1, 2**64 - 1, 3], UBIGINT),
        "f": pa.array([1.0, 2.0, -3.0], DOUBLE),
        "nan": pa.array([1.0, NAN, None], DOUBLE),
        "s": ["b", "a", "éé"],
        "view": pa.array(["b", "a", "c"], pa.string_view()),
        "dec": pa.array([Decimal("1.50"), Decimal("-2.00"), None], DECIMAL(9, 2)),
        "day": pa.array([datetime.date(2020, 1, 2), datetime.date(2020, 1, 1), None], DATE),
        "ns": pa.array([2, 1, 3], TIMESTAMP_NS),
        "tz": pa.array([2, 1, None], pa.timestamp("us", "Asia/Tokyo")),
        "uuid": pa.array([uuid.UUID(int=n).bytes for n in (2, 1, 3)], UUID),
        "word": pa.array(["b", "a", "b"]).dictionary_encode(),
        "list": [[1], [2], None],
        "struct": [{"i": 7, "s": "x"}] * 3,
        "null": pa.nulls(3, BIGINT),
        "flag": [True, True, None],
    }
)


def check_exact(known: TableStatistics) -> None:
    """What every source can tell of ``TABLE``."""
    assert known.rows == 3
    columns = known.columns
    ends = {name: (column.min, column.max, column.nulls) for name, column in columns.items()}
    assert ends["i"] == (-1, 3, True)
    assert ends["u"] == (1, 2**64 - 1, False)
    assert ends["dec"] == (Decimal("-2.00"), Decimal("1.50"), True)
    assert ends["day"] == (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), True)
    assert [end.value for end in ends["ns"][:2]] == [1, 3]
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert ends["tz"] == (epoch.replace(microsecond=1), epoch.replace(microsecond=2), True)
    assert ends["flag"] == (True, True, True)
    assert not {"list", "struct", "null"} & columns.keys()


def test_of_an_arrow_table() -> None:
    for source in (TABLE, TABLE.combine_chunks().to_batches()[0]):
        known = statistics_of(source)
        check_exact(known)
        columns = known.columns
        assert (columns["f"].min, columns["f"].max) == (-3.0, 2.0)
        assert columns["nan"].min == 1.0
        assert math.isnan(columns["nan"].max)
        assert columns["s"] == ColumnStatistics("a", "éé", nulls=False, unicode=True, max_length=4)
        assert columns["view"] == ColumnStatistics("a", "c", nulls=False, unicode=False, max_length=1)
        assert columns["uuid"] == ColumnStatistics(uuid.UUID(int=1), uuid.UUID(int=3), nulls=False)
        assert columns["word"] == ColumnStatistics("a", "b", nulls=False, unicode=False, max_length=1)
    assert {name: column.distinct for name, column in statistics_of(TABLE, distinct=True).columns.items()} == {
        **dict.fromkeys(("u", "f", "s", "view", "ns", "uuid"), 3),
        **dict.fromkeys(("i", "nan", "dec", "day", "tz", "word"), 2),
        "flag": 1,
    }


@pytest.mark.parametrize("groups", [1, 3])
def test_of_parquet(tmp_path: Path, groups: int) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(TABLE, path, row_group_size=3 // groups)
    for source in (path, str(path), [path], pa.dataset.dataset(path)):
        known = statistics_of(source)
        check_exact(known)
        for uncertain in ("f", "s", "view", "uuid", "word"):
            assert known.columns[uncertain] == ColumnStatistics(nulls=False)
        assert "nan" not in known.columns


def test_of_several_parquet_files(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("1.parquet", "2.parquet", "other.parquet"))
    pq.write_table(pa.table({"a": [1, 2], "b": [1, 1], "c": [5, 6]}), first)
    pq.write_table(pa.table({"a": [7, None], "b": pa.array([None, None], BIGINT), "c": [1.5, 2.5]}), second)
    known = statistics_of([first, second])
    assert known == TableStatistics(4, {"a": ColumnStatistics(1, 7), "b": ColumnStatistics(1, 1)})
    pq.write_table(pa.table({"b": [0]}), other)
    assert statistics_of([first, second, other]) == TableStatistics(5, {"b": ColumnStatistics(0, 1)})


def test_of_parquet_without_statistics(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(TABLE, path, write_statistics=False)
    assert statistics_of(path) == TableStatistics(3, {})


def test_of_parquet_with_names_that_look_nested(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"a": [{"b": 1, "c": [2]}], "a.b": [100], "z": [200]}), path)
    assert {name: column.max for name, column in statistics_of(path).columns.items()} == {"a.b": 100, "z": 200}


def test_of_a_relation() -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'America/New_York'; SET default_collation = 'nocase'")
        table = TABLE.set_column(TABLE.column_names.index("uuid"), "uuid", TABLE["uuid"].cast(pa.binary(16)))
        connection.register("source", table)
        known = statistics_of(connection.sql("SELECT * FROM source"), distinct=True)
        check_exact(known)
        assert math.isnan(known.columns["nan"].max)
        assert known.columns["s"] == ColumnStatistics("a", "éé", nulls=False, distinct=3, unicode=True, max_length=4)
        wide = connection.sql(
            """SELECT * FROM (VALUES
            (170141183460469231731687303715884105727::HUGEINT, 0::UHUGEINT, 'b'::ENUM ('b', 'a'), DATE 'infinity',
             '00000000-0000-0000-0000-000000000007'::UUID),
            (-5, 340282366920938463463374607431768211455, 'a', NULL, NULL)) v(h, "u""h", e, d, id)"""
        )
        columns = statistics_of(wide).columns
        assert (columns["h"].min, columns["h"].max) == (-5, 2**127 - 1)
        assert (columns['u"h'].min, columns['u"h'].max) == (0, 2**128 - 1)
        assert (columns["e"].min, columns["e"].max) == ("a", "b")
        assert columns["d"].max.value == 2**31 - 1
        assert columns["id"] == ColumnStatistics(uuid.UUID(int=7), uuid.UUID(int=7))
        upper = connection.sql("SELECT * FROM (VALUES ('a'), ('B')) v(s)")
        assert statistics_of(upper).columns["s"].min == "B"
        assert statistics_of(connection.sql("SELECT 1 a WHERE false")) == TableStatistics(0, {})


def test_what_is_computed_can_be_sent(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(TABLE, path)
    for source in (TABLE, path):
        statistics_batch(statistics_of(source).columns, TABLE.schema, "f").validate(full=True)


def test_of_something_else() -> None:
    with pytest.raises(TypeError, match="not dict; make an Arrow table"):
        statistics_of({"a": [1]})


# Declared


def f(count: int, *, step: int = 1) -> Any: ...


COLUMNS = pa.schema([("n", BIGINT)])


def read(cardinality: Any = None, statistics: Any = None, columns: pa.Schema | None = COLUMNS) -> Hints:
    return read_hints(cardinality, statistics, read_signature(f, "table function 'f'"), "table function 'f'", columns)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (None, Cardinality()),
        (5, Cardinality(5)),
        (Cardinality(5, 10), Cardinality(5, 10)),
        (lambda count: count, Cardinality(7)),
        (lambda count, step: Cardinality(count // step, count), Cardinality(3, 7)),
        (lambda: None, Cardinality()),
    ],
)
def test_cardinality(option: Any, expected: Cardinality) -> None:
    assert read(option).cardinality_of({"count": 7, "step": 2}, "f") == expected


def test_the_number_of_rows_is_the_cardinality() -> None:
    assert read(statistics=TableStatistics(5)).cardinality_of({}, "f") == Cardinality(5, 5)
    assert read(statistics=lambda count: TableStatistics(count)).cardinality_of({"count": 3}, "f") == Cardinality(3, 3)
    assert read(1, TableStatistics(5)).cardinality_of({}, "f") == Cardinality(1)


def test_statistics_of_a_call() -> None:
    def computed(count: int) -> dict[str, ColumnStatistics]:
        return {"n": ColumnStatistics(0, count - 1)}

    batch = read(statistics=computed).statistics_of({"count": 7, "step": 2}, COLUMNS, "f")
    assert batch is not None
    assert bound(batch, "max")[0] == 6
    assert read().statistics_of({}, COLUMNS, "f") is None
    assert read(statistics=lambda: None).statistics_of({}, COLUMNS, "f") is None


def test_statistics_of_a_source_may_have_more_columns() -> None:
    known = TableStatistics(None, {"n": ColumnStatistics(0, 1), "other": ColumnStatistics("a", "b")})
    batch = read(statistics=known).statistics_of({}, COLUMNS, "f")
    assert batch is not None
    assert batch.column("column_name").to_pylist() == ["n"]


def test_whether_there_are_hints() -> None:
    assert not read()
    assert all((read(0), read(statistics={}), read(lambda: 1)))


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: read(-1), "table function 'f': the cardinality is a number from 0, not -1"),
        (lambda: read("many"), "the cardinality is a number from 0, not 'many'"),
        (lambda: read(Cardinality(5, 4)), "a cardinality of 5 is more than its max of 4"),
        (
            lambda: read(lambda total: total),
            "cardinality= wants 'total', but the function's parameters are count, step",
        ),
        (lambda: read(statistics=lambda total: {}), "statistics= wants 'total'"),
        (lambda: read(statistics=[1]), "statistics= are a dict of ColumnStatistics by column, or a TableStatistics"),
        (lambda: read(statistics=[1], columns=None), "statistics= are a dict"),
        (lambda: read(statistics={"x": ColumnStatistics(1, 2)}), "has statistics of 'x', but its columns are n"),
        (lambda: read(statistics={"n": ColumnStatistics("a", "b")}), "statistics of 'n': min must be BIGINT, got 'a'"),
        (lambda: read(statistics=TableStatistics(-1)), "rows is a number from 0, not -1"),
    ],
)
def test_refused_declarations(declare: Callable[[], object], message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare()
    assert message in str(caught.value)
