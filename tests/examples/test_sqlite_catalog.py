"""The example that shows and writes a SQLite file."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import duckwing

EXAMPLE = Path(__file__).parents[2] / "examples" / "sqlite_catalog"

pytestmark = pytest.mark.sql


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the demo, with a few odd tables more."""
    path = tmp_path / "shop.db"
    spec = importlib.util.spec_from_file_location("make_data", EXAMPLE / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(str(path))
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript("""
            CREATE TABLE kinds (i INT, r REAL, t TEXT DEFAULT 'it''s', b BLOB, f BOOLEAN, n DEFAULT (1 + 1));
            INSERT INTO kinds VALUES (-9223372036854775808, 1e308, 'ä' || char(0), x'00ff', 1, NULL);
            INSERT INTO kinds VALUES (NULL, NULL, NULL, NULL, NULL, NULL);
            CREATE TABLE keyed (k TEXT PRIMARY KEY, v INT) WITHOUT ROWID;
            INSERT INTO keyed VALUES ('a', 1);
            CREATE TABLE numbered (rowid TEXT, v INT);
            CREATE VIEW large AS SELECT id, amount FROM orders WHERE amount > 1245;
            CREATE TABLE "odd ""name" ("a b" INT);
        """)
    return path


@pytest.fixture
def shop(engine: None, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file, attached."""
    with duckwing.connect(threads=4) as connection:
        place = duckwing.location(EXAMPLE / "worker.py").replace("'", "''")
        connection.execute(f"ATTACH 'sqlite' AS shop (TYPE vgi, LOCATION '{place}', file '{file}')")
        yield connection


def in_sqlite(file: Path, query: str) -> list[Any]:
    """What SQLite says."""
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute(query).fetchall()


def test_demo(shop: duckdb.DuckDBPyConnection, file: Path) -> None:
    results = []
    for statement in duckdb.extract_statements((EXAMPLE / "demo.sql").read_text("utf-8")):
        found = shop.execute(statement.query).fetchall()
        if statement.type == duckdb.StatementType.SELECT:
            results.append(found)
    wanted = "SELECT id, amount FROM orders WHERE customer = 3 AND amount > 1200 ORDER BY id"
    assert results[0] == in_sqlite(file, wanted)
    assert len(results[0]) == 8
    assert [name for name, *_ in results[1]] == ["Donald", "Barbara", "Edsger"]
    assert results[2] == [("Barbara", True), ("Donald", True)]
    assert results[3] == [("Ada",), ("Edsger",), ("Grace",)]
    assert in_sqlite(file, "SELECT name FROM customers WHERE active ORDER BY name") == [("Barbara",), ("Donald",)]


@pytest.mark.full
def test_odd_tables(shop: duckdb.DuckDBPyConnection, file: Path) -> None:
    assert shop.execute("FROM shop.kinds ORDER BY i NULLS LAST").fetchall() == [
        (-(2**63), 1e308, "ä\0", b"\0\xff", True, None),
        (None, None, None, None, None, None),
    ]
    assert shop.execute("FROM shop.KEYED WHERE k = 'a'").fetchall() == [("a", 1)]
    assert shop.execute("SELECT count(*) FROM shop.large WHERE amount < 1247").fetchone() == (1,)
    shop.execute('INSERT INTO shop."odd ""name" VALUES (1), (2)')
    assert shop.execute('DELETE FROM shop."odd ""name" WHERE "a b" = 1').fetchone() == (1,)
    shop.execute("INSERT INTO shop.keyed VALUES ('b', 2)")
    assert in_sqlite(file, "SELECT * FROM keyed ORDER BY k") == [("a", 1), ("b", 2)]
    for table in ("keyed", "numbered", "large"):
        with pytest.raises(duckdb.BinderException, match="does not support DELETE"):
            shop.execute(f"DELETE FROM shop.{table}")
    shop.execute("INSERT INTO shop.kinds (i) VALUES (5)")
    assert in_sqlite(file, "SELECT t, n FROM kinds WHERE i = 5") == [("it's", None)]


@pytest.mark.full
def test_constraints(shop: duckdb.DuckDBPyConnection, file: Path) -> None:
    with pytest.raises(duckdb.Error, match=r"IntegrityError: UNIQUE constraint failed: customers.name"):
        shop.execute("INSERT INTO shop.customers (name) VALUES ('Alan'), ('Ada')")
    assert shop.execute("SELECT count(*) FROM shop.customers").fetchone() == (5,)
    shop.execute("INSERT INTO shop.customers (name) VALUES ('Alan')")
    assert in_sqlite(file, "SELECT id, name, active FROM customers WHERE id > 5") == [(6, "Alan", 1)]
    with pytest.raises(duckdb.Error, match="SQLite has no type for date32"):
        shop.execute("CREATE TABLE shop.days AS SELECT DATE '2024-01-01' AS day")
    shop.execute("CREATE TABLE shop.made (a INTEGER PRIMARY KEY, b FLOAT NOT NULL DEFAULT 1.5, CHECK (b < 10))")
    shop.execute("INSERT INTO shop.made (a) VALUES (1)")
    with pytest.raises(duckdb.Error, match="CHECK constraint failed"):
        shop.execute("INSERT INTO shop.made VALUES (2, 11)")
    assert in_sqlite(file, "SELECT * FROM made") == [(1, 1.5)]
    for change in ("ADD COLUMN c VARCHAR", "RENAME COLUMN b TO bb", "DROP COLUMN c", "RENAME TO made2"):
        shop.execute(f"ALTER TABLE shop.made {change}")
    assert shop.execute("FROM shop.made2").fetchall() == [(1, 1.5)]


@pytest.mark.full
def test_views(shop: duckdb.DuckDBPyConnection, file: Path) -> None:
    shop.execute("CREATE VIEW shop.half AS SELECT id, 'it''s ' || id / 2 AS half FROM shop.customers")
    assert shop.execute("SELECT half FROM shop.HALF WHERE id = 1").fetchall() == [("it's 0.5",)]  # SQLite would say 0
    with pytest.raises(duckdb.Error, match="already exists"):
        shop.execute("CREATE VIEW shop.half AS SELECT 1 AS x")
    for name in ("orders", "large"):
        with pytest.raises(duckdb.Error, match="already exists"):
            shop.execute(f"CREATE OR REPLACE VIEW shop.{name} AS SELECT 1 AS x")
    shop.execute("ALTER VIEW shop.half RENAME TO halves")
    assert shop.execute("SELECT count(*) FROM shop.halves").fetchone() == (5,)
    listed = "SELECT view_name FROM duckdb_views() WHERE database_name = 'shop'"
    assert shop.execute(listed).fetchall() == [("halves",)]
    for end, left in (("ROLLBACK", True), ("COMMIT", False)):
        shop.execute("BEGIN")
        shop.execute("DROP VIEW shop.halves")
        shop.execute("CREATE VIEW shop.other AS SELECT 2 AS two")
        assert shop.execute("FROM shop.other").fetchall() == [(2,)]
        shop.execute(end)
        names = {name for (name,) in in_sqlite(file, "SELECT name FROM sqlite_schema WHERE type = 'view'")}
        assert names == {"large", "halves" if left else "other"}
        with pytest.raises(duckdb.Error, match="does not exist"):
            shop.execute("FROM shop.other" if left else "FROM shop.halves")


def test_rows_that_are_wanted_and_no_others_leave_sqlite(shop: duckdb.DuckDBPyConnection) -> None:
    [(_, plan)] = shop.execute("EXPLAIN ANALYZE SELECT amount FROM shop.orders WHERE id = 17").fetchall()
    assert "rows read: 1" in plan.lower() or "1 row" in plan.lower()
    conditions = ["id IN (1, 5, 9999)", "amount BETWEEN 10 AND 20", "amount > 1e9 OR id < 4", "customer IS NULL"]
    for condition in conditions:
        query = f"SELECT id FROM {{}} WHERE {condition} ORDER BY id"
        shop.execute("CREATE OR REPLACE TEMP TABLE orders AS FROM shop.orders")
        assert shop.execute(query.format("shop.orders")).fetchall() == shop.execute(query.format("orders")).fetchall()


def test_a_file_that_is_not_there(engine: None, tmp_path: Path) -> None:
    with duckwing.connect() as connection:
        place = duckwing.location(EXAMPLE / "worker.py").replace("'", "''")
        with pytest.raises(duckdb.Error, match="there is no file"):
            connection.execute(f"ATTACH 'sqlite' AS x (TYPE vgi, LOCATION '{place}', file '{tmp_path}/none.db')")
        with pytest.raises(duckdb.Error, match="cannot be attached without the required option 'file'"):
            connection.execute(f"ATTACH 'sqlite' AS x (TYPE vgi, LOCATION '{place}')")


HOSTILE = [
    'a"b',
    "a'b",
    "a.b.c",
    'x"; DROP TABLE orders; --',
    "x'); DELETE FROM orders; --",
    "ünï çödé 🦆",
    "%s ? :x $1 {0}",
    "select",
    "two\nlines",
    "n" * 10_000,
]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, id=str(n), marks=() if n == 0 else pytest.mark.full) for n, name in enumerate(HOSTILE)],
)
def test_names_are_data(shop: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    """A name or a value, however hostile, is never SQL."""
    orders = in_sqlite(file, "SELECT count(*) FROM orders")
    sql = '"' + name.replace('"', '""') + '"'
    value = "'" + name.replace("'", "''") + "'"
    shop.execute(f"CREATE TABLE shop.{sql} ({sql} VARCHAR, n BIGINT)")
    shop.execute(f"INSERT INTO shop.{sql} VALUES ({value}, 1), ('other', 2), (NULL, 3)")
    shop.execute(f"UPDATE shop.{sql} SET n = 10 WHERE {sql} = {value}")
    shop.execute(f"DELETE FROM shop.{sql} WHERE {sql} IN ('other', 'nobody')")
    assert shop.execute(f"SELECT {sql}, n FROM shop.{sql} WHERE {sql} = {value}").fetchall() == [(name, 10)]
    assert shop.execute(f"SELECT n FROM shop.{sql} WHERE starts_with({sql}, {value})").fetchall() == [(10,)]
    assert shop.execute(f"SELECT n FROM shop.{sql} ORDER BY n").fetchall() == [(3,), (10,)]
    shop.execute(f"ALTER TABLE shop.{sql} RENAME COLUMN {sql} TO plain")
    assert shop.execute(f"SELECT plain FROM shop.{sql} WHERE plain IS NOT NULL").fetchall() == [(name,)]
    shop.execute(f"DROP TABLE shop.{sql}")
    assert in_sqlite(file, "SELECT count(*) FROM orders") == orders
    assert in_sqlite(file, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'n%n'") == [(0,)]
