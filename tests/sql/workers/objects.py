"""Tables, views and macros of all sorts, over few functions. Scans leave a line in a file where they are told one."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import duckwing as dw
from duckwing.types import BIGINT, DATE, DECIMAL, DOUBLE, INTEGER, LIST, MAP, STRUCT, VARCHAR

objects = dw.Catalog("objects", comment="Tables, views and macros", version="3")
sales = objects.schema("sales", comment="What was sold", tags={"owner": "tests"})
other = objects.schema("Other One")

ROWS = 20


def ids(count: int) -> dict[str, dw.ColumnStatistics]:
    return {
        "id": dw.ColumnStatistics(0, count - 1, nulls=False, distinct=count),
        "name": dw.ColumnStatistics("n0", "n9", nulls=False),
        "price": dw.ColumnStatistics(0.0, (count - 1) / 2, nulls=False),
        "customer": dw.ColumnStatistics(0, 2, nulls=False),
    }


@objects.table_function(
    columns={"id": BIGINT, "name": VARCHAR, "price": DOUBLE, "customer": INTEGER},
    cardinality=lambda count: dw.Cardinality(count, count),
    statistics=ids,
)
def order_rows(count: int, *, prefix: str = "n") -> Iterator[dict[str, Any]]:
    """Orders."""
    yield {
        "id": range(count),
        "name": [f"{prefix}{i}" for i in range(count)],
        "price": [i / 2 for i in range(count)],
        "customer": [i % 3 for i in range(count)],
    }


@sales.table_function(columns={"id": BIGINT, "email": VARCHAR})
def customer_rows() -> Iterator[tuple[int, str]]:
    """Customers."""
    for number in range(3):
        yield number, f"{number}@example.org"


sales.table(
    "orders",
    order_rows,
    args=[ROWS],
    comment="All orders",
    tags={"kind": "facts"},
    column_comments={"id": "Number of the order", "total": "Price with tax"},
    primary_key="id",
    not_null=["id", "name"],
    unique=["name", ["customer", "name"]],
    checks=["price >= 0", "length(name) > 1 AND name <> ';'"],
    foreign_keys=[
        dw.ForeignKey(["customer"], "customers", ["id"]),
        dw.ForeignKey(["id"], "Other One.Ledger", ["Order Number"]),
    ],
    defaults={"price": "1.5", "name": "'new' || ';'"},
    generated={"total": dw.Generated(DOUBLE, "price * 1.25"), "label": dw.Generated(VARCHAR, "name || '#' || id")},
)
sales.table("customers", customer_rows, primary_key=["id"])
sales.table("plain", order_rows, args=[3], named={"PREFIX": "p"})


@sales.table_function(
    columns={"id": BIGINT}, cardinality=dw.Cardinality(50, 60), statistics={"id": dw.ColumnStatistics(1, 50)}
)
def measured_rows() -> Iterator[dict[str, Any]]:
    """Rows of which all is known beforehand."""
    yield {"id": range(1, 51)}


sales.table("measured", measured_rows)


@other.table_function(columns={"Order Number": BIGINT, "sum": DOUBLE})
def ledger_rows() -> Iterator[tuple[int, float]]:
    """A ledger."""
    for number in range(5):
        yield number, number * 10.0


other.table(
    "Ledger",
    ledger_rows,
    primary_key="Order Number",
    column_comments={"Order Number": "It's quoted"},
    generated={"Double Sum": dw.Generated(DOUBLE, '"sum" * 2')},
)
other.table("orders", ledger_rows, comment="Of the same name as another one")
other.table('a "quoted" table', ledger_rows)


# Row ids


@sales.table_function(columns={"key": BIGINT, "a": VARCHAR, "b": VARCHAR}, late_materialization=True)
def keyed_rows(ctx: dw.Context, file: str = "") -> Iterator[dict[str, Any]]:
    """Rows with a key; a line in ``file`` for each scan."""
    if file:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"columns": ctx.columns, "filters": str(ctx.filters)}) + "\n")
    yield {
        "key": [10 * i for i in range(1000)],
        "a": [f"a{(i * 7) % 1000:03}" for i in range(1000)],
        "b": [f"b{i}" for i in range(1000)],
    }


sales.table(
    "keyed", keyed_rows, row_id="key", comment="A hidden key", generated={"ab": dw.Generated(VARCHAR, "a || b")}
)


@sales.table_function(columns={"a": INTEGER, "uid": VARCHAR})
def named_rows() -> Iterator[tuple[int, str]]:
    """Rows with a key that is text, and not their first column."""
    for number in range(4):
        yield number, f"id-{number}"


sales.table("named", named_rows, row_id="uid", not_null=["a"], unique=["a"])


# Required filters


@sales.table_function(columns={"id": BIGINT, "place": STRUCT({"city": VARCHAR, "zip": INTEGER}), "day": DATE})
def big_rows() -> Iterator[tuple[int, dict[str, Any], datetime.date]]:
    """Rows that are said to be many."""
    for number in range(10):
        yield number, {"city": f"c{number}", "zip": number}, datetime.date(2024, 1, 1 + number)


sales.table("big", big_rows, required_filters=["id", ["day", "place.city"]])


# Arguments that cannot travel as they are


@objects.table_function(columns={"said": VARCHAR})
def say(
    day: datetime.date,
    numbers: list[int],
    pair: Annotated[dict[str, Any], STRUCT({"a": INTEGER, "b": LIST(VARCHAR)})],
    price: Annotated[Decimal, DECIMAL(10, 2)],
    *,
    nothing: int | None = None,
    until: datetime.datetime | None = datetime.datetime(2020, 1, 1),
    table: Annotated[dict[str, int] | None, MAP(VARCHAR, INTEGER)] = None,
    raw: bytes = b"\0",
    flag: bool = True,
) -> Iterator[tuple[str]]:
    """The arguments as they arrive."""
    yield (repr((day, numbers, pair, price, nothing, until, table, raw, flag)),)


ARGUMENTS = (datetime.date(2024, 2, 29), [1, None, 3], {"a": 1, "b": ["x", None]}, Decimal("12.30"))
objects.table("packed", say, args=ARGUMENTS)
objects.table(
    "packed_too",
    say,
    args=ARGUMENTS,
    named={"nothing": 5, "until": None, "table": {"k": 1}, "raw": b"\xff\0", "FLAG": False},
)


@objects.table_function(columns={"said": VARCHAR})
def say_plain(text: str, *values: float, limit: int | None = 3, raw: bytes = b"") -> Iterator[tuple[str]]:
    """The arguments as they arrive."""
    yield (repr((text, values, limit, raw)),)


objects.table("as_typed", say_plain, args=["it's; é", 1, 2.5], named={"limit": 7, "raw": b"a\0b"})
objects.table("no_limit", say_plain, args=[""], named={"limit": None})


@objects.table_function(columns={"said": VARCHAR})
def say_any(value: Any) -> Iterator[tuple[str]]:
    """The argument as it arrives."""
    yield (repr(value),)


objects.table("any_number", say_any, args=[5])
objects.table("any_list", say_any, args=[[1, 2]])


# Columns that are computed


def letters(count: int) -> dw.Bound:
    if count < 0:
        raise LookupError(f"no {count} letters")
    return dw.Bound({chr(ord("a") + n): BIGINT for n in range(count)}, data={"start": 100})


@objects.table_function(columns=letters)
def wide(count: int, ctx: dw.Context) -> Iterator[dict[str, list[int]]]:
    """As many columns as are asked for."""
    yield {chr(ord("a") + n): [n + ctx.bound["start"]] for n in range(count)}


objects.table("five", wide, args=[5], primary_key=["a", "e"])
objects.table("broken", wide, args=[-1])
objects.table("mistaken", wide, args=[2], primary_key="c")

# Settings

objects.setting("objects_word", VARCHAR, default="x", description="What asks() gives")


@objects.table_function(columns={"word": VARCHAR})
def asks(ctx: dw.Context) -> Iterator[tuple[str]]:
    """What the setting says."""
    yield (ctx.settings["objects_word"],)


objects.table("asked", asks)
objects.view("asked_by_view", "FROM asks()")


@objects.scalar
def shout(text: str) -> str:
    """Louder."""
    return text.upper() + "!"


@sales.scalar
def whisper(text: str) -> str:
    """Softer."""
    return text.lower()


# Views

sales.view(
    "dear",
    "SELECT id, name, total FROM sales.orders WHERE price > 5 -- the better half",
    comment="Orders above 5",
    tags={"kind": "view"},
    column_comments={"total": "With tax", "nosuch": "ignored"},
)
sales.view("over_function", "SELECT id + 1 AS next FROM order_rows(3)")
sales.view("over_macro", "SELECT sales.twice(id) AS double FROM sales.plain")
other.view("Over View", "FROM sales.dear WHERE id > 15")
objects.view("shouted", "SELECT shout(name) AS name FROM sales.plain")
objects.view("with_cte", "WITH t AS (SELECT 1 AS one) SELECT one, ')' AS bracket, $$;$$ AS semicolon FROM t")
objects.view("literal_rows", "VALUES (1, 'a'), (2, 'b')")

# Macros

sales.macro("twice", ["x"], "x * 2", comment="Two times", tags={"kind": "macro"}, docs={"x": "a number"})
sales.macro(
    "greet",
    {"name": ..., "greeting": "Hel'lo", "times": 2, "loud": False, "scale": 1.5},
    "repeat(greeting || ', ' || name, times) || CASE WHEN loud THEN '!' ELSE '' END || scale",
)
sales.macro("soft", ["text"], "whisper(text) || '…'")
objects.macro("loud", ["text"], "shout(text)")
sales.macro("astray", ["text"], "shout(text)")  # in another schema, where no macro looks
sales.macro("first_id", ["more"], "(SELECT min(id) FROM sales.orders) + more")
sales.macro("pair", [], "(SELECT 1 AS one) UNION ALL (SELECT 2) ORDER BY one")
sales.macro("numbered", {"n": 3}, "SELECT i FROM range(n) AS t(i)", comment="Numbers")
sales.macro("top_orders", {"n": 3}, "SELECT id FROM sales.orders ORDER BY id DESC LIMIT n")
objects.macro("now_and_then", [], "42")

if __name__ == "__main__":
    dw.Worker(objects).run()
