"""Versions of code and data that ATTACH asks for, and earlier states of tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .session import Session, attach_statement, literal, location

pytestmark = pytest.mark.sql

LOCATION = location("versions")


def attach(session: Session, options: str = "", alias: str = "atlas") -> str:
    """Attach the catalog, anew if need be."""
    session.execute(f"DETACH DATABASE IF EXISTS {alias}")
    session.execute(attach_statement(LOCATION, "atlas", alias, options))
    return alias


# Versions


@pytest.mark.parametrize(
    ("options", "data", "code", "tables"),
    [
        ("", "2024.1.0", "2.0.0", ["borders", "countries", "history", "rivers"]),
        ("data_version_spec '2023'", "2023.2.1", "2.0.0", ["countries", "history", "rivers"]),
        ("data_version_spec '~2023.1.0', implementation_version '1'", "2023.1.0", "1.4.0", ["countries", "history"]),
    ],
)
def test_what_an_attachment_gets(sql: Session, options: str, data: str, code: str, tables: list[str]) -> None:
    attach(sql, options)
    tags = sql.value("SELECT tags FROM duckdb_databases() WHERE database_name = 'atlas'")
    assert tags["vgi_resolved_data_version"] == data
    assert tags["vgi_resolved_implementation_version"] == code
    assert sql.value("SELECT atlas.data_version()") == data
    assert sql.rows("FROM atlas.countries") == [(f"of {data}",)]
    query = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'atlas' AND schema_name = 'main' ORDER BY 1"
    assert sql.values(query) == sorted([*tables, "bridges", "ferries", "roads"])
    for table in {"borders", "rivers"} - set(tables):
        assert f"Table with name {table} does not exist" in sql.error(f"FROM atlas.{table}")


def test_two_versions_side_by_side(sql: Session) -> None:
    attach(sql, "data_version_spec '2024'", "new")
    attach(sql, "data_version_spec '2023.1.0'", "old")
    assert sql.row("SELECT old.data_version(), new.data_version()") == ("2023.1.0", "2024.1.0")
    assert sql.rows("FROM old.countries UNION ALL FROM new.countries") == [("of 2023.1.0",), ("of 2024.1.0",)]


def test_versions_that_there_are_not(sql: Session) -> None:
    message = sql.error(attach_statement(LOCATION, "atlas", "x", "data_version_spec '^2025.1.0'"))
    assert "Unsupported data_version_spec '^2025.1.0': there is 2024.1.0, 2023.2.1, 2023.1.0" in message
    message = sql.error(attach_statement(LOCATION, "atlas", "x", "implementation_version '3'"))
    assert "Unsupported implementation_version '3': there is 2.0.0, 1.4.0" in message


def test_vgi_catalogs(sql: Session) -> None:
    releases = "[{v: r.version, s: r.summary, n: r.notes_url} FOR r IN releases], epoch(releases[1].released_at)"
    query = (
        "SELECT implementation_version, %s, source_url, data_version_spec FROM vgi_catalogs(%s) WHERE catalog = 'atlas'"
    )
    [row] = sql.rows(query % (releases, literal(LOCATION)))
    assert row[0] == "2.0.0"
    assert row[1] == [
        {"v": "2024.1.0", "s": "Borders moved", "n": "https://example.org"},
        {"v": "2023.2.1", "s": "", "n": None},
    ]
    assert row[2:] == (1714521600.0, "https://example.org/atlas", "2024.1.0, 2023.2.1, 2023.1.0")


# Time travel


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("", [("old 2", "new 2", 2)]),
        ("AT (VERSION => 2)", [("old 2", "new 2", 2)]),
        ("AT (VERSION => 1)", [("old 1", 1)]),
        ("AT (VERSION => '1')", [("old 1", 1)]),
        ("AT (TIMESTAMP => TIMESTAMP '2023-06-01')", [("old 1", 1)]),
        ("AT (TIMESTAMP => TIMESTAMP '2024-06-01 12:00:00')", [("old 2", "new 2", 2)]),
    ],
)
def test_earlier_states(sql: Session, at: str, expected: list[Any]) -> None:
    atlas = sql.attach("versions", "atlas", "travels")
    assert sql.rows(f"FROM {atlas}.history {at}") == expected


@pytest.mark.full
def test_earlier_states_in_new_processes(not_pooled: Session) -> None:
    atlas = not_pooled.attach("versions", "atlas", "travels")
    assert not_pooled.rows(f"FROM {atlas}.history AT (VERSION => 1)") == [("old 1", 1)]


def test_states_in_one_query(sql: Session) -> None:
    atlas = sql.attach("versions", "atlas", "travels")
    earlier = f"(FROM {atlas}.history AT (VERSION => 1))"
    query = f"SELECT a.n, b.n, c.n FROM {atlas}.history a, {earlier} b, {atlas}.history c"
    assert sql.rows(query) == [(2, 1, 2)]
    query = 'SELECT count(*), min("at") FROM travels.ledger.entries %s'
    assert sql.row(query % "AT (VERSION => 1)") == (1, "At(unit='version', value='1')")
    assert sql.row(query % "") == (3, "None")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("FROM travels.history AT (VERSION => 7)", "ValueError: there is no version 7; there are 1, 2"),
        ("SELECT new FROM travels.history AT (VERSION => 1)", 'Referenced column "new" not found'),
        (
            "FROM travels.countries AT (VERSION => 1)",
            "CatalogError: Table 'main.countries' does not support time travel queries",
        ),
        (
            "FROM travels.present.today AT (VERSION => 1)",
            "CatalogError: Table 'today' does not support time travel queries",
        ),
        ("FROM travels.history AT (VERSION => NULL)", "must not be NULL"),
        ("FROM travels.missing AT (VERSION => 1)", "does not exist"),
    ],
)
def test_states_that_there_are_not(sql: Session, query: str, expected: str) -> None:
    sql.attach("versions", "atlas", "travels")
    assert expected in sql.error(query)


def test_a_catalog_without_history(sql: Session) -> None:
    sql.attach("catalogs", "first")
    assert "does not support time travel" in sql.error("FROM first.nothing AT (VERSION => 1)")


# Tables declared for each version


@pytest.mark.parametrize(
    ("at", "columns", "rows"),
    [
        ("", ["name", "lanes"], [("High Street", 4)]),
        ("AT (VERSION => 1)", ["id"], [(1,)]),
        ("AT (VERSION => 2)", ["id", "name"], [(1, "High Street"), (2, "Low Street")]),
        ("AT (VERSION => 'next')", ["name", "lanes"], [("High Street", 4)]),
        ("AT (TIMESTAMP => TIMESTAMP '2022-01-01')", ["id"], [(1,)]),
        ("AT (TIMESTAMP => TIMESTAMP '2023-01-01 10:59:59.999')", ["id"], [(1,)]),
        (
            "AT (TIMESTAMP => TIMESTAMPTZ '2023-01-01 12:00:00+01')",
            ["id", "name"],
            [(1, "High Street"), (2, "Low Street")],
        ),
        ("AT (TIMESTAMP => DATE '2023-06-01')", ["id", "name"], [(1, "High Street"), (2, "Low Street")]),
        ("AT (TIMESTAMP => TIMESTAMP '2030-01-01')", ["name", "lanes"], [("High Street", 4)]),
    ],
)
def test_columns_by_version(sql: Session, at: str, columns: list[str], rows: list[Any]) -> None:
    atlas = sql.attach("versions", "atlas", "travels")
    found = sql.execute(f"FROM {atlas}.roads {at} ORDER BY ALL")
    assert [name for name, *_ in found.description] == columns
    assert found.fetchall() == rows


def test_several_versions_in_one_query(sql: Session) -> None:
    atlas = sql.attach("versions", "atlas", "travels")
    old, new = f"(FROM {atlas}.roads AT (VERSION => 1))", f"(FROM {atlas}.roads AT (VERSION => 2))"
    assert sql.rows(f"SELECT new.id, name FROM {new} new ANTI JOIN {old} old USING (id)") == [(2, "Low Street")]
    assert sql.rows(f"SELECT name FROM {new} WHERE id > 1 UNION ALL SELECT name FROM {atlas}.roads") == [
        ("Low Street",),
        ("High Street",),
    ]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (
            "roads AT (VERSION => 7)",
            "Unknown version: 7 of table 'roads'; "
            "there is 1 (since 2022-01-01 00:00:00), 2 (since 2023-01-01 11:00:00), next",
        ),
        (
            "roads AT (TIMESTAMP => TIMESTAMP '2021-12-31')",
            "2021-12-31 00:00:00: table did not exist before 2022-01-01 00:00:00: 'roads'; there is 1",
        ),
        ("roads AT (TIMESTAMP => 'infinity'::TIMESTAMP)", "table 'roads': AT (TIMESTAMP => infinity) is no time"),
        (
            "ferries AT (TIMESTAMP => TIMESTAMP '2024-01-01')",
            "table 'ferries' has versions without a time: AT (VERSION",
        ),
        ("bridges AT (VERSION => 1)", "does not support time travel queries"),
    ],
)
def test_versions_of_a_table_that_there_are_not(sql: Session, at: str, expected: str) -> None:
    atlas = sql.attach("versions", "atlas", "travels")
    assert expected in sql.error(f"FROM {atlas}.{at}")


@pytest.mark.full
def test_the_version_of_the_data_chooses_the_columns(sql: Session) -> None:
    attach(sql, "data_version_spec '2024'", "new")
    attach(sql, "data_version_spec '2023.1.0'", "old")
    assert sql.rows("FROM old.bridges") == [(1,)]
    assert sql.rows("FROM new.bridges") == [("High Street", 2)]
    described = "SELECT column_name FROM (DESCRIBE %s)"
    assert sql.values(described % "old.roads") == ["id", "name"]
    assert sql.values(described % "new.roads") == ["name", "lanes"]
    assert sql.rows("FROM old.roads AT (VERSION => 1)") == [(1,)]
    assert "Unknown version: next of table 'roads'; there is 1" in sql.error("FROM old.roads AT (VERSION => 'next')")
    listed = "SELECT database_name, column_name FROM duckdb_columns() WHERE table_name = 'bridges' ORDER BY ALL"
    assert {("new", "lanes"), ("new", "name"), ("old", "id")} <= set(sql.rows(listed))
    assert ("old", "name") not in sql.rows(listed)


def test_columns_that_change_while_the_catalog_is_attached(fresh: Session, tmp_path: Path) -> None:
    file = tmp_path / "columns"

    def described() -> list[str]:
        return fresh.values("SELECT column_name FROM (DESCRIBE c.ones)")

    file.write_text("1 a b")
    fresh.execute(attach_statement(LOCATION, "changing", "c", f"file {literal(str(file))}"))
    assert fresh.rows("FROM c.ones") == [(1, 1)]
    file.write_text("2 a b d")
    assert described() == ["a", "b", "d"]
    fresh.execute("PREPARE again AS FROM c.ones")
    file.write_text("3 d")
    assert fresh.rows("FROM c.ones") == [(1,)]
    assert fresh.rows("EXECUTE again") == [(1,)]
    fresh.execute("BEGIN")
    assert described() == ["d"]
    file.write_text("4 e f")
    fresh.execute("COMMIT")
    assert described() == ["e", "f"]
    file.write_text("0 g")
    assert described() == ["g"]
    file.write_text("0 h i")
    assert described() == ["h", "i"]
