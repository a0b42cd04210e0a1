"""Attaching, names, listings, and refusals to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .session import Session, attach_statement, literal, location

pytestmark = pytest.mark.sql

LOCATION = location("catalogs")


@pytest.fixture(scope="module")
def session(open_session: Callable[..., Session]) -> Iterator[Session]:
    session = open_session()
    session.attach("catalogs", "first", "f")
    session.attach("catalogs", "second", "s")
    yield session
    session.close()


# ATTACH


def test_attach_without_a_name(fresh: Session) -> None:
    fresh.execute(f"ATTACH {literal(location('tables'))} (TYPE vgi)")
    assert fresh.value("SELECT count(*) FROM tables.yields_rows()") == 3
    message = fresh.error(f"ATTACH {literal(LOCATION)} AS x (TYPE vgi)")
    assert "exposes 2 catalogs (first, Second)" in message


def test_attach_of_what_is_not_there(session: Session) -> None:
    message = session.error(attach_statement(LOCATION, "third", "x"))
    assert "CatalogError: No worker handles catalog 'third'; this one serves 'first', 'Second'" in message
    message = session.error(attach_statement(LOCATION, "first", "x", "implementation_version '9'"))
    assert "CatalogError: Unsupported implementation_version '9': there is 1.2.3" in message
    message = session.error(attach_statement(LOCATION, "first", "x", "data_version_spec '9'"))
    assert "CatalogError: Unsupported data_version_spec '9': there is no particular version" in message
    assert "Unknown ATTACH option 'other'" in session.error(attach_statement(LOCATION, "first", "x", "other 1"))


def test_attach_twice_and_again(fresh: Session) -> None:
    fresh.execute(attach_statement(LOCATION, "first", "a", "implementation_version '1.2.3'"))
    fresh.execute(attach_statement(LOCATION, "FIRST", "b"))
    assert fresh.row("SELECT a.half(3), b.half(5)") == (1.5, 2.5)
    fresh.execute("DETACH a")
    assert "does not exist" in fresh.error("SELECT a.half(3)")
    fresh.execute(attach_statement(LOCATION, "second", "a"))
    assert fresh.row("SELECT a.declared_free(3), b.half(5)") == (-3, 2.5)


def test_vgi_catalogs(session: Session) -> None:
    rows = session.rows(f"SELECT * FROM vgi_catalogs({literal(LOCATION)})")
    assert [row[:2] for row in rows] == [("first", "1.2.3"), ("Second", "")]


# Names


def test_qualified_names(session: Session) -> None:
    query = """
        SELECT f.half(3), f.main.half(3, 0), f.place(1), f.main.place(1), f.geo.place(1), F.GEO.Place(1),
            f."with space"."Quoted Name"(1), f."with space"."quoted name"(1), s.place(1), s.public.place(1)
    """
    spaced = ["with space"] * 2
    assert session.row(query) == (1.5, 2.0, "main", "main", "geo", "geo", *spaced, "second", "second")
    assert session.rows("FROM f.geo.places(2, 7, unit := 'm', SCALE := 2)") == [("m 0", 0.0), ("m 1", 2.0)]
    assert session.rows("FROM s.one() UNION ALL FROM s.public.one()") == [(1,), (1,)]


def test_use(fresh: Session) -> None:
    fresh.attach("catalogs", "first", "f")
    fresh.attach("catalogs", "second", "s")
    fresh.execute("USE f")
    assert fresh.row("SELECT place(1), geo.place(1), s.place(1)") == ("main", "geo", "second")
    fresh.execute("USE f.geo")
    assert fresh.value("SELECT place(1)") == "geo"
    assert fresh.value("SELECT count(*) FROM places(3)") == 3
    fresh.execute("USE s")
    assert fresh.rows("SELECT place(n), n FROM one()") == [("second", 1)]


@pytest.mark.parametrize(
    "query",
    ["SELECT f.missing(1)", "FROM f.missing()", "FROM f.places(1)", "SELECT f.missing.half(1)", "FROM f.geo.missing"],
)
def test_unknown_names(session: Session, query: str) -> None:
    assert "does not exist" in session.error(query)


# Listings


def test_databases_and_schemas(session: Session) -> None:
    query = "SELECT comment, tags FROM duckdb_databases() WHERE database_name = 'f'"
    comment, tags = session.row(query)
    assert (comment, tags["owner"], tags["level"]) == ("The first", "tests", "1")
    query = "SELECT schema_name, comment, tags FROM duckdb_schemas() WHERE database_name = 'f' ORDER BY ALL"
    assert session.rows(query) == [
        ("geo", "Places", {"kind": "space"}),
        ("main", None, {}),
        ("with space", None, {}),
    ]
    assert session.values("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 's'") == ["public"]
    assert session.rows("SELECT * FROM duckdb_tables() WHERE database_name = 'f'") == []
    assert session.rows("SELECT * FROM information_schema.tables WHERE table_catalog = 'f'") == []


def test_functions(session: Session) -> None:
    query = """
        SELECT schema_name, function_type, parameters, parameter_types, varargs, return_type, stability
        FROM duckdb_functions() WHERE database_name = 'f' AND function_name = '%s' ORDER BY len(parameters), schema_name
    """
    assert session.rows(query % "half") == [
        ("main", "scalar", ["value"], ["DOUBLE"], None, "DOUBLE", "CONSISTENT"),
        ("main", "scalar", ["value", "digits"], ["DOUBLE", "BIGINT"], None, "DOUBLE", "CONSISTENT"),
    ]
    assert session.rows(query % "whatever") == [("main", "scalar", [], [], "ANY", "VARCHAR", "VOLATILE")]
    [places] = session.rows(query % "places")
    assert places[:2] == ("geo", "table")
    assert dict(zip(places[2], places[3], strict=True)) == {"count": "BIGINT", "unit": "VARCHAR", "Scale": "DOUBLE"}
    assert places[4] == "BIGINT"
    assert len(session.rows(query % "place")) == 2


def test_documentation(session: Session) -> None:
    query = """
        SELECT DISTINCT description, comment, tags, examples, categories
        FROM duckdb_functions() WHERE database_name = 'f' AND function_name = '%s'
    """
    assert session.row(query % "half") == (
        "Half of a number.\n\nAnd more about it, on two lines.",
        "as COMMENT ON would",
        {"a": "b"},
        ["SELECT first.half(3)", "SELECT first.half(NULL)"],
        ["arithmetic", "small"],
    )
    assert session.row(query % "places") == ("Places.", None, {}, [], ["places"])
    assert session.row(query % "whatever") == (None, None, {}, [], [])


def test_arguments(session: Session) -> None:
    query = """
        SELECT arg_name, arg_position, arg_type, arg_description, arg_default, is_named, is_varargs, is_any_type
        FROM vgi_function_arguments()
        WHERE catalog_name = 'f' AND function_name = '%s' ORDER BY field_index
    """
    assert session.rows(query % "places") == [
        ("count", 0, "BIGINT", "how many.", None, False, False, False),
        ("rest", None, "BIGINT", "more of them.", None, False, True, False),
        ("Scale", None, "DOUBLE", "factor.", "1.5", True, False, False),
        ("unit", None, "VARCHAR", "of the size.", '"km"', True, False, False),
    ]
    value = ("value", 0, "DOUBLE", "what is halved", None, False, False, False)
    digits = ("digits", 1, "BIGINT", "how many are kept.", "2", False, False, False)
    assert sorted(session.rows(query % "half")) == [digits, value, value]
    assert session.rows(query % "whatever") == [("parts", None, "ANY", None, None, False, True, True)]


# Refusals


@pytest.mark.parametrize("what", ["TABLE f.t (i INTEGER)", "SCHEMA f.t", "VIEW f.t AS SELECT 1"])
def test_create_is_refused(session: Session, what: str) -> None:
    message = session.error(f"CREATE {what}")
    assert f"CatalogError: Cannot CREATE {what.split()[0]} in 'first': catalog is read-only" in message


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DROP SCHEMA f.geo", "CatalogError: Cannot DROP SCHEMA in 'first': catalog is read-only"),
        ("CREATE MACRO f.m(x) AS x", "VGI catalogs are read-only"),
        ("CREATE SEQUENCE f.q", "VGI catalogs are read-only"),
        ("CREATE TYPE f.e AS ENUM ('a')", "VGI catalogs are read-only"),
        ("INSERT INTO f.t VALUES (1)", "Table with name t does not exist"),
        ("DROP TABLE f.t", "Table with name t does not exist"),
        ("ALTER TABLE f.t RENAME TO u", "Table with name t does not exist"),
    ],
)
def test_other_writes_are_refused(session: Session, statement: str, expected: str) -> None:
    assert expected in session.error(statement)
    assert session.value("SELECT f.half(2)") == 1.0


def test_transactions(session: Session) -> None:
    session.execute("BEGIN")
    assert session.value("SELECT f.half(2)") == 1.0
    session.execute("ROLLBACK")
    assert session.value("SELECT f.half(4)") == 2.0


def test_explain(session: Session) -> None:
    [(_, plan)] = session.rows("EXPLAIN SELECT f.half(i) FROM range(3) t(i)")
    assert "half(" in plan
    query = "SELECT f.half(i), name FROM range(3) t(i), f.geo.places(3)"
    [(_, plan)] = session.rows(f"EXPLAIN ANALYZE {query}")
    assert "places" in plan.lower()


def test_catalogs_of_two_files_in_one_worker(fresh: Session) -> None:
    one, other = fresh.attach("composed", "arithmetic"), fresh.attach("composed", "first")
    assert fresh.value(f"SELECT {other}.half(3) + 1") == 2.5
    tables = [f"{one}.who", f"{one}.aside.who", f"{other}.aside.who"]
    query = " UNION ALL ".join(f"SELECT place FROM {table} WHERE n = 1" for table in tables)
    assert sorted(fresh.values(query)) == ["arithmetic.aside", "arithmetic.main", "first.aside"]
    assert "does not exist" in fresh.error(f"FROM {other}.who")
    query = f"SELECT catalog FROM vgi_catalogs({literal(location('composed'))}) ORDER BY 1"
    assert fresh.values(query) == ["arithmetic", "first"]
