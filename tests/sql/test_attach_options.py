"""Options of ATTACH."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any

import pytest

from .session import Session, attach_statement, literal, location

pytestmark = pytest.mark.sql

LOCATION = location("options")


def attach(session: Session, options: str = "", catalog: str = "options", alias: str = "o") -> None:
    """Attach a catalog of the worker, anew if need be."""
    session.execute(f"DETACH DATABASE IF EXISTS {alias}")
    session.execute(attach_statement(LOCATION, catalog, alias, options))


@pytest.mark.parametrize(
    ("option", "given", "expected"),
    [
        ("flag", "true", True),
        ("count", "9223372036854775807", 2**63 - 1),
        ("count", "-1", -1),
        ("ratio", "0.5", 0.5),
        ("price", "1.5", Decimal("1.500")),
        ("label", "'ä''€'", "ä'€"),
        ("raw", "'\\x00\\xFF'::BLOB", b"\x00\xff"),
        ("day", "DATE '1999-12-31'", datetime.date(1999, 12, 31)),
        ("day", "'1999-12-31'", datetime.date(1999, 12, 31)),
        ("moment", "TIMESTAMP '2024-01-02 03:04:05.000006'", datetime.datetime(2024, 1, 2, 3, 4, 5, 6)),
        ("sizes", "[3, 4]", [3, 4]),
        ("box", "{'w': 1, 'names': ['a', 'b']}", {"w": 1, "names": ["a", "b"]}),
        ("weights", "MAP {'k': 1.5}", [("k", 1.5)]),
    ],
)
def test_values_of_all_types(sql: Session, option: str, given: str, expected: Any) -> None:
    attach(sql, f"{option} {given}")
    assert sql.value(f"SELECT o.option('{option}')") == repr(expected)


def test_defaults(sql: Session) -> None:
    attach(sql)
    found = dict(sql.rows("FROM o.all_options()"))
    assert found["Mode"] == "'fast'"
    assert found["since"] == "datetime.date(2020, 2, 29)"
    assert found["limits"] == "[Decimal('1.5')]"
    assert {value for name, value in found.items() if name not in ("Mode", "since", "limits")} == {"None"}


def test_names_have_no_case(sql: Session) -> None:
    attach(sql, "MODE 'slow', SINCE '2024-01-01'")
    assert sql.row("SELECT o.option('Mode'), o.option('since')") == ("'slow'", "datetime.date(2024, 1, 1)")
    assert sql.rows("FROM o.mode") == [("slow",)]


def test_attachments_have_options_of_their_own(sql: Session) -> None:
    attach(sql, "Mode 'slow', count 1", alias="slow")
    attach(sql, "count 2", alias="fast")
    query = "SELECT slow.option('Mode'), slow.option('count'), fast.option('Mode'), fast.option('count')"
    assert sql.row(query) == ("'slow'", "1", "'fast'", "2")
    assert sql.rows("FROM slow.mode UNION ALL FROM fast.mode") == [("slow",), ("fast",)]
    comments = "SELECT database_name, comment FROM duckdb_tables() WHERE table_name = 'mode' AND comment IS NOT NULL"
    assert set(sql.rows(comments)) >= {("slow", "slow"), ("fast", "fast")}


@pytest.mark.parametrize(
    ("catalog", "options", "expected"),
    [
        ("options", "other 1", "Unknown ATTACH option 'other'"),
        ("options", "count 'many'", "Cannot cast ATTACH option 'count' to declared type BIGINT"),
        ("options", "Mode 'idle'", "ValueError: mode is fast or slow, not idle"),
        ("vault", "", "cannot be attached without the required options 'user', 'token'."),
        ("vault", "user 'me'", "cannot be attached without the required option 'token'."),
        ("vault", "user 'me', token NULL", "NULL is not supported as a valid option for ATTACH option"),
    ],
)
def test_what_cannot_be_attached(sql: Session, catalog: str, options: str, expected: str) -> None:
    assert expected in sql.error(attach_statement(LOCATION, catalog, "refused", options))
    assert sql.value("SELECT count(*) FROM duckdb_databases() WHERE database_name = 'refused'") == 0


def test_tools_are_told_of_the_options(sql: Session) -> None:
    shown = dict(sql.rows(f"SELECT catalog, attach_options::VARCHAR FROM vgi_catalogs({literal(LOCATION)})"))
    for part in ("Mode", "how it works", "fast", "DECIMAL(18,3)"):
        assert part in shown["options"]
    assert "token" in shown["vault"]


def test_secret_values_are_never_seen_again(fresh: Session) -> None:
    token = "open-sesame-3141592653"
    fresh.execute("CALL enable_logging('VGI', level = 'debug')")
    attach(fresh, f"user 'somebody', token {literal(token)}, pin 271828", "vault", "v")
    assert fresh.value("SELECT v.opens('guess')") is False
    fresh.execute("CALL disable_logging()")
    logged = "\n".join(fresh.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'"))
    [handle] = set(re.findall(r"attach_opaque_data=([0-9a-f]{40,})", logged))
    assert b"vault" in bytes.fromhex(handle)
    assert b"somebody" not in bytes.fromhex(handle)
    assert token not in logged
    assert token.encode().hex() not in logged
    assert token not in str(fresh.rows(f"FROM vgi_catalogs({literal(LOCATION)})"))
    assert fresh.value(f"SELECT v.opens({literal(token)})") is True
