"""Catalogs that are attached in a version."""

from __future__ import annotations

from typing import Any

import pytest

from ..sql.session import Session, attach_statement, literal
from .attaching import attach, place

pytestmark = pytest.mark.sql

ANIMALS = [("chicken", 2, "cluck"), ("cow", 4, "moo"), ("horse", 4, "neigh"), ("pig", 4, "oink"), ("sheep", 4, "baa")]

COLORS = ["red", "brown", "black", "pink", "white"]

PLANTS = [
    ("oak", "tree", 20.0),
    ("pine", "tree", 25.0),
    ("rose", "flower", 0.6),
    ("tomato", "vegetable", 1.5),
    ("wheat", "grass", 1.0),
]

TABLES: dict[str, dict[str, list[Any]]] = {
    "1.0.0": {"animals": ANIMALS},
    "1.1.0": {"animals": [(*row, color) for row, color in zip(ANIMALS, COLORS, strict=True)]},
    "2.0.0": {"animals": ANIMALS, "plants": PLANTS},
    "3.0.0": {"plants": PLANTS},
}


def wanting(data: str | None = None, code: str | None = None) -> str:
    """The options of ATTACH that ask for versions."""
    named = {"data_version_spec": data, "implementation_version": code}
    return ", ".join(["pool true", *(f"{name} {literal(text)}" for name, text in named.items() if text is not None)])


def resolved(session: Session, alias: str) -> tuple[str, str]:
    """The versions of data and code that an ATTACH got."""
    data, code = session.row(
        "SELECT tags['vgi_resolved_data_version'], tags['vgi_resolved_implementation_version'] "
        f"FROM duckdb_databases() WHERE database_name = '{alias}'"
    )
    return data, code


def refused(session: Session, catalog: str, options: str) -> str:
    """What is said of an ATTACH."""
    return session.error(attach_statement(place(catalog), catalog, "refused", options))


@pytest.mark.parametrize(
    ("catalog", "code", "data"),
    [("versioned", "1.0.0", ">=1.0.0,<2.0.0"), ("versioned_tables", "11.0.0", ">=1.0.0,<4.0.0")],
)
def test_the_record_of_the_catalog(sql: Session, catalog: str, code: str, data: str) -> None:
    query = f"SELECT catalog, implementation_version, data_version_spec FROM vgi_catalogs({literal(place(catalog))})"
    assert sql.rows(query) == [(catalog, code, data)]


@pytest.mark.parametrize(
    ("data", "code", "expected"),
    [
        (None, None, ("1.2.0", "1.0.0")),
        ("1.0.0", None, ("1.0.0", "1.0.0")),
        ("1.1.0", "1.0.0", ("1.1.0", "1.0.0")),
        ("1.2.0", None, ("1.2.0", "1.0.0")),
    ],
)
def test_versions_by_their_name(sql: Session, data: str | None, code: str | None, expected: tuple[str, str]) -> None:
    attach(sql, "versioned", "versioned", wanting(data, code))
    assert resolved(sql, "versioned") == expected
    assert sql.values("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'versioned'") == ["main"]


@pytest.mark.parametrize("data", ["1.3.0", "2.0.0", "1", "1.2", "^1.0.0", "~1.2.0", ">=1.0.0", "latest"])
def test_other_versions_of_data_are_refused(sql: Session, data: str) -> None:
    assert f"Unsupported data_version_spec '{data}'" in refused(sql, "versioned", wanting(data))


@pytest.mark.parametrize("code", ["1.0.1", "2.0.0", "1", "^1.0.0"])
def test_other_versions_of_code_are_refused(sql: Session, code: str) -> None:
    assert f"Unsupported implementation_version '{code}'" in refused(sql, "versioned", wanting(None, code))


@pytest.mark.parametrize(
    ("data", "code", "expected"),
    [
        (None, None, ("3.0.0", "11.0.0")),
        ("", "", ("3.0.0", "11.0.0")),
        ("1.0.0", "10.0.0", ("1.0.0", "10.0.0")),
        ("1", "10", ("1.1.0", "10.1.0")),
        ("1.1", "10.1", ("1.1.0", "10.1.0")),
        ("1.0", "11.0", ("1.0.0", "11.0.0")),
        ("^1.0.0", "^10.0.0", ("1.1.0", "10.1.0")),
        ("~1.0.0", "~10.0.0", ("1.0.0", "10.0.0")),
        ("~1.1.0", "~10.1.0", ("1.1.0", "10.1.0")),
        ("2", None, ("2.0.0", "11.0.0")),
    ],
)
def test_versions_by_a_form(sql: Session, data: str | None, code: str | None, expected: tuple[str, str]) -> None:
    attach(sql, "versioned_tables", "versioned_tables", wanting(data, code))
    assert resolved(sql, "versioned_tables") == expected


@pytest.mark.parametrize("data", ["4", "1.2", "1.0.1", "^4.0.0", "^1.2.0", "~1.1.1", "~3", ">=1.0.0", "x", "1.0.0.0"])
def test_no_such_version(sql: Session, data: str) -> None:
    assert f"Unsupported data_version_spec '{data}'" in refused(sql, "versioned_tables", wanting(data))


@pytest.mark.parametrize("code", ["9", "12.0.0", "10.2", "^11.0.1", "latest"])
def test_no_such_code(sql: Session, code: str) -> None:
    assert f"Unsupported implementation_version '{code}'" in refused(sql, "versioned_tables", wanting(None, code))


def test_tables_of_all_versions_at_once(fresh: Session) -> None:
    specs = {"one": "1.0.0", "two": "^1.0.0", "three": "2", "four": "3.0", "five": None, "six": "1.1"}
    got = {}
    for alias, spec in specs.items():
        attach(fresh, "versioned_tables", "versioned_tables", wanting(spec), alias=alias)
        got[alias] = resolved(fresh, alias)
    assert [data for data, _ in got.values()] == ["1.0.0", "1.1.0", "2.0.0", "3.0.0", "3.0.0", "1.1.0"]
    for alias, (version, _) in got.items():
        listed = f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{alias}' ORDER BY ALL"
        assert fresh.values(listed) == sorted(TABLES[version])
        for table in ("animals", "plants"):
            rows = TABLES[version].get(table)
            if rows is None:
                assert "does not exist" in fresh.error(f"FROM {alias}.{table}")
            else:
                assert fresh.rows(f"FROM {alias}.main.{table}") == rows


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.0.0", [("name", "VARCHAR"), ("legs", "BIGINT"), ("sound", "VARCHAR")]),
        ("1.1.0", [("name", "VARCHAR"), ("legs", "BIGINT"), ("sound", "VARCHAR"), ("color", "VARCHAR")]),
    ],
)
def test_columns_are_those_of_the_version(sql: Session, version: str, expected: list[tuple[str, str]]) -> None:
    attach(sql, "versioned_tables", "versioned_tables", wanting(version))
    assert sql.rows("SELECT column_name, column_type FROM (DESCRIBE versioned_tables.animals)") == expected
