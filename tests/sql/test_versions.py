"""Versions of code and data that ATTACH asks for, and earlier states of tables."""

from __future__ import annotations

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
    assert sql.values(query) == tables
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
    query = "SELECT implementation_version, %s, source_url, data_version_spec FROM vgi_catalogs(%s)"
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
        ("FROM travels.countries AT (VERSION => 1)", "CatalogError: table 'countries' has no history; leave out AT"),
        ("FROM travels.present.today AT (VERSION => 1)", "CatalogError: table 'today' has no history; leave out AT"),
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
