"""``call`` gives what SQL gives: the same worker, both ways."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from duckwing.testing import call, sql

if TYPE_CHECKING:
    import duckdb

pytestmark = pytest.mark.sql

WORKER = """
import datetime
import decimal
import uuid
from collections.abc import Iterator
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, DECIMAL, HUGEINT, VARCHAR

demo = dw.Catalog("demo")


@demo.scalar
def shown(
    a: Annotated[int, HUGEINT], b: uuid.UUID, c: Annotated[decimal.Decimal, DECIMAL(9, 2)], d: bool | None
) -> str:
    return f"{a} {b} {c} {d}"


@demo.scalar
def moved(when: datetime.datetime, by: datetime.timedelta, list: list[int | None]) -> datetime.datetime:
    return when + by * len(list)


@demo.scalar
def summed(first: pa.Int64Array, second: pa.Int64Array) -> pa.Int64Array:
    assert not first.null_count and not second.null_count
    return pc.add(first, second)


@demo.row_function(columns={"part": VARCHAR, "n": BIGINT})
def parts(text: str, separator: str) -> Iterator[tuple[str, int]]:
    for n, part in enumerate(text.split(separator)):
        yield part, n


@demo.table_in_out(columns={"columns": VARCHAR, "rows": BIGINT})
def described(rows: pa.RecordBatch, title: str) -> Iterator[tuple[str, int]]:
    yield title + " ".join(f"{f.name}:{f.type}" for f in rows.schema), rows.num_rows


@demo.buffering(ordered=True)
def reverse(rows: pa.Table) -> pa.Table:
    return rows.take(list(range(rows.num_rows))[::-1])


@demo.aggregate
class listed:
    items: list[str]

    def __init__(self) -> None:
        self.items = []

    def update(self, item: str) -> None:
        self.items.append(item)

    def merge(self, other: "listed") -> None:
        self.items += other.items

    def result(self) -> str:
        return ",".join(self.items)
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("parity") / "worker.py"
    path.write_text(WORKER)
    spec = importlib.util.spec_from_file_location("parity_worker", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def database(engine: None, worker: ModuleType) -> Iterator[duckdb.DuckDBPyConnection]:
    with sql(worker, threads=1) as connection:
        yield connection


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize(
    ("function", "columns"),
    [
        ("shown", "a::HUGEINT AS a, b::UUID AS b, c::DECIMAL(9, 2) AS c, d::BOOLEAN AS d FROM (VALUES "
            "(170141183460469231731687303715884105727, 'c0ffee00-0000-4000-8000-000000000001', 1.5, true), "
            "(-1, 'c0ffee00-0000-4000-8000-000000000002', -2, NULL), (NULL, NULL, 1, false)) AS t(a, b, c, d)"),
        ("moved", "a::TIMESTAMP AS a, b::INTERVAL AS b, c::BIGINT[] AS c FROM (VALUES "
            "('2024-02-28 12:00:00.000001', '1 day 2 hours', [1, NULL]), ('2024-01-01', '1 day', []), "
            "(NULL, '1 day', [1])) AS t(a, b, c)"),
        ("summed", "a::BIGINT AS a, b::BIGINT AS b FROM (VALUES (1, 2), (NULL, 3), (4, NULL), (5, -6)) AS t(a, b)"),
        ("summed", "range AS a, range % 7 AS b FROM range(5000)"),
    ],
)  # fmt: skip
def test_scalars(worker: ModuleType, database: duckdb.DuckDBPyConnection, function: str, columns: str) -> None:
    arguments = database.execute(f"SELECT {columns}").to_arrow_table()
    names = ", ".join(arguments.schema.names)
    expected = database.execute(f"SELECT demo.main.{function}({names}) FROM (SELECT {columns})").to_arrow_table()
    declared = getattr(worker, function)
    from_arrow = call(declared, *arguments.columns)
    assert from_arrow.to_pylist() == expected.column(0).to_pylist()
    assert from_arrow.type == expected.column(0).type


def test_functions_in_from(worker: ModuleType, database: duckdb.DuckDBPyConnection) -> None:
    texts = ["a-b", None, "", "c-d-e"]
    query = "SELECT text, '-' AS separator, part, n FROM (SELECT unnest(?) AS text), demo.main.parts(text, '-')"
    expected = database.execute(f"{query} ORDER BY ALL", [texts]).fetchall()
    assert sorted(rows(call(worker.parts, texts, "-", lateral=True))) == expected

    query = "SELECT range::INTEGER AS a, 'x' || range AS b, [range] AS c FROM range(5000)"
    table = database.execute(query).to_arrow_table()
    expected = database.execute(f"FROM demo.main.described(({query}), 't ')").fetchall()
    assert rows(call(worker.described, table, "t ")) == expected
    expected = database.execute(f"SELECT a, b FROM demo.main.reverse(({query}))").fetchall()
    assert rows(call(worker.reverse, table).select(["a", "b"])) == expected


def test_aggregates(worker: ModuleType, database: duckdb.DuckDBPyConnection) -> None:
    data = "(VALUES (1, 'a'), (2, 'b'), (1, NULL), (3, NULL), (1, 'c')) AS t(g, v)"
    expected = database.execute(f"SELECT g, demo.main.listed(v) FROM {data} GROUP BY g").fetchall()
    assert call(worker.listed, ["a", "b", None, None, "c"], groups=[1, 2, 1, 3, 1]) == dict(expected)
    [(nothing,)] = database.execute(f"SELECT demo.main.listed(v) FROM {data} WHERE g > 3").fetchall()
    assert call(worker.listed, []) == nothing
