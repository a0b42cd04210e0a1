"""Random typed tables and random SQL predicates over them; equal seeds give equal ones.

Everything is SQL text: a failure is replayed by pasting it. Columns have few distinct values, many of them
extremes, and constants are mostly taken from them, so that predicates hit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Draw = Callable[[random.Random], str]

NULLS = 0.3
"""Share of NULLs in columns and in members of nested values."""


@dataclass(frozen=True)
class Type:
    """A SQL type.

    Attributes:
        sql: its name.
        value: draws an expression of exactly this type, never NULL.
        kind: what can be asked of its values.
        members: item of a list; fields of a struct or union; key and value of a map.
    """

    sql: str
    value: Draw
    kind: str
    members: Mapping[str, Type] = field(default_factory=dict)

    def holds(self, kind: str) -> bool:
        """Whether it is of that kind, or has a member that is."""
        return self.kind == kind or any(member.holds(kind) for member in self.members.values())


@dataclass(frozen=True)
class Column:
    """A column, or a field of one, with some of its values."""

    sql: str
    type: Type
    pool: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table: ``id``, and columns ``c0``, ``c1``, …"""

    seed: int
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def create(self, name: str) -> list[str]:
        """The statements that create it."""
        columns = ", ".join(f"{column.sql} {column.type.sql}" for column in self.columns)
        statements = [f"CREATE OR REPLACE TABLE {name} (id BIGINT, {columns})"]
        for start in range(0, len(self.rows), 256):
            rows = [
                f"({', '.join([str(start + number), *row])})"
                for number, row in enumerate(self.rows[start : start + 256])
            ]
            statements.append(f"INSERT INTO {name} VALUES {', '.join(rows)}")
        return statements


# Types


def _cast(texts: Sequence[str], sql: str) -> Draw:
    values = [_quoted(text) + f"::{sql}" for text in texts]
    return lambda rng: rng.choice(values)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _integer(sql: str, bits: int, signed: bool) -> Type:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    some = [low, low + 1, high, high - 1, 0, 1, 2, 3, 5, 7, 10, 100, *([-1, -2, -7] if signed else [])]
    some += [10**n for n in (2, 4, 9, 15, 18, 37) if 10**n < high]
    some += [v for v in (2**24 + 1, 2**53 + 1, 2**63, 2**64, 10**38 + 1) if v < high]

    def value(rng: random.Random) -> str:
        number = rng.choice(some) if rng.random() < 0.7 else rng.randint(low, high)
        return f"'{number}'::{sql}"

    return Type(sql, value, "integer")


def _decimal(precision: int, scale: int) -> Type:
    sql = f"DECIMAL({precision},{scale})"
    last = 10**precision - 1
    some = [0, 1, -1, 5, -5, 15, 25, -25, 10**scale, -(10**scale), 2 * 10**scale, 5 * 10**scale // 2, last, -last]

    def value(rng: random.Random) -> str:
        number = rng.choice(some) if rng.random() < 0.7 else rng.randint(-last, last)
        number = max(-last, min(last, number))
        digits = str(abs(number)).rjust(scale + 1, "0")
        text = digits[: len(digits) - scale] + ("." + digits[len(digits) - scale :] if scale else "")
        return f"'{'-' if number < 0 else ''}{text}'::{sql}"

    return Type(sql, value, "decimal")


_FLOATS = [
    "nan",
    "-nan",
    "inf",
    "-inf",
    "0.0",
    "-0.0",
    "1",
    "-1",
    "0.1",
    "1.5",
    "2.5",
    "-2.5",
    "3.5",
    "16777217",
    "1e10",
]
_FLOATS += ["9007199254740993", "1e-40", "0.30000000000000004"]
_DAYS = ["1970-01-01", "1969-12-31", "2024-02-29", "2024-02-01", "2024-03-01", "0001-01-01", "9999-12-31"]
_DAYS += ["2000-01-01", "2000-01-31"]
_CLOCKS = ["00:00:00", "23:59:59", "12:30:00", "12:30:01"]
_OFFSETS = ["+00", "+02", "-11:30", "+15:59:59"]
_NS_DAYS = ["1970-01-01", "1969-12-31", "2024-02-29", "2024-03-01", "1700-01-01", "2262-01-01"]
_FAR = ["infinity", "-infinity"]
_FAR_MOMENTS = [*_FAR, "290000-01-01 00:00:00", "5000-01-01 (BC) 00:00:00", "2024-02-29 12:30:00.000001"]
_TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "abc",
    "abd",
    "b",
    "Z",
    "é",
    "aé",
    "e\u0301",
    "zz",
    "€",
    "\ufffd",
    "😀",
    "a😀b",
    "a b",
    "it's",
]
_TEXTS += ["%", "a%", "_", "a_c", "\\", "x" * 300, "x" * 301, "12345678901234", "1", "01", "1.5", "nan", "true", "\t\n"]
_IDS = ["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"]
_IDS += ["ffffffff-ffff-ffff-ffff-ffffffffffff", "7fffffff-ffff-ffff-ffff-ffffffffffff"]
_IDS += ["80000000-0000-0000-0000-000000000000", "12345678-9abc-def0-1234-56789abcdef0"]
_BYTES = ["", r"\x00", r"\x00\x00", "a", "ab", r"\xFF", r"\x7F", r"\x80", "b" * 40, r"a\x00b"]
_BITS = ["0", "1", "00", "01", "10", "0101", "11111111", "00000000", "111111110", "1" * 70]
_SPANS = [
    "0 seconds",
    "1 month",
    "30 days",
    "31 days",
    "29 days",
    "1 day",
    "24 hours",
    "25 hours",
    "-1 month",
    "1 year",
]
_SPANS += ["12 months", "360 days", "365 days", "-1 day", "1 month -30 days", "1 microsecond", "720 hours", "-29 days"]
_BIG = [
    "0",
    "1",
    "-1",
    "255",
    "256",
    "-256",
    "9" * 40,
    "-" + "9" * 40,
    "1" + "0" * 100,
    "340282366920938463463374607431768211456",
]
_SHAPES = ["POINT (0 0)", "POINT (1 2)", "POINT EMPTY", "LINESTRING (0 0, 1 1)", "POLYGON ((0 0, 1 0, 1 1, 0 0))"]
_DOCUMENTS = ["{}", "[]", "null", '{"a":1}', '{"a": 1}', '"a"', "1", "1.0"]


def _chars(rng: random.Random) -> str:
    if rng.random() < 0.05:
        return "('a' || chr(0) || 'b')"
    return _quoted(rng.choice(_TEXTS))


def _moments(sql: str, days: Sequence[str], far: Sequence[str], suffix: str = "") -> Type:
    texts = [f"{day} {clock}{suffix}" for day in days for clock in _CLOCKS]
    return Type(sql, _cast([*texts, *far, *far], sql), "timestamp")


VARCHAR = Type("VARCHAR", _chars, "text")
BOOLEAN = Type("BOOLEAN", lambda rng: rng.choice(["true", "false"]), "boolean")
BIGINT = _integer("BIGINT", 64, True)
DOUBLE = Type("DOUBLE", _cast([*_FLOATS, "1.7976931348623157e308", "5e-324"], "DOUBLE"), "float")
FLOAT = Type("FLOAT", _cast([*_FLOATS, "3.4028235e38", "1e-45"], "FLOAT"), "float")

SCALARS: tuple[Type, ...] = (
    BOOLEAN,
    *(_integer(name, bits, True) for name, bits in [("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32)]),
    BIGINT,
    *(_integer(name, bits, False) for name, bits in [("UTINYINT", 8), ("USMALLINT", 16), ("UINTEGER", 32)]),
    _integer("UBIGINT", 64, False),
    _integer("HUGEINT", 128, True),
    _integer("UHUGEINT", 128, False),
    Type("BIGNUM", _cast(_BIG, "BIGNUM"), "bignum"),
    FLOAT,
    DOUBLE,
    *(_decimal(*size) for size in [(3, 1), (9, 2), (18, 3), (18, 18), (19, 0), (38, 0), (38, 10), (38, 38)]),
    VARCHAR,
    Type("BLOB", _cast(_BYTES, "BLOB"), "blob"),
    Type("UUID", _cast(_IDS, "UUID"), "uuid"),
    Type("JSON", _cast(_DOCUMENTS, "JSON"), "json"),
    Type("BIT", _cast(_BITS, "BIT"), "bit"),
    Type("DATE", _cast([*_DAYS, *_FAR, "5877642-06-25 (BC)", "5881580-07-10"], "DATE"), "date"),
    Type("TIME", _cast([*_CLOCKS, "12:30:00.000001"], "TIME"), "time"),
    Type("TIME_NS", _cast([*_CLOCKS, "12:30:00.000000001", "12:30:00.123456789"], "TIME_NS"), "time"),
    Type("TIMETZ", _cast([f"{c}{z}" for c in _CLOCKS for z in _OFFSETS], "TIMETZ"), "timetz"),
    _moments("TIMESTAMP", _DAYS, _FAR_MOMENTS),
    _moments("TIMESTAMP_S", _DAYS, _FAR_MOMENTS[:4]),
    _moments("TIMESTAMP_MS", _DAYS, _FAR_MOMENTS[:4]),
    _moments("TIMESTAMP_NS", _NS_DAYS, [*_FAR, "2024-02-29 12:30:00.000000001"]),
    _moments("TIMESTAMPTZ", _DAYS[:6], [*_FAR, "2024-02-29 12:30:00.000001+05"], "+00"),
    Type("INTERVAL", _cast(_SPANS, "INTERVAL"), "interval"),
    Type("GEOMETRY", _cast(_SHAPES, "GEOMETRY"), "geometry"),
)  # fmt: skip


def _or_null(type: Type, rng: random.Random) -> str:
    return f"NULL::{type.sql}" if rng.random() < NULLS else type.value(rng)


def list_of(item: Type) -> Type:
    sql = f"{item.sql}[]"
    return Type(sql, lambda rng: f"[{_items(item, rng, rng.choice((0, 1, 1, 2, 3)))}]::{sql}", "list", {"item": item})


def array_of(item: Type) -> Type:
    sql = f"{item.sql}[2]"
    return Type(sql, lambda rng: f"[{_items(item, rng, 2)}]::{sql}", "array", {"item": item})


def _items(item: Type, rng: random.Random, count: int) -> str:
    return ", ".join(_or_null(item, rng) for _ in range(count))


def struct_of(a: Type, b: Type) -> Type:
    sql = f"STRUCT(a {a.sql}, b {b.sql})"
    return Type(
        sql, lambda rng: f"{{'a': {_or_null(a, rng)}, 'b': {_or_null(b, rng)}}}::{sql}", "struct", {"a": a, "b": b}
    )


def map_of(key: Type, value: Type) -> Type:
    sql = f"MAP({key.sql}, {value.sql})"

    def draw(rng: random.Random) -> str:
        # DuckDB refuses equal keys, and which are equal depends on the type: one entry or none.
        entry = f"{key.value(rng)}: {_or_null(value, rng)}" if rng.random() < 0.8 else ""
        return f"MAP {{{entry}}}::{sql}"

    return Type(sql, draw, "map", {"key": key, "value": value})


def union_of(x: Type, y: Type) -> Type:
    sql = f"UNION(x {x.sql}, y {y.sql})"

    def draw(rng: random.Random) -> str:
        tag = rng.choice("xy")
        return f"union_value({tag} := {(x if tag == 'x' else y).value(rng)})::{sql}"

    return Type(sql, draw, "union", {"x": x, "y": y})


def draw_type(rng: random.Random, depth: int = 2) -> Type:
    """A scalar type, or one nested to ``depth``."""
    if depth == 0 or rng.random() < 0.72:
        return rng.choice(SCALARS)
    member, other = draw_type(rng, depth - 1), draw_type(rng, depth - 1)
    kind = rng.choice(("list", "list", "array", "struct", "struct", "map", "union"))
    if kind == "list":
        return list_of(member)
    if kind == "array":
        return array_of(member)
    if kind == "map":
        return map_of(rng.choice(SCALARS), member)
    return struct_of(member, other) if kind == "struct" else union_of(member, other)


# Tables


def draw_table(seed: int, types: Sequence[Type] | None = None) -> Table:
    """The table of ``seed``.

    Args:
        seed: equal ones give equal tables.
        types: of its columns; None: drawn.
    """
    rng = random.Random(f"table {seed}")
    types = [draw_type(rng) for _ in range(rng.randint(3, 7))] if types is None else types
    columns = []
    for number, type in enumerate(types):
        pool = [type.value(rng) for _ in range(rng.randint(1, 9))]
        columns.append(Column(f"c{number}", type, pool))
    count = rng.choice((1, 7, 40, 60, 60, 100, 100, 130))
    rows = [["NULL" if rng.random() < NULLS else rng.choice(column.pool) for column in columns] for _ in range(count)]
    return Table(seed, columns, rows)


# Predicates

_OPERATORS = ("=", "<>", "<", "<=", ">", ">=")


def draw_predicate(table: Table, number: int) -> str:
    """Predicate ``number`` over ``table``: a SQL expression of type BOOLEAN."""
    rng = random.Random(f"predicate {table.seed} {number}")
    if rng.random() < 0.25:
        parts = [
            _of(rng.choice(table.columns), rng, rng.choice((0, 0, 1, 2)), table) for _ in range(rng.choice((2, 2, 3)))
        ]
        return f" {rng.choice(('AND', 'AND', 'AND', 'OR'))} ".join(f"({part})" for part in parts)
    return _of(rng.choice(table.columns), rng, rng.choice((0, 0, 0, 1, 1, 2, 3)), table)


def draw_order(table: Table, number: int) -> str:
    """What follows the predicate: nothing, or an order with a limit, which is the same for equal rows."""
    rng = random.Random(f"order {table.seed} {number}")
    if rng.random() < 0.97:
        return ""
    column = rng.choice(table.columns)
    key = f"{column.sql} {rng.choice(('ASC', 'DESC'))} NULLS {rng.choice(('FIRST', 'LAST'))}"
    return f"ORDER BY {key}, id LIMIT {rng.choice((1, 3, 10, 50))}"


def _of(column: Column, rng: random.Random, depth: int, table: Table) -> str:
    """A predicate over one column."""
    if depth > 0:
        kind = rng.random()
        if kind < 0.2:
            return f"NOT ({_of(column, rng, depth - 1, table)})"
        word = "AND" if kind < 0.5 else "OR"
        return f" {word} ".join(f"({_of(column, rng, depth - 1, table)})" for _ in range(rng.choice((2, 2, 3))))
    kind = rng.random()
    own = _OWN.get(column.type.kind)
    if own is not None and kind < 0.4:
        return own(column, rng, table)
    if kind < 0.9:
        return _plain(column, rng)
    return _odd(column, rng, table)


def _constant(column: Column, rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.75:
        return rng.choice(column.pool)
    return f"NULL::{column.type.sql}" if kind < 0.79 else column.type.value(rng)


def _plain(column: Column, rng: random.Random) -> str:
    """What can be asked of values of every type."""
    c, k = column.sql, _constant(column, rng)
    kind = rng.randrange(12)
    if kind < 4:
        operator = rng.choice(_OPERATORS)
        return f"{c} {operator} {k}" if rng.random() < 0.8 else f"{k} {operator} {c}"
    if kind < 6:
        return f"{c} IS {rng.choice(('', 'NOT '))}DISTINCT FROM {k}"
    if kind < 7:
        return f"{c} IS {rng.choice(('', 'NOT '))}NULL"
    if kind < 9:
        between = f"{c} {rng.choice(('', 'NOT '))}BETWEEN {k} AND {_constant(column, rng)}"
        # DuckDB has no BETWEEN for nested types.
        return f"{c} >= {k} OR {c} < {_constant(column, rng)}" if column.type.members else between
    return _in(column, rng)


def _in(column: Column, rng: random.Random) -> str:
    count = rng.choice((1, 2, 2, 3, 5)) if rng.random() < 0.9 else 300
    constants = [_constant(column, rng) for _ in range(count)]
    if rng.random() < 0.2:
        constants.append("NULL")
    if rng.random() < 0.1:
        constants = [f"(SELECT unnest([{', '.join(constants)}]::{column.type.sql}[]))"]
        return f"{column.sql} {rng.choice(('', '', 'NOT '))}IN {constants[0]}"
    return f"{column.sql} {rng.choice(('', '', 'NOT '))}IN ({', '.join(constants)})"


def _odd(column: Column, rng: random.Random, table: Table) -> str:
    """Expressions that are mostly not pushed down, or pushed as something else."""
    c, k = column.sql, _constant(column, rng)
    other = rng.choice(table.columns)
    choices = [
        f"coalesce({c}, {k}) = {k}",
        f"CASE WHEN {c} = {k} THEN true ELSE {c} IS NULL END",
        f"nullif({c}, {k}) IS NULL",
        f"({c} = {k}) IS {rng.choice(('NOT TRUE', 'TRUE', 'NULL', 'NOT FALSE'))}",
        f"{c} = ANY([{k}, {_constant(column, rng)}])",
        f"list_contains([{k}, {_constant(column, rng)}], {c})",
        f"{c}::VARCHAR = ({k})::VARCHAR",
    ]
    if other.type.sql == column.type.sql:
        choices.append(f"{c} {rng.choice(_OPERATORS)} {other.sql}")
    return rng.choice(choices)


# What can be asked of values of some types

_NUMBERS: tuple[str, ...] = (
    "0",
    "1",
    "300",
    "3000000000",
    "3.5",
    "2.0",
    "1.005",
    "-1",
    "1e0",
    "0.1::DOUBLE",
    "'nan'::DOUBLE",
    "2.5::FLOAT",
)
_NUMBERS += (
    "9223372036854775808",
    "99999999999999999999",
    "'inf'::FLOAT",
    "5::HUGEINT",
    "1e300",
    "12345678901234567.89",
)


def _number(column: Column, rng: random.Random, table: Table) -> str:
    c, k, operator = column.sql, rng.choice(_NUMBERS), rng.choice(_OPERATORS)
    if column.type.sql in ("FLOAT", "DOUBLE") and rng.random() < 0.5:
        k = column.type.value(rng)
    return rng.choice(
        [
            f"{c} {operator} {k}",
            f"{k} {operator} {c}",
            f"{c} IN ({k}, {rng.choice(_NUMBERS)})",
            f"{c} BETWEEN {k} AND {rng.choice(_NUMBERS)}",
            f"{c}::DOUBLE {operator} {rng.choice(('0', '1', '2.5', '1e18'))}",
            f"{c}::FLOAT {operator} {rng.choice(('0', '1', '2.5', '16777216'))}",
            f"try_cast({c} AS {rng.choice(('TINYINT', 'BIGINT', 'DECIMAL(9,1)', 'DOUBLE', 'UINTEGER'))}) {operator} 2",
            f"{c}::{rng.choice(('BIGINT', 'HUGEINT', 'DECIMAL(38,10)', 'DECIMAL(18,1)', 'TINYINT'))} {operator} 2",
            f"try_cast({c} AS DOUBLE) + 1 {operator} 2",
            f"{c} + 1 {operator} 6",
            f"-{c} {operator} 1",
            f"{c} % 2 = 0",
            f"abs({c}) {operator} 1",
        ]
    )


def _text(column: Column, rng: random.Random, table: Table) -> str:
    c, k = column.sql, _constant(column, rng)
    part = _quoted(rng.choice(["", "a", "ab", "A", "é", "😀", "b", "xx", "x" * 300, "1", "%", "e"]))
    pattern = rng.choice(["a%", "%a", "%b%", "a_c", "_", "%", "", "é%", "😀%", "x%x", "a\\%", "zz%", "\ufffd%"])
    return rng.choice(
        [
            f"{c} {rng.choice(('', 'NOT '))}LIKE {_quoted(pattern)}",
            f"{c} ILIKE {_quoted(pattern)}",
            f"starts_with({c}, {part})",
            f"{rng.choice(('', 'NOT '))}prefix({c}, {part})",
            f"{c} ^@ {part}",
            f"{rng.choice(('', 'NOT '))}suffix({c}, {part})",
            f"ends_with({c}, {part})",
            f"{rng.choice(('', 'NOT '))}contains({c}, {part})",
            f"starts_with({k}, {c})",
            f"contains({k}, {c})",
            f"starts_with({c}, {k}) OR ends_with({c}, {part})",
            f"regexp_matches({c}, '^a')",
            f"length({c}) > 1",
            f"lower({c}) = 'a'",
            f"{c} || 'x' = 'ax'",
            f"{c} > {part}",
        ]
    )


def _boolean(column: Column, rng: random.Random, table: Table) -> str:
    c = column.sql
    return rng.choice(
        [c, c, f"NOT {c}", f"{c} IS TRUE", f"{c} IS NOT TRUE", f"{c} IS FALSE", f"{c} IS NOT FALSE", f"{c} = true",
         f"NOT {c} OR {c} IS NULL", f"{c} > false", f"{c} = 1", f"{c}::INTEGER >= 1", f"{c}::DOUBLE < 0.5"]
    )  # fmt: skip


def _temporal(column: Column, rng: random.Random, table: Table) -> str:
    c, operator = column.sql, rng.choice(_OPERATORS)
    day = f"DATE {_quoted(rng.choice(_DAYS))}"
    moment = _quoted(f"{rng.choice(_NS_DAYS)} {rng.choice(_CLOCKS)}")
    unit = rng.choice(("year", "quarter", "month", "week", "day", "hour"))
    return rng.choice(
        [
            f"date_trunc('{unit}', {c}) {operator} {day}",
            f"{c} {operator} {day}",
            f"{c}::DATE {operator} {day}",
            f"{c} {operator} {moment}",
            f"{c} {operator} TIMESTAMP {moment}",
            f"{c}::TIMESTAMP {operator} TIMESTAMP {moment}",
            f"{c} IN ({moment}, {day})",
            f"{c} BETWEEN {day} AND {moment}",
            f"year({c}) = 2024",
            f"{c} {operator} TIMESTAMPTZ '2024-02-29 12:30:00+02'",
            f"try_cast({c} AS TIMESTAMP_NS) {operator} TIMESTAMP_NS {moment}",
        ]
    )


def _time(column: Column, rng: random.Random, table: Table) -> str:
    clock = rng.choice((*_CLOCKS, "24:00:00", "12:30:00.000001"))
    return f"{column.sql} {rng.choice(_OPERATORS)} {rng.choice(('', 'TIME '))}'{clock}'"


def _as_text(column: Column, rng: random.Random, table: Table) -> str:
    texts: dict[str, Sequence[str]] = {
        "uuid": _IDS,
        "bit": _BITS,
        "blob": ["a", "ab"],
        "bignum": _BIG,
        "interval": _SPANS,
        "json": _DOCUMENTS,
    }
    text = _quoted(rng.choice(texts[column.type.kind]))
    return rng.choice(
        [
            f"{column.sql} {rng.choice(_OPERATORS)} {text}",
            f"{column.sql} IN ({text}, {_constant(column, rng)})",
            f"{column.sql}::VARCHAR {rng.choice(_OPERATORS)} {text}",
            f"{column.sql}::VARCHAR LIKE '0%'",
        ]
    )


def _struct_field(column: Column, rng: random.Random, table: Table) -> str:
    name = rng.choice(list(column.type.members))
    return _of(
        _member(column, f"{column.sql}.{name}", column.type.members[name], rng), rng, rng.choice((0, 0, 1)), table
    )


def _union_member(column: Column, rng: random.Random, table: Table) -> str:
    if rng.random() < 0.3:
        return f"union_tag({column.sql}) = '{rng.choice('xy')}'"
    return _struct_field(column, rng, table)


def _member(column: Column, sql: str, type: Type, rng: random.Random) -> Column:
    pool = [f"({value}).{name}" for value in column.pool for name in column.type.members if sql.endswith(f".{name}")]
    return Column(sql, type, [type.value(rng), *pool])


def _list_item(column: Column, rng: random.Random, table: Table) -> str:
    c, item = column.sql, column.type.members["item"]
    some = f"({rng.choice(column.pool)})[1]"
    k = some if rng.random() < 0.5 else _or_null(item, rng)
    return rng.choice(
        [
            f"list_contains({c}, {k})",
            f"NOT list_contains({c}, {k})",
            f"list_contains({c}, {k}) OR {c} IS NULL",
            f"array_contains({c}::{item.sql}[], {k})",
            f"{k} IN {c}" if column.type.kind == "list" else f"{k} = {c}[1]",
            f"{c}[1] = {k}",
            f"len({c}::{item.sql}[]) = 1",
            f"list_has_any({c}::{item.sql}[], [{k}])",
        ]
    )


def _map_entry(column: Column, rng: random.Random, table: Table) -> str:
    c, key = column.sql, column.type.members["key"].value(rng)
    return rng.choice([f"cardinality({c}) = 1", f"map_contains({c}, {key})", f"{c}[{key}] IS NOT NULL"])


_OWN: dict[str, Callable[[Column, random.Random, Table], str]] = {
    "boolean": _boolean,
    "integer": _number,
    "decimal": _number,
    "float": _number,
    "text": _text,
    "json": _as_text,
    "uuid": _as_text,
    "bit": _as_text,
    "blob": _as_text,
    "bignum": _as_text,
    "interval": _as_text,
    "date": _temporal,
    "timestamp": _temporal,
    "time": _time,
    "struct": _struct_field,
    "union": _union_member,
    "list": _list_item,
    "array": _list_item,
    "map": _map_entry,
}
