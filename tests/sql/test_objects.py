"""Tables over functions, views and macros as DuckDB shows them, reads them and refuses what they cannot do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .session import Session, attach_statement, literal, location

pytestmark = pytest.mark.sql

LOCATION = location("objects")


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("objects")
    return sql


@pytest.fixture(scope="module")
def by_alias(open_session: Callable[..., Session]) -> Iterator[Session]:
    """Attached under another name than the catalog's own."""
    session = open_session()
    session.attach("objects", alias="mine")
    yield session
    session.close()


def plan(sql: Session, query: str) -> str:
    [(_, text)] = sql.rows(f"EXPLAIN {query}")
    return str(text)


def listed(sql: Session, function: str, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM {function}() WHERE database_name = 'objects' AND {where} ORDER BY ALL"
    return sql.rows(query)


# What is shown

ORDERS = ["id", "name", "price", "customer", "total", "label"]


def test_show_all_tables(sql: Session) -> None:
    query = "SELECT schema, name, column_names FROM (SHOW ALL TABLES) WHERE database = 'objects' ORDER BY ALL"
    shown = {(schema, name): columns for schema, name, columns in sql.rows(query)}
    assert shown["sales", "orders"] == ORDERS
    assert shown["sales", "dear"] == ["id", "name", "total"]
    assert shown["sales", "keyed"] == ["a", "b", "ab"], "without the row id"
    assert shown["Other One", "orders"] == ["Order Number", "sum"]
    assert shown["Other One", "Over View"] == ["id", "name", "total"]
    assert shown["main", "five"] == ["a", "b", "c", "d", "e"]
    assert len(shown) == 26, "tables whose columns cannot be computed are left out, and hide no others"


def test_describe(sql: Session) -> None:
    described = [
        ("id", "BIGINT", "NO", "PRI", None, None),
        ("name", "VARCHAR", "NO", "UNI", "('new' || ';')", None),
        ("price", "DOUBLE", "YES", None, "1.5", None),
        ("customer", "INTEGER", "YES", "UNI", None, None),
        ("total", "DOUBLE", "YES", None, None, None),
        ("label", "VARCHAR", "YES", None, None, None),
    ]
    assert sql.rows("DESCRIBE objects.sales.orders") == described
    assert sql.rows("DESCRIBE objects.sales.dear") == [described[0], described[1], described[4]]


def test_tables(sql: Session) -> None:
    columns = "schema_name, table_name, comment, has_primary_key, column_count, check_constraint_count"
    assert listed(sql, "duckdb_tables", columns, "table_name IN ('orders', 'keyed', 'five')") == [
        ("Other One", "orders", "Of the same name as another one", False, 2, 0),
        ("main", "five", None, True, 5, 0),
        ("sales", "keyed", "A hidden key", False, 3, 0),
        ("sales", "orders", "All orders", True, 6, 2),
    ]
    assert listed(sql, "duckdb_tables", "tags", "table_name = 'orders' AND schema_name = 'sales'") == [
        ({"kind": "facts"},)
    ]
    [(tags,)] = listed(sql, "duckdb_tables", "tags", "table_name = 'big'")
    assert json.loads(tags["vgi_required_filters"]) == [["id"], ["day", "place.city"]]
    [(create,)] = listed(sql, "duckdb_tables", "sql", "table_name = 'Ledger'")
    assert create == (
        'CREATE TABLE "Other One".Ledger("Order Number" BIGINT, sum DOUBLE, '
        '"Double Sum" DOUBLE GENERATED ALWAYS AS((sum * 2)), PRIMARY KEY("Order Number"));'
    )


def test_columns(sql: Session) -> None:
    columns = "column_index, column_name, data_type, column_default, is_nullable, comment"
    where = "schema_name = 'sales' AND table_name = 'orders'"
    assert listed(sql, "duckdb_columns", columns, where) == [
        (1, "id", "BIGINT", None, False, "Number of the order"),
        (2, "name", "VARCHAR", "('new' || ';')", False, None),
        (3, "price", "DOUBLE", "1.5", True, None),
        (4, "customer", "INTEGER", None, True, None),
        (5, "total", "DOUBLE", "CAST((price * 1.25) AS DOUBLE)", True, "Price with tax"),
        (6, "label", "VARCHAR", "CAST(((\"name\" || '#') || id) AS VARCHAR)", True, None),
    ]
    assert listed(sql, "duckdb_columns", "column_name, comment", "comment IS NOT NULL AND table_name = 'dear'") == [
        ("total", "With tax")
    ]
    assert listed(sql, "duckdb_columns", "column_name", "table_name = 'named'") == [("a",)]


def test_constraints(sql: Session) -> None:
    columns = "constraint_type, constraint_column_names, constraint_text, referenced_table, referenced_column_names"
    where = "schema_name = 'sales' AND table_name = 'orders'"
    assert listed(sql, "duckdb_constraints", columns, where) == [
        ("CHECK", ["name", "name"], 'CHECK(((length("name") > 1) AND ("name" != \';\')))', None, []),
        ("CHECK", ["price"], "CHECK((price >= 0))", None, []),
        ("FOREIGN KEY", ["customer"], "FOREIGN KEY (customer) REFERENCES sales.customers(id)", "customers", ["id"]),
        (
            "FOREIGN KEY",
            ["id"],
            'FOREIGN KEY (id) REFERENCES Other One.Ledger("Order Number")',
            "Ledger",
            ["Order Number"],
        ),
        ("NOT NULL", ["id"], "NOT NULL", None, []),
        ("NOT NULL", ["name"], "NOT NULL", None, []),
        ("PRIMARY KEY", ["id"], "PRIMARY KEY(id)", None, []),
        ("UNIQUE", ["customer", "name"], 'UNIQUE(customer, "name")', None, []),
        ("UNIQUE", ["name"], 'UNIQUE("name")', None, []),
    ]
    where = "schema_name != 'sales' OR table_name = 'named'"
    assert listed(sql, "duckdb_constraints", "table_name, constraint_type, constraint_column_names", where) == [
        ("Ledger", "PRIMARY KEY", ["Order Number"]),
        ("five", "PRIMARY KEY", ["a", "e"]),
        ("named", "NOT NULL", ["a"]),
        ("named", "UNIQUE", ["a"]),
    ]


def test_views(sql: Session) -> None:
    columns = "schema_name, view_name, comment, tags, column_count, sql"
    for view in ("sales.dear", '"Other One"."Over View"'):  # until then DuckDB does not know their columns
        sql.rows(f"FROM objects.{view} LIMIT 0")
    assert listed(sql, "duckdb_views", columns, "view_name IN ('dear', 'Over View')") == [
        ("Other One", "Over View", None, {}, 3,
         'CREATE VIEW "Other One"."Over View" AS SELECT * FROM sales.dear WHERE (id > 15);'),
        ("sales", "dear", "Orders above 5", {"kind": "view"}, 3,
         'CREATE VIEW sales.dear AS SELECT id, "name", total FROM sales.orders WHERE (price > 5);'),
    ]  # fmt: skip


@pytest.mark.full
def test_macros_are_listed(sql: Session) -> None:
    columns = "function_name, function_type, parameters, macro_definition, comment, tags"
    where = "function_name IN ('twice', 'numbered', 'greet') AND function_type LIKE '%macro'"
    twice, greet, numbered = sorted(listed(sql, "duckdb_functions", columns, where), key=lambda row: -len(row[3]))[::-1]
    assert twice == ("twice", "macro", ["x"], "(x * 2)", "Two times", {"kind": "macro"})
    assert numbered[:3] == ("greet", "macro", ["name", "greeting", "times", "loud", "scale"])
    assert greet == ("numbered", "table_macro", ["n"], 'SELECT i FROM "range"(n) AS t(i)', "Numbers", {})
    query = """
        SELECT arg_name, arg_type, arg_description, arg_default FROM vgi_function_arguments()
        WHERE catalog_name = 'objects' AND function_name = '%s' ORDER BY arg_position
    """
    assert sql.rows(query % "twice") == [("x", '"NULL"', "a number", None)]
    assert sql.rows(query % "greet")[1:] == [
        ("greeting", "VARCHAR", None, '"Hel\'lo"'),
        ("times", "BIGINT", None, "2"),
        ("loud", "BOOLEAN", None, "false"),
        ("scale", "DOUBLE", None, "1.5"),
    ]


def test_a_function_of_two_schemas_is_listed_where_it_was_declared(sql: Session) -> None:
    where = "function_name IN ('order_rows', 'ledger_rows')"
    assert listed(sql, "duckdb_functions", "schema_name, function_name", where) == [
        ("Other One", "ledger_rows"),
        ("main", "order_rows"),
    ]


def test_schemas_and_the_database(sql: Session) -> None:
    assert listed(sql, "duckdb_schemas", "schema_name, comment, tags") == [
        ("Other One", None, {}),
        ("main", None, {}),
        ("sales", "What was sold", {"owner": "tests"}),
    ]
    [(comment, kind, tags)] = listed(sql, "duckdb_databases", "comment, type, tags")
    assert (comment, kind) == ("Tables, views and macros", "vgi")
    assert tags["vgi_resolved_implementation_version"] == "3"


def test_information_schema(sql: Session) -> None:
    query = """
        SELECT table_schema, table_name, table_type, "TABLE_COMMENT" FROM information_schema.tables
        WHERE table_catalog = 'objects' AND table_name IN ('orders', 'dear') ORDER BY ALL
    """
    assert sql.rows(query) == [
        ("Other One", "orders", "BASE TABLE", "Of the same name as another one"),
        ("sales", "dear", "VIEW", "Orders above 5"),
        ("sales", "orders", "BASE TABLE", "All orders"),
    ]
    query = """
        SELECT column_name, column_default, is_nullable, data_type FROM information_schema.columns
        WHERE table_catalog = 'objects' AND table_schema = 'sales' AND table_name = 'orders' ORDER BY ordinal_position
    """
    assert [row[0] for row in sql.rows(query)] == ORDERS
    query = """
        SELECT constraint_type, count(*) FROM information_schema.table_constraints
        WHERE table_catalog = 'objects' AND table_schema = 'sales' AND table_name = 'orders' GROUP BY 1 ORDER BY 1
    """
    assert sql.rows(query) == [("CHECK", 4), ("FOREIGN KEY", 2), ("PRIMARY KEY", 1), ("UNIQUE", 2)]
    query = """
        SELECT table_name, column_name, ordinal_position FROM information_schema.key_column_usage
        WHERE table_catalog = 'objects' AND table_name IN ('five', 'Ledger') ORDER BY ALL
    """
    assert sql.rows(query) == [("Ledger", "Order Number", 1), ("five", "a", 1), ("five", "e", 2)]


# What is read


def test_generated_columns(sql: Session) -> None:
    assert sql.rows("SELECT * FROM objects.sales.orders WHERE id > 17") == [
        (18, "n18", 9.0, 0, 11.25, "n18#18"),
        (19, "n19", 9.5, 1, 11.875, "n19#19"),
    ]
    assert sql.rows("SELECT label, id, total FROM objects.sales.orders WHERE total > 11 AND label LIKE 'n1%'") == [
        ("n18#18", 18, 11.25),
        ("n19#19", 19, 11.875),
    ]
    assert sql.values("SELECT total FROM objects.sales.orders WHERE id = 3") == [1.875]
    assert sql.value("SELECT count(*) FROM objects.sales.orders") == 20
    assert sql.row("SELECT sum(total), max(label) FROM objects.sales.orders") == (118.75, "n9#9")


def test_names_in_any_case_and_in_quotes(sql: Session) -> None:
    ledger = [(number, number * 10.0, number * 20.0) for number in range(5)]
    assert sql.rows('FROM objects."Other One"."Ledger"') == ledger
    assert sql.rows('FROM OBJECTS."OTHER ONE".ledger WHERE "ORDER number" < 9') == ledger
    assert sql.values('SELECT "double sum" FROM objects."other one".LEDGER WHERE "DOUBLE SUM" > 50') == [60.0, 80.0]
    assert sql.value('SELECT count(*) FROM objects."Other One"."A ""Quoted"" table"') == 5
    assert sql.value('SELECT count(*) FROM objects."other one"."over VIEW"') == 4


def test_two_tables_of_one_name(sql: Session) -> None:
    query = (
        'SELECT a.name, b.sum FROM objects.sales.orders a JOIN objects."Other One".orders b ON a.id = b."Order Number"'
    )
    assert sorted(sql.rows(query)) == [(f"n{number}", number * 10.0) for number in range(5)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "packed",
            "(datetime.date(2024, 2, 29), [1, None, 3], {'a': 1, 'b': ['x', None]}, Decimal('12.30'), "
            "None, datetime.datetime(2020, 1, 1, 0, 0), None, b'\\x00', True)",
        ),
        (
            "packed_too",
            "(datetime.date(2024, 2, 29), [1, None, 3], {'a': 1, 'b': ['x', None]}, Decimal('12.30'), "
            "5, None, {'k': 1}, b'\\xff\\x00', False)",
        ),
        ("as_typed", "(\"it's; é\", (1.0, 2.5), 7, b'a\\x00b')"),
        ("no_limit", "('', (), None, b'')"),
        ("any_number", "5"),
        ("any_list", "[1, 2]"),
    ],
)
def test_arguments_of_all_types(sql: Session, table: str, said: str) -> None:
    assert sql.values(f"FROM objects.{table}") == [said]


@pytest.mark.full
def test_with_a_process_for_each_call(not_pooled: Session) -> None:
    not_pooled.attach("objects")
    assert not_pooled.values("SELECT said[2:9] FROM objects.packed_too") == ["datetime"]


def test_columns_that_are_computed(sql: Session) -> None:
    assert sql.rows("FROM objects.five") == [(100, 101, 102, 103, 104)]
    assert sql.rows("SELECT e, a FROM objects.five WHERE c = 102") == [(104, 100)]
    assert "LookupError: no -1 letters" in sql.error("FROM objects.broken")
    assert "table 'mistaken': primary_key= names 'c', which is none of its columns a, b" in sql.error(
        "FROM objects.mistaken"
    )


def test_tables_that_are_not_listed_are_logged(fresh: Session) -> None:
    fresh.execute("CALL enable_logging('VGI')")
    fresh.attach("objects")
    fresh.rows("SHOW ALL TABLES")
    messages = "\n".join(fresh.values("SELECT message::VARCHAR FROM duckdb_logs")).replace("\\'", "'")
    assert "table 'broken' is not listed: LookupError: no -1 letters" in messages
    assert "table 'mistaken' is not listed: DeclarationError" in messages


def test_settings_do_not_reach_tables_but_do_reach_views(fresh: Session) -> None:
    """The client sends them with the call of a function alone, and a view is such a call."""
    fresh.attach("objects")
    fresh.execute("SET objects_word = 'y'")
    assert fresh.values("FROM objects.asks()") == ["y"]
    assert fresh.values("FROM objects.asked_by_view") == ["y"]
    assert fresh.values("FROM objects.asked") == ["x"]


# Row ids


def test_row_ids(sql: Session) -> None:
    keyed = "objects.sales.keyed"
    assert sql.rows(f"SELECT rowid, * FROM {keyed} WHERE rowid IN (10, 50) ORDER BY rowid") == [
        (10, "a007", "b1", "a007b1"),
        (50, "a035", "b5", "a035b5"),
    ]
    assert sql.value(f"SELECT count(*) FROM {keyed} WHERE rowid >= 9000") == 100
    assert sql.value(f"SELECT sum(rowid) FROM {keyed}") == 10 * 999 * 1000 // 2
    assert 'Referenced column "key" not found' in sql.error(f"SELECT key FROM {keyed}")
    assert sql.rows("FROM objects.sales.named") == [(0,), (1,), (2,), (3,)]
    assert sql.rows("SELECT a, rowid FROM objects.sales.named WHERE rowid = 'id-2'") == [(2, "id-2")]


def test_late_materialization(fresh: Session, tmp_path: Path) -> None:
    """The first rows need two scans: one for the column to sort by, one for the rows that this has found."""
    file = tmp_path / "scans"
    worker = tmp_path / "late.py"
    source = Path(__file__).with_name("workers").joinpath("objects.py").read_text()
    worker.write_text(source.replace('"keyed", keyed_rows,', f'"keyed", keyed_rows, args=[{str(file)!r}],'))
    fresh.execute(attach_statement(location(worker), "objects", "late"))
    assert fresh.rows("SELECT a, b, ab FROM late.sales.keyed ORDER BY a LIMIT 3") == [
        ("a000", "b0", "a000b0"),
        ("a001", "b143", "a001b143"),
        ("a002", "b286", "a002b286"),
    ]
    first, second = map(json.loads, file.read_text().splitlines())
    assert set(first["columns"]) == {"key", "a"}
    assert set(second["columns"]) == {"key", "a", "b"}
    assert "key" in second["filters"], "by row id"
    file.unlink()
    fresh.rows("SELECT a, b FROM late.sales.keyed ORDER BY a")
    assert len(file.read_text().splitlines()) == 1


# Required filters


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        ("true", "id, one of (day, place.city)"),
        ("id = 3", "one of (day, place.city)"),
        ("day = DATE '2024-01-02'", "id"),
        ("id < 5 AND place.zip = 2", "one of (day, place.city)"),
    ],
)
def test_required_filters(sql: Session, condition: str, missing: str) -> None:
    message = sql.error(f"SELECT count(*) FROM objects.sales.big WHERE {condition}")
    assert "Table 'objects.sales.big' requires WHERE filters on: id, one of (day, place.city)" in message
    assert f"Missing: {missing}. Add predicates" in message


def test_required_filters_that_are_there(sql: Session) -> None:
    count = "SELECT count(*) FROM objects.sales.big WHERE id < 5 AND {}"
    assert sql.value(count.format("day > DATE '2024-01-02'")) == 3
    assert sql.value(count.format("place.city = 'c2'")) == 1
    assert sql.value(count.format("place = {'city': 'c3', 'zip': 3}")) == 1, "all of the struct"


# Views


def test_views_over_everything(by_alias: Session) -> None:
    sql = by_alias
    dear = [(number, f"n{number}", number * 0.625) for number in range(11, 20)]
    assert sql.rows("FROM mine.sales.dear") == dear
    assert sql.rows('FROM mine."Other One"."Over View"') == dear[5:]
    assert sql.values("FROM mine.sales.over_function") == [1, 2, 3]
    assert sql.values("FROM mine.sales.over_macro") == [0, 2, 4]
    assert sql.values("FROM mine.shouted") == ["P0!", "P1!", "P2!"]
    assert sql.rows("FROM mine.with_cte") == [(1, ")", ";")]
    assert sql.rows("FROM mine.literal_rows") == [(1, "a"), (2, "b")]
    assert sql.values("SELECT d.name FROM mine.sales.dear d JOIN mine.sales.orders USING (id) WHERE id = 12") == ["n12"]


# Macros


def test_scalar_macros(by_alias: Session) -> None:
    query = """
        SELECT mine.sales.twice(4), mine.now_and_then(), mine.sales.greet('Bob'),
            mine.sales.greet('Bob', 'Hi', 1, loud := true), mine.sales.greet('Bob', times := 1, scale := 2)
    """
    assert by_alias.row(query) == (8, 42, "Hel'lo, BobHel'lo, Bob1.5", "Hi, Bob!1.5", "Hel'lo, Bob2")
    assert by_alias.values("SELECT mine.sales.twice(n) FROM range(3) t(n)") == [0, 2, 4]


def test_scalar_macros_find_functions_of_their_own_schema(by_alias: Session) -> None:
    assert by_alias.row("SELECT mine.loud('a'), mine.sales.soft('ABC')") == ("A!", "abc…")
    assert "Scalar Function with name shout does not exist" in by_alias.error("SELECT mine.sales.astray('a')")


def test_table_macros(fresh: Session) -> None:
    """Those over tables of the catalog find them only after USE, and so do subqueries in scalar macros."""
    fresh.attach("objects", alias="mine")
    assert fresh.values("FROM mine.sales.numbered()") == [0, 1, 2]
    assert fresh.values("FROM mine.sales.numbered(n := 1)") == [0]
    assert sorted(fresh.values("FROM mine.sales.pair()")) == [1, 2]
    assert 'schema "sales" does not exist' in fresh.error("FROM mine.sales.top_orders()")
    assert 'schema "sales" does not exist' in fresh.error("SELECT mine.sales.first_id(1)")
    fresh.execute("USE mine")
    assert fresh.values("FROM sales.top_orders()") == [19, 18, 17]
    assert fresh.values("FROM mine.sales.top_orders(n := 1)") == [19]
    assert fresh.value("SELECT sales.first_id(1)") == 1


# What is refused


def test_at_without_history(sql: Session) -> None:
    for at in ("VERSION => 1", "TIMESTAMP => TIMESTAMP '2020-01-01'"):
        for relation in ("orders", "dear"):
            message = sql.error(f"FROM objects.sales.{relation} AT ({at})")
            assert "Catalog type does not support time travel" in message


def test_misspelt_names(sql: Session) -> None:
    for query, name in (
        ("FROM objects.sales.ordres", "orders"),
        ("FROM objects.sales.daer", "dear"),
        ("SELECT objects.sales.twise(1)", "twice"),
        ("FROM objects.sales.nubmered()", "numbered"),
    ):
        message = sql.error(query)
        assert "does not exist" in message
        assert f'Did you mean "{name}"?' in message
    assert 'Candidate bindings: "name"' in sql.error("SELECT nmae FROM objects.sales.orders")
    assert 'schema "slaes" does not exist' in sql.error("FROM objects.slaes.orders")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO objects.sales.plain VALUES (1, 'a', 2.0, 3)", "Table 'plain' does not support INSERT"),
        ("DELETE FROM objects.sales.keyed", "Table 'keyed' does not support DELETE"),
        ("UPDATE objects.sales.keyed SET a = 'x'", "Table 'keyed' does not support UPDATE"),
        ("DROP TABLE objects.sales.orders", "Cannot DROP TABLE in 'objects': catalog is read-only"),
        ("DROP VIEW objects.sales.dear", "Cannot DROP VIEW in 'objects': catalog is read-only"),
        ("CREATE VIEW objects.v AS SELECT 1", "Cannot CREATE VIEW in 'objects': catalog is read-only"),
    ],
)
def test_nothing_is_written(sql: Session, statement: str, expected: str) -> None:
    assert expected in sql.error(statement)
    assert sql.value("SELECT count(*) FROM objects.sales.dear") == 9


# What it costs


def calls(sql: Session, query: str) -> list[str]:
    """The methods that a query calls before its scan."""
    sql.execute("CALL truncate_duckdb_logs()")
    sql.rows(query)
    logged = """
        SELECT parse_duckdb_log_message('VGI', message).info['method'] FROM duckdb_logs
        WHERE parse_duckdb_log_message('VGI', message).event = 'catalog.rpc'
    """
    return sql.values(logged)


@pytest.fixture(scope="module")
def traced(open_session: Callable[..., Session]) -> Iterator[Session]:
    session = open_session(threads=1)
    session.execute("CALL enable_logging('VGI', level = 'TRACE')")
    session.attach("objects")
    session.rows("FROM objects.sales.customers")
    yield session
    session.close()


def test_a_scan_needs_no_bind(open_session: Callable[..., Session]) -> None:
    session = open_session(threads=1)
    try:
        session.execute("CALL enable_logging('VGI', level = 'TRACE')")
        session.attach("objects")
        assert calls(session, "FROM objects.sales.measured") == [
            "catalog_schemas",
            "catalog_schema_contents_tables",
            "catalog_schema_contents_functions",
        ]
        assert calls(session, "FROM objects.sales.measured WHERE id < 3") == []
    finally:
        session.close()


def test_what_is_computed_is_asked_for_each_scan(traced: Session) -> None:
    """It may change while the catalog is attached: a file that has grown must not be read by old statistics."""
    for _ in range(2):
        asked = calls(traced, "SELECT id FROM objects.sales.plain")
        assert "table_function_cardinality" in asked
        assert "table_function_statistics" in asked


def test_estimates_and_statistics(sql: Session) -> None:
    assert re.findall(r"~([\d,]+) rows?", plan(sql, "FROM objects.sales.measured")) == ["50"]
    assert set(re.findall(r"~([\d,]+) rows?", plan(sql, "FROM objects.sales.orders"))) == {"20"}
    for table, most in (("measured", 50), ("orders", 19)):
        assert "EMPTY_RESULT" in plan(sql, f"FROM objects.sales.{table} WHERE id > {most}")
        assert "EMPTY_RESULT" not in plan(sql, f"FROM objects.sales.{table} WHERE id > {most - 1}")
    assert "Min: 1, Max: 50" in sql.value("SELECT stats(id) FROM objects.sales.measured LIMIT 1")


def test_catalogs_that_name_the_location(sql: Session) -> None:
    [row] = sql.rows(f"SELECT * FROM vgi_catalogs({literal(LOCATION)})")
    assert row[:2] == ("objects", "3")
