"""Collections of rows that outlive queries and processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import UUID

import pytest

from ..sql.session import Session, literal
from .attaching import attach, place

pytestmark = pytest.mark.sql


@pytest.fixture
def collections(fresh: Session) -> Iterator[Session]:
    """A new attachment, and so no collections."""
    attach(fresh, "main", "accumulate")
    fresh.execute("USE accumulate")
    yield fresh
    fresh.execute("USE memory")


def add(session: Session, rows: str, name: str = "a", **named: object) -> list[int]:
    """The values ``i`` of what adding to a collection gives."""
    options = "".join(f", {key} := {value}" for key, value in named.items())
    return sorted(session.values(f"SELECT i FROM accumulate('{name}', ({rows}){options})"))


def read(session: Session, name: str = "a") -> list[int]:
    """The values ``i`` in a collection."""
    return sorted(session.values(f"SELECT i FROM accumulate_read('{name}')"))


def test_the_record_and_the_versions(collections: Session) -> None:
    query = f"""
        SELECT implementation_version, data_version_spec FROM vgi_catalogs({literal(place("main"))})
        WHERE catalog = 'accumulate'
    """
    assert collections.rows(query) == [("vgi-fixture", "2.0.0")]
    resolved = "SELECT tags FROM duckdb_databases() WHERE database_name = 'accumulate'"
    assert collections.value(resolved) == {
        "vgi_resolved_data_version": "2.0.0",
        "vgi_resolved_implementation_version": "vgi-fixture",
    }


def test_functions_are_listed(collections: Session) -> None:
    query = """
        SELECT function_name, map(parameters, parameter_types) FROM duckdb_functions()
        WHERE database_name = 'accumulate' ORDER BY ALL
    """
    assert collections.rows(query) == [
        (
            "accumulate",
            {"name": "VARCHAR", "rows": "TABLE", "ttl": "INTERVAL", "result": "VARCHAR", "max_row_size": "BIGINT"},
        ),
        ("accumulate_clear", {"name": "VARCHAR"}),
        ("accumulate_read", {"name": "VARCHAR"}),
    ]


def test_rows_add_up(collections: Session) -> None:
    assert add(collections, "SELECT 1 AS i, 'x' AS s") == [1]
    assert add(collections, "SELECT 2 AS i, 'y' AS s UNION ALL SELECT 3, NULL") == [1, 2, 3]
    assert add(collections, "SELECT 4 AS i, 'y' AS s", result="'new'") == [4]
    assert add(collections, "SELECT 5 AS i, 'y' AS s", result="'none'") == []
    assert collections.rows("SELECT i, s FROM accumulate_read('a') ORDER BY i") == [
        (1, "x"),
        (2, "y"),
        (3, None),
        (4, "y"),
        (5, "y"),
    ]
    described = "SELECT column_name, column_type FROM (DESCRIBE FROM accumulate_read('a'))"
    assert collections.rows(described) == [("i", "INTEGER"), ("s", "VARCHAR"), ("_timestamp", "TIMESTAMP")]


def test_rows_of_a_call_have_one_time(collections: Session) -> None:
    before = collections.value("SELECT current_timestamp AT TIME ZONE 'UTC'")
    halves = "FROM range(15000) r(i) UNION ALL FROM range(15000, 30000) r(i)"
    query = f"SELECT count(*), sum(i), min(_timestamp), max(_timestamp) FROM accumulate('a', ({halves}))"
    count, total, first, last = collections.row(query)
    assert (count, total) == (30_000, sum(range(30_000)))
    assert before <= first == last <= collections.value("SELECT current_timestamp AT TIME ZONE 'UTC'")
    add(collections, "FROM range(3) r(i)")
    assert collections.row("SELECT count(*), count(DISTINCT _timestamp) FROM accumulate_read('a')") == (30_003, 2)


def test_old_rows_go(collections: Session) -> None:
    add(collections, "SELECT 1 AS i")
    assert add(collections, "SELECT 2 AS i", ttl="INTERVAL 1 HOUR") == [1, 2]
    assert add(collections, "SELECT 3 AS i", ttl="INTERVAL 1 MONTH") == [1, 2, 3]
    assert add(collections, "SELECT 4 AS i", ttl="INTERVAL 0 SECOND", result="'none'") == []
    assert read(collections) == [4]
    assert add(collections, "SELECT 5 AS i", ttl="NULL") == [4, 5]
    assert add(collections, "SELECT 6 AS i", ttl="INTERVAL (-1) DAY") == []
    assert read(collections) == []


def test_rows_over_the_limit_go(collections: Session) -> None:
    add(collections, "SELECT 1 AS i")
    add(collections, "SELECT 2 AS i")
    assert add(collections, "SELECT 3 AS i", max_row_size=2) == [2, 3]
    assert add(collections, "SELECT 4 AS i", max_row_size=0) == [2, 3, 4]
    assert add(collections, "FROM range(10, 20) r(i)", max_row_size=1, name="b", result="'new'") == list(range(10, 20))
    assert len(read(collections, "b")) == 1


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("accumulate('', (SELECT 1 AS i))", "non-empty"),
        ("accumulate('  ', (SELECT 1 AS i))", "non-empty"),
        (f"accumulate('{'ä' * 128}', (SELECT 1 AS i))", "at most 255 bytes, not 256"),
        ("accumulate('a', (SELECT 1 AS _timestamp))", "reserved '_timestamp' column"),
        ("accumulate('a', (SELECT 1 AS i), max_row_size := -1)", "must be >= 0"),
        ("accumulate('a', (SELECT 1 AS i), result := 'some')", "must be one of the allowed choices"),
        ("accumulate_read('a')", "no accumulation named 'a'"),
    ],
)
def test_what_is_refused(collections: Session, call: str, expected: str) -> None:
    message = collections.error(f"FROM {call}")
    assert "VGI Worker Exception" in message
    assert expected in message
    assert "no accumulation named" in collections.error("FROM accumulate_read('a')")


@pytest.mark.parametrize(
    "other", ["SELECT 1.5::DOUBLE AS i", "SELECT 1 AS j", "SELECT 1 AS i, 2 AS k", "SELECT 'x' AS i"]
)
def test_the_first_rows_decide_on_the_columns(collections: Session, other: str) -> None:
    add(collections, "SELECT 1 AS i")
    assert "does not match" in collections.error(f"FROM accumulate('a', ({other}))")
    assert read(collections) == [1]
    collections.execute(f"FROM accumulate('b', ({other}))")


def test_clear(collections: Session) -> None:
    add(collections, "FROM range(5) r(i)")
    add(collections, "FROM range(5) r(i)")
    assert collections.rows("FROM accumulate_clear('a')") == [("a", 10)]
    assert collections.rows("FROM accumulate_clear('a')") == [("a", 0)]
    assert "no accumulation named 'a'" in collections.error("FROM accumulate_read('a')")
    collections.execute("FROM accumulate('a', (SELECT 'now a text' AS j))")
    assert collections.values("SELECT j FROM accumulate_read('a')") == ["now a text"]


def test_attachments_share_nothing(collections: Session) -> None:
    attach(collections, "main", "accumulate", alias="other")
    add(collections, "SELECT 1 AS i")
    assert "no accumulation named" in collections.error("FROM other.accumulate_read('a')")
    assert collections.values("SELECT i FROM other.accumulate('a', (SELECT 'x' AS i))") == ["x"]
    assert read(collections) == [1]


def test_later_processes_find_them(fresh: Session) -> None:
    attach(fresh, "main", "accumulate", "pool false")
    fresh.execute("FROM accumulate.accumulate('a', (FROM range(10000) r(i)))")
    assert fresh.row("SELECT count(*), sum(i) FROM accumulate.accumulate_read('a')") == (10_000, 49_995_000)


def test_several_connections_at_once(collections: Session) -> None:
    failed: list[str] = []

    def work(session: Session, number: int) -> None:
        try:
            for turn in range(5):
                session.execute(f"FROM accumulate.accumulate('a', (SELECT {number * 5 + turn} AS i), result := 'none')")
        except Exception as error:
            failed.append(str(error))

    threads = [threading.Thread(target=work, args=(collections.cursor(), number)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert read(collections) == list(range(20))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("union_value(x := 1)", 1),
        ("{'u': '7d444840-9dc0-11d1-b245-5ffdce74fad2'::UUID}", {"u": UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")}),
        ("NULL", None),
        ("[{'a': 1}]", [{"a": 1}]),
        ("MAP {'a': 1}", {"a": 1}),
    ],
)
def test_rows_of_any_type_are_kept(collections: Session, value: str, expected: object) -> None:
    collections.execute("SET arrow_lossless_conversion = true")
    query = f"SELECT c FROM accumulate('a', (SELECT {value} AS c))"
    assert [collections.value(query)] == [expected]
    assert collections.values(query) == [expected, expected]
    assert collections.values("SELECT c FROM accumulate_read('a')") == [expected, expected]
