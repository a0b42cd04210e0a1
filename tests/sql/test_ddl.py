"""Schemas, views, comments and columns that statements change, and what ROLLBACK leaves of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import NOT_POOLED, POOLED
from .session import Session, attach_statement, literal, location

pytestmark = pytest.mark.sql

LOCATION = location("ddl")


@pytest.fixture(scope="module")
def shared(open_session: Callable[..., Session], tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A database that tests share; each has objects of its own."""
    session = open_session(threads=2)
    attach(session, tmp_path_factory.mktemp("ddl") / "state.json")
    return session


def attach(session: Session, file: Path, catalog: str = "everything", alias: str = "e", options: str = POOLED) -> None:
    session.execute(attach_statement(LOCATION, catalog, alias, f"file {literal(str(file))}, {options}"))


# Views


def test_views_come_and_go(shared: Session) -> None:
    shared.execute("CREATE TABLE e.base AS SELECT range AS i FROM range(4)")
    shared.execute("CREATE VIEW e.even AS SELECT i FROM e.base WHERE i % 2 = 0")
    assert shared.values("SELECT i FROM e.EVEN ORDER BY i") == [0, 2]
    assert "view 'even' already exists" in shared.error("CREATE VIEW e.even AS SELECT 1 AS x").lower()
    shared.execute("CREATE VIEW IF NOT EXISTS e.even AS SELECT 1 AS x")
    assert shared.values("FROM e.even ORDER BY i") == [0, 2]
    shared.execute("CREATE OR REPLACE VIEW e.even AS SELECT 7 AS seven")
    assert shared.rows("SELECT * FROM e.even") == [(7,)]
    shared.execute("ALTER VIEW e.even RENAME TO odd")
    assert shared.values("FROM e.odd") == [7]
    assert "does not exist" in shared.error("FROM e.even")
    assert "odd" in shared.values("SELECT view_name FROM duckdb_views() WHERE database_name = 'e'")
    shared.execute("DROP VIEW e.odd")
    shared.execute("DROP VIEW IF EXISTS e.odd")
    assert "does not exist" in shared.error("FROM e.odd")


def test_a_view_of_its_own_catalog_outlives_the_alias(shared: Session, open_session: Callable[..., Session]) -> None:
    shared.execute("CREATE TABLE e.seven AS SELECT 7 AS n")
    shared.execute("USE e")
    shared.execute("CREATE VIEW e.portable AS SELECT n FROM seven")
    shared.execute("USE memory")
    assert shared.rows("FROM e.portable") == [(7,)]
    definition = shared.value("SELECT sql FROM duckdb_views() WHERE view_name = 'portable'")
    assert "e.seven" not in definition


@pytest.mark.full
def test_a_table_and_a_view_share_their_names(shared: Session) -> None:
    shared.execute("CREATE TABLE e.taken (i INTEGER)")
    shared.execute("CREATE VIEW e.viewed AS SELECT 1 AS x")
    assert "already exists" in shared.error("CREATE OR REPLACE VIEW e.taken AS SELECT 1 AS x")
    assert "already exists" in shared.error("CREATE OR REPLACE TABLE e.viewed (i INTEGER)")
    assert shared.rows("FROM e.taken") == []
    assert shared.rows("FROM e.viewed") == [(1,)]
    for statement in ("DROP VIEW e.declared", "CREATE OR REPLACE VIEW e.declared AS SELECT 3"):
        assert "'declared' in schema 'main' is declared by the worker; it cannot be changed" in shared.error(statement)
    assert shared.rows("FROM e.declared") == [(1,)]


# Schemas


@pytest.mark.parametrize("options", [POOLED, pytest.param(NOT_POOLED, marks=pytest.mark.full)])
def test_schemas_come_and_go(open_session: Callable[..., Session], tmp_path: Path, options: str) -> None:
    session = open_session(options)
    attach(session, tmp_path / "state.json", options=options)
    session.execute("CREATE SCHEMA e.sales")
    assert "schema 'sales' already exists" in session.error("CREATE SCHEMA e.SALES").lower()
    session.execute("CREATE SCHEMA IF NOT EXISTS e.sales")
    session.execute("CREATE TABLE e.sales.orders AS SELECT range AS n, 'x' AS v FROM range(3)")
    session.execute("INSERT INTO e.sales.orders VALUES (7, 'y')")
    assert session.value("UPDATE e.sales.orders SET v = 'z' WHERE n > 1") == 2
    assert session.rows("DELETE FROM e.sales.orders WHERE n = 0 RETURNING *") == [(0, "x")]
    assert session.rows("FROM e.sales.orders ORDER BY n") == [(1, "x"), (2, "z"), (7, "z")]
    session.execute("CREATE VIEW e.sales.dear AS SELECT n FROM e.sales.orders WHERE n > 5")
    assert session.values("FROM e.sales.dear") == [7]
    session.execute("CREATE TABLE e.orders AS SELECT 'main' AS home")
    assert session.values("FROM e.orders") == ["main"]
    assert session.values("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'e' ORDER BY 1") == [
        "fixed",
        "main",
        "sales",
    ]
    message = session.error("DROP SCHEMA e.sales")
    assert "schema 'sales' still has orders, dear; DROP SCHEMA … CASCADE drops all" in message
    session.execute("CREATE OR REPLACE SCHEMA e.sales")
    session.execute("CREATE TABLE e.sales.orders AS SELECT 'new' AS v")
    assert session.rows("FROM e.sales.orders") == [("new",)]
    assert "schema 'fixed' is declared by the worker" in session.error("CREATE OR REPLACE SCHEMA e.fixed")
    session.execute("DROP SCHEMA e.sales CASCADE")
    session.execute("DROP SCHEMA IF EXISTS e.sales")
    assert "does not exist" in session.error("FROM e.sales.orders")
    assert "schema 'fixed' is declared by the worker; it cannot be dropped" in session.error("DROP SCHEMA e.fixed")
    assert session.rows("FROM e.fixed.declared") == [(2,)]
    session.close()


# Columns and comments


def test_columns_change(shared: Session) -> None:
    shared.execute("CREATE TABLE e.columns (i INTEGER, v VARCHAR DEFAULT 'a')")
    described = 'SELECT column_type, "null", "default" FROM (DESCRIBE e.columns)'
    shared.execute("ALTER TABLE e.columns ALTER i SET DATA TYPE BIGINT")
    shared.execute("ALTER TABLE e.columns ALTER i SET NOT NULL")
    shared.execute("ALTER TABLE e.columns ALTER v SET DEFAULT 'b' || 'c'")
    assert shared.rows(described) == [("BIGINT", "NO", None), ("VARCHAR", "YES", "('b' || 'c')")]
    shared.execute("INSERT INTO e.columns (i) VALUES (1)")
    shared.execute("ALTER TABLE e.columns ALTER i DROP NOT NULL")
    shared.execute("ALTER TABLE e.columns ALTER v DROP DEFAULT")
    assert shared.rows(described) == [("BIGINT", "YES", None), ("VARCHAR", "YES", None)]
    assert shared.rows("FROM e.columns") == [(1, "bc")]


def test_comments(shared: Session) -> None:
    shared.execute("CREATE TABLE e.commented (i INTEGER)")
    shared.execute("CREATE VIEW e.commented_view AS SELECT 1 AS one")
    shared.execute("COMMENT ON TABLE e.commented IS 'of a table'")
    shared.execute("COMMENT ON COLUMN e.commented.i IS 'of a column'")
    shared.execute("COMMENT ON VIEW e.commented_view IS 'of a view'")
    assert shared.rows("FROM e.commented") == []  # a listing shows what the last query found
    table = "SELECT comment FROM duckdb_tables() WHERE database_name = 'e' AND table_name = 'commented'"
    column = "SELECT comment FROM duckdb_columns() WHERE database_name = 'e' AND table_name = 'commented'"
    view = "SELECT comment FROM duckdb_views() WHERE database_name = 'e' AND view_name = 'commented_view'"
    assert [shared.value(query) for query in (table, column, view)] == ["of a table", "of a column", "of a view"]
    shared.execute("COMMENT ON TABLE e.commented IS NULL")
    assert shared.rows("FROM e.commented") == []
    assert shared.value(table) is None
    assert shared.value(column) == "of a column"


# Transactions

LISTED = """
    SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = 'e' UNION ALL
    SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE database_name = 'e' UNION ALL
    SELECT schema_name || '.' FROM duckdb_schemas() WHERE database_name = 'e' ORDER BY 1
"""


@pytest.mark.parametrize("options", [POOLED, pytest.param(NOT_POOLED, marks=pytest.mark.full)])
@pytest.mark.parametrize("end", ["ROLLBACK", "COMMIT"])
def test_a_transaction_of_definitions(
    open_session: Callable[..., Session], tmp_path: Path, end: str, options: str
) -> None:
    session = open_session(options)
    attach(session, tmp_path / "state.json", options=options)
    session.execute("CREATE TABLE e.old AS SELECT 1 AS i")
    session.execute("CREATE VIEW e.shown AS SELECT 'before' AS text")
    before = session.values(LISTED)
    session.execute("BEGIN")
    session.execute("CREATE SCHEMA e.new")
    session.execute("CREATE TABLE e.new.t AS SELECT 2 AS i")
    session.execute("CREATE VIEW e.new.v AS SELECT i + 1 AS j FROM e.new.t")
    session.execute("CREATE OR REPLACE VIEW e.shown AS SELECT 'after' AS text")
    session.execute("ALTER TABLE e.old ALTER i SET DATA TYPE VARCHAR")
    session.execute("COMMENT ON TABLE e.old IS 'changed'")
    session.execute("DROP VIEW e.shown")
    session.execute("CREATE VIEW e.seen AS SELECT 'seen' AS text")
    assert session.rows("FROM e.new.v") == [(3,)]
    assert session.rows("FROM e.seen") == [("seen",)]
    assert session.rows("FROM e.old") == [("1",)]  # a listing shows what the last query found
    within = session.values(LISTED)
    assert set(within) - set(before) == {"new.", "new.t", "new.v", "main.seen"}
    assert set(before) - set(within) == {"main.shown"}
    session.execute(end)
    assert session.value("SELECT count(*) FROM e.old") == 1
    left = session.values(LISTED)
    kinds = "SELECT column_type FROM (DESCRIBE e.old)"
    if end == "COMMIT":
        assert left == within
        assert session.rows("FROM e.new.v") == [(3,)]
        assert session.value(kinds) == "VARCHAR"
    else:
        assert left == before
        assert session.rows("FROM e.shown") == [("before",)]
        assert session.value(kinds) == "INTEGER"
        assert "does not exist" in session.error("FROM e.new.t")
        assert "does not exist" in session.error("FROM e.seen")
    session.close()


@pytest.mark.parametrize(
    ("statement", "used", "kept"),
    [
        ("CREATE VIEW e.never AS SELECT 1 AS x", "FROM e.never", "Table with name never does not exist"),
        ("CREATE SCHEMA e.never", "CREATE TABLE e.never.t (i INTEGER)", "Schema 'never' not found"),
        ("CREATE TABLE e.never (i INTEGER)", "FROM e.never", "Table with name never does not exist"),
    ],
)
@pytest.mark.parametrize("explicit", [False, True])
def test_a_statement_that_is_refused_leaves_nothing(
    shared: Session, statement: str, used: str, kept: str, explicit: bool
) -> None:
    if explicit:
        shared.execute("BEGIN")
    assert "nothing may be called so" in shared.error(statement)
    if explicit:
        shared.execute("ROLLBACK")
    assert kept in shared.error(used)
    assert "never" not in "".join(shared.values(LISTED))


# Refusals


@pytest.mark.parametrize(
    ("statement", "operation", "name"),
    [
        ("CREATE VIEW t.v AS SELECT 1 AS x", "CREATE VIEW", "create_view"),
        ("DROP VIEW t.there", "DROP VIEW", "drop_view"),
        ("ALTER VIEW t.there RENAME TO x", "RENAME VIEW", "rename_view"),
        ("COMMENT ON VIEW t.there IS 'x'", "COMMENT", "comment"),
        ("CREATE SCHEMA t.s", "CREATE SCHEMA", "create_schema"),
        ("DROP SCHEMA t.more CASCADE", "DROP SCHEMA", "drop_schema"),
        ("ALTER TABLE t.base ALTER i SET NOT NULL", "SET NOT NULL", "set_not_null"),
    ],
)
def test_what_a_provider_does_not_take(
    open_session: Callable[..., Session], tmp_path: Path, statement: str, operation: str, name: str
) -> None:
    session = open_session()
    attach(session, tmp_path / "state.json")
    for made in ("CREATE TABLE e.base (i INTEGER)", "CREATE VIEW e.there AS SELECT 1 AS x", "CREATE SCHEMA e.more"):
        session.execute(made)
    attach(session, tmp_path / "state.json", "tables_only", "t")
    assert f"does not take {operation}: '{name}' is not among the writes of its provider TablesOnly" in session.error(
        statement
    )
    assert session.rows("FROM t.there") == [(1,)]
    session.close()


@pytest.mark.parametrize("statement", ["CREATE MACRO e.m(a) AS a + 1", "CREATE INDEX i ON e.indexed (i)"])
def test_what_the_extension_does_not_send(shared: Session, statement: str) -> None:
    shared.execute("CREATE TABLE IF NOT EXISTS e.indexed (i INTEGER)")
    assert "VGI catalogs are read-only" in shared.error(statement)
