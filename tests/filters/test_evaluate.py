"""The evaluator alone, against DuckDB: trees that the engine never sends, casts, and all forms of columns."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from duckwing.errors import FilterError
from duckwing.filters.evaluate import Evaluator
from duckwing.filters.keys import keys
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
from duckwing.types import TIMETZ

from . import generator
from .generator import SCALARS, Table, Type, draw_table

OPERATORS = {
    "eq": "=",
    "ne": "<>",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "distinct_from": "IS DISTINCT FROM",
    "not_distinct_from": "IS NOT DISTINCT FROM",
}

Both: TypeAlias = tuple[Expression, str]
"""An expression as a tree and in SQL."""

NUMBERS: tuple[str, ...] = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
    "UHUGEINT",
    "FLOAT",
)
NUMBERS += ("DOUBLE", "DECIMAL(4,1)", "DECIMAL(9,2)", "DECIMAL(18,3)", "DECIMAL(38,10)", "DECIMAL(38,38)", "BOOLEAN")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; PRAGMA disable_optimizer; SET arrow_lossless_conversion = true")
        yield connection


def batch_of(database: duckdb.DuckDBPyConnection, query: str) -> pa.RecordBatch:
    table = database.execute(query).to_arrow_table().combine_chunks()
    return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], schema=table.schema)


def evaluated(expression: Expression, batch: pa.RecordBatch) -> list[bool | None]:
    mask = Evaluator([Predicate("p", expression)], batch.schema).mask(batch)
    assert mask is not None
    values: list[bool | None] = mask.to_pylist()
    return values


def column(name: str, batch: pa.RecordBatch) -> Column:
    place = batch.schema.get_field_index(name)
    return Column(name, place, batch.schema.field(place).type)


def literal(value: Any, type: pa.DataType | None = None) -> Literal:
    return Literal(pa.array([value], type)[0])


# Random trees


class Trees:
    """Draws trees over a table, beside the same in SQL."""

    def __init__(self, rng: random.Random, table: Table, batch: pa.RecordBatch, database: duckdb.DuckDBPyConnection):
        self._rng = rng
        self._table = table
        self._batch = batch
        self._database = database
        self._known: dict[str, pa.Array] = {}

    def condition(self, depth: int) -> Both:
        rng = self._rng
        if depth and rng.random() < 0.8:
            kind = rng.choice(("and", "or", "not", "compared"))
            if kind == "not":
                tree, sql = self.condition(depth - 1)
                return Not(tree), f"(NOT {sql})"
            parts = [self.condition(depth - 1) for _ in range(rng.choice((2, 2, 3)))]
            if kind == "compared":
                operator, word = rng.choice(list(OPERATORS.items()))
                (left, x), (right, y) = parts[:2]
                return Comparison(operator, left, right), f"({x} {word} {y})"  # type: ignore[arg-type]
            node = And if kind == "and" else Or
            return node(tuple(tree for tree, _ in parts)), f"({f' {kind.upper()} '.join(sql for _, sql in parts)})"
        number = rng.randrange(len(self._table.columns))
        drawn = self._table.columns[number]
        return self._about((column(drawn.sql, self._batch), drawn.sql), drawn.type, drawn.pool)

    def _about(self, of: Both, type: Type, pool: Any) -> Both:
        rng = self._rng
        tree, sql = of
        if type.kind == "struct" and rng.random() < 0.4:
            name = rng.choice(list(type.members))
            index = list(type.members).index(name)
            member = type.members[name]
            field = StructField(tree, name, index, tree.type.field(index).type)
            return self._about((field, f"({sql}).{name}"), member, [member.value(rng) for _ in range(3)])
        kind = rng.randrange(10)
        if kind == 0:
            negated = rng.random() < 0.5
            return IsNull(tree, negated), f"({sql} IS {'NOT ' * negated}NULL)"
        if kind == 1:
            return rng.choice(
                [(literal(None, pa.bool_()), "NULL::BOOLEAN"), (literal(True), "true"), (literal(False), "false")]
            )
        if kind <= 3:
            values = self.constants([self._drawn(type, pool) for _ in range(rng.randrange(1, 6))], type)
            negated = rng.random() < 0.5
            listed = ", ".join(text for _, text in values)
            members = pa.concat_arrays([self._known[text] for _, text in values])
            return In(tree, members, negated), f"({sql} {'NOT ' * negated}IN ({listed}))"
        if type.kind == "text" and kind <= 6:
            name = rng.choice(("starts_with", "ends_with", "contains"))
            other = self.constants([self._drawn(type, pool)], type)[0]
            pair = [[of, other], [of, of], [other, of]][kind - 4] if kind > 4 else [of, other]
            return Call(name, (pair[0][0], pair[1][0])), f"{name}({pair[0][1]}, {pair[1][1]})"  # type: ignore[arg-type]
        if type.kind in ("list", "array") and kind <= 6:
            item = type.members["item"]
            needle = self.constants([self._drawn(item, [item.value(rng), f"({rng.choice(pool)})[1]"])], item)[0]
            return Call("list_contains", (tree, needle[0])), f"list_contains({sql}, {needle[1]})"
        if kind == 4 and not type.members:
            some = f"[{', '.join(self._drawn(type, pool) for _ in range(3))}]::{type.sql}[]"
            [(items, text)] = self.constants([some], Type(f"{type.sql}[]", lambda _: "", "list"))
            return Call("list_contains", (items, tree)), f"list_contains({text}, {sql})"
        operator, word = rng.choice(list(OPERATORS.items()))
        right, y = of if kind == 5 else self.constants([self._drawn(type, pool)], type)[0]
        if kind == 6:
            return Comparison(operator, right, tree), f"({y} {word} {sql})"  # type: ignore[arg-type]
        return Comparison(operator, tree, right), f"({sql} {word} {y})"  # type: ignore[arg-type]

    def _drawn(self, type: Type, pool: Any) -> str:
        kind = self._rng.random()
        if kind < 0.1:
            return f"NULL::{type.sql}"
        return str(self._rng.choice(pool)) if kind < 0.9 else type.value(self._rng)

    def constants(self, texts: list[str], type: Type) -> list[Both]:
        found: list[Both] = []
        for text in texts:
            if text not in self._known:
                self._known[text] = batch_of(self._database, f"SELECT ({text})::{type.sql} AS v").column(0)
            found.append((Literal(self._known[text][0]), text))
        return found


@pytest.mark.parametrize("seed", range(40))
def test_random_trees(database: duckdb.DuckDBPyConnection, seed: int) -> None:
    table = draw_table(seed)
    for statement in table.create("t"):
        database.execute(statement)
    batch = batch_of(database, "FROM t ORDER BY id")
    # DuckDB compares some values within nested ones in ways of its own when they are of the same expression.
    for number in range(40):
        trees = Trees(random.Random(f"{seed} {number}"), table, batch, database)
        tree, sql = trees.condition(number % 4)
        check(database, tree, sql, batch)


@pytest.mark.parametrize("type", SCALARS, ids=lambda type: type.sql)
def test_each_type_in_all_positions(database: duckdb.DuckDBPyConnection, type: Type) -> None:
    """Two columns of it compared, and it as item, member and key."""
    rng = random.Random(type.sql)
    wrapped = [type, type, generator.list_of(type), generator.array_of(type), generator.struct_of(type, type)]
    table = draw_table(7, [*wrapped, generator.map_of(type, type), generator.union_of(type, type)])
    for statement in table.create("t"):
        database.execute(statement)
    batch = batch_of(database, "FROM t ORDER BY id")
    for operator, word in OPERATORS.items():
        for a, b in (("c0", "c1"), ("c1", "c0"), ("c2", "c2"), ("c4", "c4")):
            check(
                database,
                Comparison(operator, column(a, batch), column(b, batch)),  # type: ignore[arg-type]
                f"({a} {word} {b})",
                batch,
            )
    trees = Trees(rng, table, batch, database)
    for number in range(60):
        tree, sql = trees.condition(number % 2)
        check(database, tree, sql, batch)
    contains = Call("list_contains", (column("c2", batch), column("c0", batch)))
    if type.kind != "timetz":  # DuckDB compares bits here, too
        check(database, contains, "list_contains(c2, c0)", batch)


def check(
    database: duckdb.DuckDBPyConnection, tree: Expression, sql: str, batch: pa.RecordBatch, *, lenient: bool = True
) -> None:
    """Assert that the tree has the values of the SQL, and is an error where the SQL is.

    Args:
        database: has the rows of ``batch`` as table ``t``.
        tree: the tree.
        sql: the same.
        batch: all rows.
        lenient: where DuckDB has an error, we may have a value.
    """
    try:
        expected = [value for (value,) in database.execute(f"SELECT {sql} FROM t ORDER BY id").fetchall()]
        found = evaluated(tree, batch)
    except (duckdb.Error, FilterError) as error:
        if isinstance(error, duckdb.BinderException | duckdb.InvalidTypeException | duckdb.NotImplementedException):
            return
        for row in range(batch.num_rows):
            theirs = outcome(partial(one_row, database, sql, row))
            ours = outcome(partial(evaluated, tree, batch.slice(row, 1)))
            assert ours == theirs or (lenient and theirs == "error"), f"{sql}, row {row}"
        return
    assert found == expected, (
        f"{sql}\n{tree}\n{[(r, f, e) for r, (f, e) in enumerate(zip(found, expected, strict=True)) if f != e]}"
    )


def one_row(database: duckdb.DuckDBPyConnection, sql: str, row: int) -> list[Any]:
    return [value for (value,) in database.execute(f"SELECT {sql} FROM t WHERE id = {row}").fetchall()]


def outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except (duckdb.Error, FilterError):
        return "error"


# Casts


def _values(sql: str) -> list[str]:
    texts = {
        "0",
        "1",
        "-1",
        "2",
        "0.5",
        "1.5",
        "2.5",
        "-2.5",
        "-0.5",
        "0.05",
        "0.15",
        "0.25",
        "127",
        "128",
        "-128",
        "-129",
    }
    texts |= {
        "0.45",
        "1.005",
        "99.95",
        "999.95",
        "255.5",
        "1e-10",
        "65535",
        "2147483647",
        "2147483647.5",
        "-2147483648",
    }
    texts |= {"123456789.125", "16777217", "9007199254740993", "123456789012345.678", "9999999.99", "0.1", "0.3"}
    texts |= {
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "18446744073709551615",
        "1e20",
        "-1e20",
    }
    texts |= {
        "123456789012345678901234567890",
        "170141183460469231731687303715884105727",
        "99999999999999999999999999999999999999",
    }
    texts |= {
        "-170141183460469231731687303715884105728",
        "340282366920938463463374607431768211455",
        "1e300",
        "nan",
        "inf",
        "-inf",
        "-0.0",
    }
    rng = random.Random(sql)
    texts |= {f"{rng.uniform(-1, 1) * 10 ** rng.randint(-3, 25):.{rng.randint(0, 6)}f}" for _ in range(150)}
    return sorted(texts)


def _rounded(value: float | None) -> float | None:
    return round(value) if value is not None and math.isfinite(value) else value


def _undefined(source: str, target: str, value: pa.Array) -> bool:
    """Whether DuckDB itself is wrong: 2^31 is no INTEGER, true no DECIMAL below 1, and the least HUGEINT is one."""
    if (source, target) == ("BOOLEAN", "DECIMAL(38,38)") or (target == "HUGEINT" and value[0].as_py() == -(2.0**127)):
        return True
    powers = {7, 8, 15, 16, 31, 32, 63, 64, 127, 128}
    return source in ("FLOAT", "DOUBLE") and _rounded(value[0].as_py()) in {1 << power for power in powers}


@pytest.mark.parametrize("source", NUMBERS)
def test_casts_round_and_overflow_as_in_duckdb(database: duckdb.DuckDBPyConnection, source: str) -> None:
    texts = ", ".join(f"('{text}')" for text in _values(source))
    database.execute(
        f"CREATE OR REPLACE TABLE t AS SELECT (row_number() OVER () - 1)::BIGINT AS id, v FROM "
        f"(SELECT DISTINCT try_cast(text AS {source}) AS v FROM (VALUES {texts}) AS texts(text))"
    )
    batch = batch_of(database, "FROM t ORDER BY id")
    for target in NUMBERS:
        arrow = batch_of(database, f"SELECT NULL::{target} AS v").column(0).type
        expected = (
            database.execute(f"SELECT try_cast(v AS {target}) AS v FROM t ORDER BY id")
            .to_arrow_table()
            .combine_chunks()
        )
        wanted = expected.column(0).chunk(0)
        cast = Cast(column("v", batch), arrow)
        for row in range(batch.num_rows):
            value, one = wanted.slice(row, 1), batch.slice(row, 1)
            if _undefined(source, target, one.column("v")):
                continue
            same = Comparison("not_distinct_from", cast, Literal(value[0]))
            where = f"{one.column('v')} as {target}: expected {value}"
            if value.null_count and not one.column("v").null_count:
                with pytest.raises(FilterError):
                    pytest.fail(f"{where}, got {evaluated(same, one)}")
            else:
                assert evaluated(same, one) == [True], where


def test_cast_of_texts_and_times_are_refused() -> None:
    batch = pa.record_batch({"s": ["1"], "i": [1]})
    for of, type in (("s", pa.int64()), ("i", pa.utf8()), ("i", pa.date32())):
        with pytest.raises(FilterError, match="is not known"):
            Evaluator([Predicate("p", IsNull(Cast(column(of, batch), type)))], batch.schema)


def test_casts_keep_null() -> None:
    batch = pa.record_batch({"n": pa.nulls(3), "i": pa.array([None, 1, None], pa.int32())})
    assert evaluated(IsNull(Cast(column("n", batch), pa.int64())), batch) == [True] * 3
    assert evaluated(IsNull(Cast(column("i", batch), pa.decimal128(9, 2))), batch) == [True, False, True]


# Arithmetic


@pytest.mark.parametrize("type", ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "UBIGINT", "FLOAT", "DOUBLE"])
def test_arithmetic(database: duckdb.DuckDBPyConnection, type: str) -> None:
    drawn = next(known for known in SCALARS if known.sql == type)
    table = draw_table(4, [drawn, drawn])
    for statement in table.create("t"):
        database.execute(statement)
    batch = batch_of(database, "FROM t ORDER BY id")
    x, y = column("c0", batch), column("c1", batch)
    for operator, sign in (("add", "+"), ("subtract", "-"), ("multiply", "*")):
        tree = Comparison("gt", Arithmetic(operator, x, y), y)  # type: ignore[arg-type]
        check(database, tree, f"((c0 {sign} c1) > c1)", batch, lenient=False)
    if not type.startswith("U"):
        check(database, Comparison("lt", Negate(x), y), "(-c0 < c1)", batch, lenient=False)


# Forms of columns

TEXTS = ["", "a", "ab", "é", "b", None, "😀", "zz"]
BYTES = [b"", b"a", b"ab", b"\xff", b"\x00", None, b"b", b"zz"]
DAYS = pa.array([0, 1, -1, 19000, 2**31 - 1, None, -(2**31) + 1, 5], pa.int32()).cast(pa.date32())
CLOCKS = pa.array([0, 1, 86399, 43200, 5, None, 60, 61], pa.int32()).cast(pa.time32("s"))
MOMENTS = pa.array([0, 1, -1, 10**15, 2**63 - 1, None, -(2**63) + 1, 7]).cast(pa.timestamp("us"))
FLAGS = pa.array([True, False, None, True, False, None, True, True])
LISTS = pa.array([[1, 2], [], [None], [2], None, [1, None], [3], [1]], pa.list_(pa.int32()))
NUMBERED = pa.array([0, 1, -1, 5, 127, None, 3, 3], pa.int32())


def bool8(array: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.bool8(), array.cast(pa.int8()))


def in_dictionary_with_null(array: pa.Array) -> pa.Array:
    """A dictionary whose NULL is a value of its own, not an index."""
    indices = pa.array([0 if value is None else i for i, value in enumerate(array.to_pylist(), start=1)], pa.int8())
    values = pa.concat_arrays([pa.nulls(1, array.type), array])
    return pa.DictionaryArray.from_arrays(indices, values)


def list_view(array: pa.Array, *, large: bool = False) -> pa.Array:
    """The same lists, their items in the opposite order of rows."""
    items = array.to_pylist()[::-1]
    ends = list(itertools.accumulate((len(row or ()) for row in items), initial=0))
    flat = pa.array([item for row in items for item in row or ()], array.type.value_type)
    kind, width = (pa.LargeListViewArray, pa.int64()) if large else (pa.ListViewArray, pa.int32())
    sizes = pa.array([len(row or ()) for row in items[::-1]], width)
    starts = pa.array(ends[:-1][::-1], width)
    return kind.from_arrays(starts, sizes, flat, mask=array.is_null())


def cast_to(type: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda array: array.cast(type)


FORMS: dict[str, tuple[pa.Array, Callable[[pa.Array], pa.Array]]] = {
    "large_utf8": (pa.array(TEXTS), cast_to(pa.large_utf8())),
    "utf8_view": (pa.array(TEXTS), cast_to(pa.string_view())),
    "dictionary": (pa.array(TEXTS), lambda array: array.dictionary_encode()),
    "dictionary with NULL": (pa.array(TEXTS), in_dictionary_with_null),
    "dictionary of large": (pa.array(TEXTS), lambda array: array.cast(pa.large_utf8()).dictionary_encode()),
    "json": (pa.array(TEXTS), lambda array: pa.ExtensionArray.from_storage(pa.json_(), array)),
    "large_binary": (pa.array(BYTES), cast_to(pa.large_binary())),
    "binary_view": (pa.array(BYTES), cast_to(pa.binary_view())),
    "fixed_size_binary": (pa.array([b"ab", b"aa", None, b"zz"] * 2), cast_to(pa.binary(2))),
    "date64": (DAYS, cast_to(pa.date64())),
    "time64": (CLOCKS, cast_to(pa.time64("us"))),
    "time64 ns": (CLOCKS, cast_to(pa.time64("ns"))),
    "zone": (MOMENTS.cast(pa.timestamp("us", "UTC")), cast_to(pa.timestamp("us", "Europe/Berlin"))),
    "bool8": (FLAGS, bool8),
    "dictionary of numbers": (NUMBERED, lambda array: array.dictionary_encode()),
    "wider": (NUMBERED, cast_to(pa.int64())),
    "narrower": (NUMBERED, cast_to(pa.int8())),
    "decimal": (NUMBERED, cast_to(pa.decimal128(20, 3))),
    "double": (NUMBERED, cast_to(pa.float64())),
    "half": (NUMBERED.cast(pa.float32()), lambda array: pc.cast(array, pa.float16())),
    "large_list": (LISTS, cast_to(pa.large_list(pa.int32()))),
    "list_view": (LISTS, list_view),
    "large_list_view": (LISTS, partial(list_view, large=True)),
    "list of large": (pa.array([["a"], ["b", None], None, []] * 2), cast_to(pa.list_(pa.large_utf8()))),
    "struct of views": (
        pa.array([{"x": "a"}, {"x": None}, None, {"x": "b"}] * 2),
        lambda array: pa.StructArray.from_arrays([array.field(0).cast(pa.string_view())], ["x"], mask=array.is_null()),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_other_forms_of_columns(name: str) -> None:
    array, convert = FORMS[name]
    plain, other = pa.record_batch({"v": array}), pa.record_batch({"v": convert(array)})
    assert other.column(0).type != array.type
    one, two = Literal(array[1]), Literal(array[3])
    makes: list[Callable[[Expression], Expression]] = [
        *(partial(_compared, operator, one) for operator in OPERATORS),
        *(partial(_compared, operator, Literal(pa.nulls(1, array.type)[0])) for operator in OPERATORS),
        lambda v: In(v, array.slice(1, 3)),
        lambda v: In(v, array.slice(0, 4), negated=True),
        lambda v: In(v, pa.nulls(2, array.type)),
        IsNull,
        lambda v: Comparison("eq", v, v),
        lambda v: Comparison("lt", one, v),
        lambda v: Or((Comparison("lt", v, one), Not(Comparison("ge", v, two)))),
    ]
    for make in makes:
        expected = evaluated(make(column("v", plain)), plain)
        assert evaluated(make(column("v", other)), other) == expected
        for start, count in ((1, 6), (3, 2), (7, 1), (2, 0)):
            assert evaluated(make(column("v", other)), other.slice(start, count)) == expected[start : start + count]
        kept = Evaluator([Predicate("p", make(column("v", other)))], other.schema).apply(other.slice(1))
        assert kept.column(0).type == other.column(0).type
        kept.validate(full=True)
        wanted = [row for row in range(1, 8) if expected[row]]
        values = keys(other.column(0))
        assert keys(kept.column(0)) == [values[row] for row in wanted]


def _compared(operator: Any, constant: Literal, value: Expression) -> Expression:
    return Comparison(operator, value, constant)


@pytest.mark.parametrize("name", ["large_list", "list_view", "large_list_view", "array"])
def test_list_contains_in_other_forms(name: str) -> None:
    array = LISTS
    if name == "array":
        array = pa.array([[1, 2], [None, 2], None, [3, 4], [2, 2]], pa.list_(pa.int32(), 2))
    else:
        array = FORMS[name][1](LISTS)
    expected = [None if items is None else 2 in items for items in array.to_pylist()]
    batch = pa.record_batch({"v": array, "n": pa.array([2] * len(array), pa.int32())})
    for needle in (literal(2, pa.int32()), column("n", batch)):
        tree = Call("list_contains", (column("v", batch), needle))
        assert evaluated(tree, batch) == expected
        assert evaluated(tree, batch.slice(1, 3)) == expected[1:4]
        assert evaluated(tree, batch.slice(1, 0)) == []


def test_all_values_null() -> None:
    for array, convert in FORMS.values():
        batch = pa.record_batch({"v": pa.nulls(4, convert(array).type)})
        v = column("v", batch)
        assert evaluated(Comparison("eq", v, Literal(array[1])), batch) == [None] * 4
        assert evaluated(In(v, array.slice(1, 2)), batch) == [None] * 4
        assert evaluated(IsNull(v), batch) == [True] * 4
        assert evaluated(Comparison("distinct_from", v, Literal(array[1])), batch) == [True] * 4


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_every_type_are_removed(database: duckdb.DuckDBPyConnection, seed: int) -> None:
    table = draw_table(seed, [generator.draw_type(random.Random(f"{seed} {n}")) for n in range(5)])
    for statement in table.create("t"):
        database.execute(statement)
    batch = batch_of(database, "FROM t ORDER BY id").slice(1)
    some = random.Random(seed).sample(range(140), 70)
    shown = "SELECT id, " + ", ".join(f"{c.sql}::VARCHAR" for c in table.columns)
    kept = Evaluator([Predicate("p", In(column("id", batch), pa.array(some)))], batch.schema).apply(batch)
    rows = pa.Table.from_batches([kept])
    database.register("kept", rows)
    expected = f"{shown} FROM t WHERE id >= 1 AND id IN {tuple(some)} ORDER BY id"
    assert database.execute(f"{shown} FROM kept").fetchall() == database.execute(expected).fetchall()
    database.unregister("kept")
    nothing = Evaluator([Predicate("p", IsNull(column("id", batch)))], batch.schema).apply(batch)
    assert (nothing.num_rows, nothing.schema) == (0, batch.schema)


# Errors


@dataclass(frozen=True)
class Narrow:
    batch: pa.RecordBatch
    fits: Expression
    fails: Expression


@pytest.fixture
def narrow() -> Narrow:
    """A condition that cannot be evaluated for the last row, and one that leaves it out."""
    batch = pa.record_batch({"v": pa.array([1, 5, None, 1000], pa.int32())})
    v = column("v", batch)
    return Narrow(
        batch,
        Comparison("lt", v, literal(100, pa.int32())),
        Comparison("gt", Cast(v, pa.int8()), literal(2, pa.int8())),
    )


def test_a_required_predicate_that_fails_is_an_error(narrow: Narrow) -> None:
    evaluator = Evaluator([Predicate("p", narrow.fails)], narrow.batch.schema)
    with pytest.raises(FilterError, match=r"the filter v::TINYINT > 2 cannot be applied: .*1000"):
        evaluator.apply(narrow.batch)
    assert evaluator.apply(narrow.batch.slice(0, 3)).to_pydict() == {"v": [5]}


def test_an_advisory_predicate_that_fails_has_no_effect_on_that_batch(narrow: Narrow) -> None:
    evaluator = Evaluator([Predicate("p", narrow.fails, required=False)], narrow.batch.schema)
    assert evaluator.apply(narrow.batch) == narrow.batch
    assert evaluator.apply(narrow.batch.slice(0, 3)).to_pydict() == {"v": [5]}


def test_a_row_that_another_predicate_leaves_out_does_not_fail(narrow: Narrow) -> None:
    for predicates in (
        [Predicate("a", narrow.fits), Predicate("b", narrow.fails)],
        [Predicate("a", narrow.fails), Predicate("b", narrow.fits)],
        [Predicate("a", And((narrow.fails, narrow.fits)))],
        [Predicate("a", Not(Not(And((narrow.fails, narrow.fits)))))],
        [Predicate("a", Not(Or((Not(narrow.fits), Not(narrow.fails)))))],
    ):
        kept = Evaluator(predicates, narrow.batch.schema).apply(narrow.batch)
        assert kept.to_pydict() == {"v": [5]}


def test_a_row_that_no_operand_settles_fails(narrow: Narrow) -> None:
    never = Not(Comparison("lt", column("v", narrow.batch), literal(0, pa.int32())))
    for tree in (And((never, narrow.fails)), Or((Not(never), narrow.fails)), And((narrow.fails, narrow.fails))):
        with pytest.raises(FilterError):
            Evaluator([Predicate("p", tree)], narrow.batch.schema).mask(narrow.batch)


def test_a_constant_that_cannot_be_cast_fails_where_a_row_needs_it(narrow: Narrow) -> None:
    v = column("v", narrow.batch)
    fails = Comparison("gt", Cast(v, pa.int64()), Cast(literal(1000), pa.int8()))
    never = Comparison("lt", v, literal(0, pa.int32()))
    schema = narrow.batch.schema
    assert Evaluator([Predicate("p", And((fails, never)))], schema).apply(narrow.batch).num_rows == 0
    with pytest.raises(FilterError, match="1000"):
        Evaluator([Predicate("p", fails)], schema).apply(narrow.batch)


def test_what_is_unknown_is_refused_at_once_or_skipped() -> None:
    batch = pa.record_batch({"v": [1, 2]})
    unknown = Unknown("function a.b/c@1", pa.bool_())
    with pytest.raises(FilterError, match=r"does not know the function a\.b/c@1"):
        Evaluator([Predicate("p", unknown)], batch.schema)
    assert Evaluator([Predicate("p", unknown, required=False)], batch.schema).apply(batch) == batch


def test_constants_of_timetz_without_their_offset_are_refused() -> None:
    """So they come, within other values, unless ``arrow_lossless_conversion`` is set."""
    batch = pa.record_batch({"v": pa.nulls(1, TIMETZ), "s": pa.nulls(1, pa.struct([("a", TIMETZ)]))})
    clock = pa.array([0], pa.time64("us"))
    struct = pa.StructArray.from_arrays([clock], ["a"])
    for tree in (In(column("v", batch), clock), Comparison("eq", column("s", batch), Literal(struct[0]))):
        with pytest.raises(FilterError, match="SET arrow_lossless_conversion = true"):
            Evaluator([Predicate("p", tree)], batch.schema)


def test_a_column_that_is_missing_is_an_error() -> None:
    batch = pa.record_batch({"v": [1, 2]})
    with pytest.raises(FilterError, match="no column 'w'"):
        Evaluator([Predicate("p", IsNull(Column("w", 0, pa.int64())))], batch.schema)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.array(["a"]), pa.array([b"a"])),
        (pa.array([1]), pa.array(["1"])),
        (pa.array([True]), pa.array([1])),
        (pa.array([[1]]), pa.array([["a"]])),
        (pa.array([{"a": 1}]), pa.array([{"a": 1, "b": 2}])),
        (DAYS.slice(0, 1), MOMENTS.slice(0, 1)),
    ],
    ids=lambda array: str(array.type),
)
def test_types_that_do_not_compare(left: pa.Array, right: pa.Array) -> None:
    batch = pa.record_batch({"a": left, "b": right})
    a, b = column("a", batch), column("b", batch)
    for tree in (Comparison("eq", a, b), Comparison("lt", a, Literal(right[0])), In(a, right)):
        with pytest.raises(FilterError, match="cannot be compared"):
            Evaluator([Predicate("p", tree)], batch.schema)


def test_integers_and_decimals_compare_exactly() -> None:
    batch = pa.record_batch({
        "i": pa.array([2**63 - 1, -(2**63), 0, None]),
        "u": pa.array([2**63, 2**64 - 1, 0, 0], pa.uint64()),
        "d": pa.array([2**63 - 1, 0, 0, 0], pa.decimal128(38, 18)),
    })  # fmt: skip
    i, u, d = (column(name, batch) for name in "iud")
    assert evaluated(Comparison("lt", i, u), batch) == [True, True, False, None]
    assert evaluated(Comparison("eq", i, d), batch) == [True, False, True, None]
    assert evaluated(Comparison("gt", u, d), batch) == [True, True, False, False]
    assert evaluated(Comparison("lt", i, literal(2**64 - 1, pa.uint64())), batch) == [True, True, True, None]
    assert evaluated(Comparison("eq", u, literal(-1, pa.int8())), batch) == [False] * 4
    assert evaluated(In(i, pa.array([2**64 - 1, 0], pa.uint64())), batch) == [False, False, True, None]
