"""Tables, views and macros that are declared wrongly, and SQL that is none."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

import duckwing as dw
from duckwing.catalog.statements import check_expression, check_query, is_query, is_table_macro
from duckwing.catalog.views import Macro
from duckwing.types import ANY, BIGINT, DOUBLE, INTEGER, STRUCT, VARCHAR


@dw.table_function(
    columns={"id": BIGINT, "name": VARCHAR, "place": STRUCT({"zip": INTEGER, "at": STRUCT({"x": DOUBLE})})}
)
def rows(count: int, *labels: str, day: datetime.date = datetime.date(2024, 1, 1), limit: int | None = None) -> Any: ...


@dw.table_function(columns={"id": BIGINT})
def single() -> Any: ...


@dw.table_function(columns=lambda count: {f"c{n}": BIGINT for n in range(count)})
def wide(count: int) -> Any: ...


@dw.scalar
def scalar(value: int) -> int:
    return value


def of_one(value: int) -> int:
    return value


def refused(declare: Callable[[], object]) -> str:
    with pytest.raises(dw.DeclarationError) as caught:
        declare()
    return str(caught.value)


def table(**options: Any) -> Any:
    return dw.Catalog("c").table("t", rows, **{"args": [1], **options})


COLUMNS = "which is none of its columns id, name, place"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"primary_key": "ID"}, f"primary_key= names 'ID', {COLUMNS}"),
        ({"not_null": ["id", "nosuch"]}, f"not_null= names 'nosuch', {COLUMNS}"),
        ({"unique": ["id", ["name", "x"]]}, f"unique= names 'x', {COLUMNS}"),
        ({"defaults": {"x": "1"}}, f"defaults= names 'x', {COLUMNS}"),
        ({"column_comments": {"x": "y"}}, f"column_comments= names 'x', {COLUMNS}"),
        ({"row_id": "x"}, f"row_id= names 'x', {COLUMNS}"),
        ({"foreign_keys": dw.ForeignKey("x", "other")}, f"foreign_keys= names 'x', {COLUMNS}"),
        ({"required_filters": ["id", ["x", "name"]]}, f"required_filters= names 'x', {COLUMNS}"),
        ({"required_filters": "place.city"}, f"required_filters= names 'place.city', {COLUMNS}"),
        ({"required_filters": "place.at.y"}, f"required_filters= names 'place.at.y', {COLUMNS}"),
        ({"required_filters": "name.x"}, f"required_filters= names 'name.x', {COLUMNS}"),
        ({"primary_key": "g", "generated": {"h": dw.Generated(BIGINT, "id")}}, f"primary_key= names 'g', {COLUMNS}, h"),
        ({"required_filters": [[]]}, "required_filters= has an empty group"),
        ({"unique": ["id", []]}, "unique= has an empty group"),
        ({"args": [1, "a", 2]}, "argument 3 must be VARCHAR, got 2: "),
        ({"args": []}, "function 'rows' needs the argument 'count': rows(count BIGINT, "),
        ({"args": "a"}, "args= takes a list of values, not 'a'"),
        ({"args": {"count": 1}}, "args= takes a list of values, not {'count': 1}"),
        ({"args": ["one"]}, "argument 1 must be BIGINT, got 'one': "),
        ({"args": [2**70]}, f"argument 1 must be BIGINT, got {2**70}: "),
        ({"args": [None]}, "function 'rows': argument 'count' cannot be NULL"),
        ({"named": {"nosuch": 1}}, "function 'rows' has no parameter 'nosuch'"),
        ({"named": {"day": "soon"}}, "argument 'day' must be DATE, got 'soon': "),
        ({"comment": 5}, "comment= is a string, not 5"),
        ({"tags": {"a": 1}}, "tag 'a' is a string, not 1"),
        ({"column_comments": {"id": None}}, "column_comments= of column 'id' is a string, not None"),
        ({"column_comments": ["id"]}, "column_comments= takes a dict by column, not ['id']"),
        ({"defaults": {"id": 5}}, "defaults= of column 'id' is a string, not 5"),
        ({"defaults": {"id": "("}}, "the default of column 'id': ')' is missing at the end"),
        ({"checks": "id > 0; id < 5"}, "the check 'id > 0; id < 5' needs one SQL expression without ';'"),
        ({"checks": ["id > 0", " "]}, "the check ' ' needs one SQL expression, not ' '"),
        ({"checks": ["a)"]}, "the check 'a)': ')' at character 2 closes nothing"),
        ({"generated": {"g": "id + 1"}}, "generated= maps columns to dw.Generated(type, expression), not to 'id + 1'"),
        (
            {"generated": {"g": dw.Generated("BIGINT", "id")}},
            "the generated column 'g' needs a type from duckwing.types",
        ),
        ({"generated": {"g": dw.Generated(ANY, "id")}}, "column 'g' cannot be ANY: a column has one type"),
        ({"generated": {"g": dw.Generated(BIGINT, "")}}, "the generated column 'g' needs one SQL expression, not ''"),
        ({"generated": {"ID": dw.Generated(BIGINT, "1")}}, "a generated column has the name of another one"),
        ({"generated": {"": dw.Generated(BIGINT, "1")}}, "a generated column needs a name"),
        (
            {"generated": {"g": dw.Generated(BIGINT, "1")}, "defaults": {"g": "2"}},
            "column 'g' is generated, so it has no default",
        ),
        (
            {"generated": {"g": dw.Generated(BIGINT, "1")}, "row_id": "g"},
            "row_id= names 'g', which is generated; its function must have it",
        ),
        ({"row_id": "id", "primary_key": ["id", "name"]}, "primary_key= names 'id', which row_id= hides"),
        ({"row_id": "id", "unique": [["name", "id"]]}, "unique= names 'id', which row_id= hides"),
        (
            {"row_id": "id", "foreign_keys": [dw.ForeignKey("id", "o")]},
            "foreign_keys= names 'id', which row_id= hides",
        ),
        ({"foreign_keys": ["other"]}, "foreign_keys= takes dw.ForeignKey(columns, table), not 'other'"),
        (
            {"foreign_keys": [dw.ForeignKey(["id", "name"], "o", "id")]},
            "a foreign key of 2 columns refers to 1 of 'o'",
        ),
        ({"foreign_keys": [dw.ForeignKey([], "o")]}, "a foreign key of 0 columns refers to 0 of 'o'"),
        ({"foreign_keys": [dw.ForeignKey("id", "")]}, "the table of a foreign key needs a name"),
        ({"schema": "x"}, "there is no option 'schema'; help(duckwing.Schema.table) lists them"),
        ({"nosuch": 1}, "there is no option 'nosuch'; help(duckwing.Schema.table) lists them"),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, dict) else "",
)
def test_mistakes_of_tables(options: dict[str, Any], message: str) -> None:
    assert f"table 't': {message}" in refused(lambda: table(**options))


def test_mistakes_of_tables_beside_options() -> None:
    catalog = dw.Catalog("c")
    assert refused(lambda: catalog.table("", single)) == "a table needs a name: a non-empty string, not ''"
    message = refused(lambda: catalog.table("t", scalar))  # type: ignore[arg-type]
    assert message.startswith("table 't' needs a table function to scan it, not ScalarFunction(name='scalar'")
    message = refused(lambda: catalog.table("t", len))  # type: ignore[arg-type]
    assert message == "table 't' needs a table function to scan it, not <built-in function len>"
    assert refused(lambda: catalog.table("t", single, args=[1])) == (
        "table 't': args= has 1 values, but function 'single' takes 0 by position"
    )
    assert refused(lambda: catalog.table("t", single, row_id="id")) == "table 't': row_id= hides its only column"
    assert not list(catalog.table_functions()), "nothing is left of a table that was refused"


def test_one_name_may_stand_for_a_list() -> None:
    one = table(
        primary_key="id",
        not_null="id",
        unique="name",
        checks="id > 0",
        required_filters="id",
        foreign_keys=dw.ForeignKey("id", "other"),
    )
    assert (one.primary_key, one.not_null, one.unique, one.checks) == (("id",), ("id",), (("name",),), ("id > 0",))
    assert one.required_filters == (("id",),)
    assert one.foreign_keys == (dw.ForeignKey(["id"], "other", ["id"]),)
    assert table(required_filters=[["place.at.x", "place"], "name"]).required_filters[0] == ("place.at.x", "place")
    assert table(row_id="id", primary_key="id").row_id == "id"


def test_computed_columns_are_not_computed_while_the_module_is_imported() -> None:
    catalog = dw.Catalog("c")
    declared = catalog.table("t", wide, args=[2], primary_key="c5")
    assert refused(lambda: declared.columns) == (
        "table 't': primary_key= names 'c5', which is none of its columns c0, c1"
    )


def test_the_function_is_added_once_to_the_catalog() -> None:
    catalog = dw.Catalog("c")
    one, other = catalog.schema("one"), catalog.schema("other")
    one.table("a", single)
    other.table("b", single)
    catalog.table("c", single)
    assert [schema.name for schema in catalog.schemas() if schema.table_functions()] == ["one"]


def test_names_of_tables_and_views() -> None:
    catalog = dw.Catalog("c")
    catalog.table("T", single)
    catalog.view("v", "SELECT 1")
    clash = "schema 'main' already has a table or view '{}'"
    assert refused(lambda: catalog.table("t", single)).startswith(
        f"{clash.format('t')}; tables of one name need version="
    )
    assert refused(lambda: catalog.table("V", single)) == clash.format("V")
    assert refused(lambda: catalog.view("t", "SELECT 1")) == clash.format("t")
    assert refused(lambda: catalog.view("V", "SELECT 1")) == clash.format("V")
    catalog.schema("other").view("v", "SELECT 1")
    catalog.macro("t", [], "1")
    catalog.add(scalar, dw.scalar(name="v")(of_one))


def test_names_of_macros_and_functions() -> None:
    catalog = dw.Catalog("c")
    catalog.add(scalar)
    catalog.macro("m", [], "1")
    clash = "schema 'main' already has a function or macro '{}'"
    assert refused(lambda: catalog.macro("Scalar", [], "1")) == clash.format("Scalar")
    assert refused(lambda: catalog.macro("M", [], "SELECT 1")) == clash.format("M")
    assert refused(lambda: catalog.add(dw.scalar(name="M")(of_one))) == "schema 'main' already has a macro 'M'"


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda c: c.view("", "SELECT 1"), "a view needs a name: a non-empty string, not ''"),
        (lambda c: c.view("v", ""), "view 'v' needs one SELECT statement, not ''"),
        (lambda c: c.view("v", None), "view 'v' needs one SELECT statement, not None"),
        (lambda c: c.view("v", "-- nothing"), "view 'v' needs one SELECT statement, not '-- nothing'"),
        (lambda c: c.view("v", "a + 1"), "view 'v' needs one SELECT statement, not 'a + 1'"),
        (lambda c: c.view("v", "INSERT INTO t VALUES (1)"), "view 'v' needs one SELECT statement, not 'INSERT"),
        (lambda c: c.view("v", "CREATE VIEW v AS FROM t"), "view 'v' needs one SELECT statement, not 'CREATE"),
        (lambda c: c.view("v", "SHOW TABLES"), "view 'v' needs one SELECT statement, not 'SHOW TABLES'"),
        (lambda c: c.view("v", "SELECT 1;"), "view 'v' needs one SELECT statement without ';'"),
        (lambda c: c.view("v", "SELECT 1; SELECT 2"), "view 'v' needs one SELECT statement without ';'"),
        (lambda c: c.view("v", "SELECT 'a"), "view 'v': what ' opens at character 8 is never closed"),
        (lambda c: c.view("v", 'SELECT "a'), "view 'v': what \" opens at character 8 is never closed"),
        (lambda c: c.view("v", "SELECT $x$a$$"), "view 'v': what $x$ opens at character 8 is never closed"),
        (lambda c: c.view("v", "SELECT e'\\'"), "view 'v': what e' opens at character 8 is never closed"),
        (lambda c: c.view("v", "SELECT 1 /* /* */"), "view 'v': what /* opens at character 10 is never closed"),
        (lambda c: c.view("v", "SELECT (1"), "view 'v': ')' is missing at the end"),
        (lambda c: c.view("v", "SELECT [(1]"), "view 'v': ']' at character 11 stands where ')' is missing"),
        (lambda c: c.view("v", "SELECT 1)"), "view 'v': ')' at character 9 closes nothing"),
        (lambda c: c.view("v", "SELECT 1", comment=1), "view 'v': comment= is a string, not 1"),
        (lambda c: c.macro("", [], "1"), "a macro needs a name: a non-empty string, not ''"),
        (lambda c: c.macro("m", [], ""), "macro 'm' needs one SQL expression, not ''"),
        (lambda c: c.macro("m", "ab", "a"), "macro 'm': its parameters are a list of names, not one string"),
        (lambda c: c.macro("m", ["a", "A"], "a"), "macro 'm': two parameters have one name"),
        (lambda c: c.macro("m", ["a", ""], "a"), "macro 'm': a parameter needs a name"),
        (lambda c: c.macro("m", ["a"], "a; a"), "macro 'm' needs one SQL expression without ';'"),
        (lambda c: c.macro("m", ["a"], "FROM t; FROM t"), "macro 'm' needs one SELECT statement without ';'"),
        (lambda c: c.macro("m", ["a"], "SELECT (a"), "macro 'm': ')' is missing at the end"),
        (
            lambda c: c.macro("m", {"a": None}, "a"),
            "macro 'm': the default of 'a' is a bool, int, float or str, not None; ... says that it has none",
        ),
        (
            lambda c: c.macro("m", {"a": 1, "b": ...}, "a"),
            "macro 'm': parameter 'b' without a default follows 'a', which has one",
        ),
        (
            lambda c: c.macro("m", ["a"], "a", docs={"b": "?"}),
            "macro 'm': docs= explains 'b', which is none of its parameters",
        ),
    ],
)
def test_mistakes_of_views_and_macros(declare: Callable[[dw.Catalog], object], message: str) -> None:
    assert message in refused(lambda: declare(dw.Catalog("c")))


# What is a table macro


@pytest.mark.parametrize(
    ("definition", "is_table"),
    [
        ("x + 1", False),
        ("SELECT x", True),
        ("\n  -- a comment\n  from t", True),
        ("WITH t AS (SELECT 1) FROM t", True),
        ("VALUES (1)", True),
        ("values + 1", False),
        ("selected", False),
        ("TABLE t", True),
        ("(SELECT 1)", False),
        ("(SELECT 1) + 1", False),
        ("((SELECT 1))", False),
        ("(SELECT ')') + x", False),
        ("(SELECT 1) UNION (SELECT 2)", True),
        ("((SELECT 1) UNION (SELECT 2)) LIMIT 1", True),
        ("(SELECT 1) /* c */ EXCEPT (SELECT 2)", True),
    ],
)
def test_table_macros(definition: str, is_table: bool) -> None:
    """They are what DuckDB takes after AS TABLE and not after AS; a query in brackets is an expression to it."""
    macro: Macro = dw.Catalog("c").macro("m", ["x"], definition)
    assert macro.is_table is is_table is is_table_macro(definition)
    parameters = "x" if "values" not in definition.split() else '"values"'
    assert parses(f"CREATE MACRO m({parameters}) AS {'TABLE ' if is_table else ''}{definition}")


# SQL: what DuckDB parses is never refused


def parses(statement: str) -> bool:
    """Whether DuckDB reads this as one statement."""
    try:
        return len(duckdb.extract_statements(statement)) == 1
    except duckdb.Error:
        return False


def accepts(check: Callable[[object, str], None], text: str) -> bool:
    with contextlib.suppress(dw.DeclarationError):
        check(text, "x")
        return True
    return False


PIECES = [
    *("1", "a", "'a'", "''''", "'it''s'", "'\\'", "E'\\''", "e'\\\\'", "E'a''\\''", "x'00'", "DATE'2024-01-01'"),
    *('"a"', '"a""b"', '"(\'"', '"--"', "'--'", "'/*'", "'$$'", "$$a$$", "$$'(\"$$", "$a$ $$ ( $a$", "$é$]$é$", "a$b$"),
    *("(1)", "[1, 2]", "{'a': (1)}", "f(1, [2])", "[x for x in [1]]", "(SELECT ')')", "CASE WHEN a THEN ']' END"),
    *("(a LIKE'\\')",),
    *("E'a'\n'\\''", "é", "e", "E", "_e", "3.5", "a.b", "?", "TRUE", "'a'::VARCHAR", "a[1:2]", "MAP {'k': [1]}"),
]  # fmt: skip
GLUE = [
    " + ",
    "+",
    "||",
    " -- ) '\n+ ",
    "/* ( */ + ",
    "/* /* ' */ \" */ || ",
    "--\r+ ",
    "\t*\n",
    " AND ",
    "-- '\n, ",
    ", ",
]

expressions = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).flatmap(
    lambda pieces: st.lists(st.sampled_from(GLUE), min_size=len(pieces) - 1, max_size=len(pieces) - 1).map(
        lambda glue: "".join(itertools.chain(*itertools.zip_longest(pieces, glue, fillvalue="")))
    )
)

soup = st.lists(
    st.sampled_from(
        ["'", '"', "(", ")", "[", "]", "{", "}", "$$", "$a$", "$", "--", "\n", "\r", "/*", "*/", "\\", "E'", "e", "é"]
        + ["a", "1", " ", ",", "+", "''", '""', "$1", "x'", "_", "*", "/", "-", ":"]
    ),
    max_size=14,
).map("".join)


@given(expressions)
def test_valid_expressions(text: str) -> None:
    assert parses(f"SELECT {text}")
    check_expression(text, "x")
    check_query(f"SELECT {text}", "x")
    check_query(f"/* ; */ (WITH t AS (SELECT {text}\n) SELECT * FROM t -- ;\n)", "x")


@given(soup)
def test_what_duckdb_parses_is_never_refused(text: str) -> None:
    if parses(f"SELECT a{text}"):
        assert accepts(check_expression, f"a{text}")
        assert accepts(check_query, f"SELECT a{text}")
    if parses(f"SELECT {text}") and text.strip():
        assert accepts(check_query, f"SELECT {text}")


@given(expressions, st.sampled_from(["(", ")", "[", "]", "{", "}", "'", '"', "$$", "$b$", "/*", "E'\\'"]), st.data())
def test_what_is_not_balanced_is_refused(text: str, piece: str, data: st.DataObject) -> None:
    """A bracket or a quote too many is seen, unless DuckDB, too, takes it for part of something else."""
    place = data.draw(st.integers(0, len(text)))
    broken = f"{text[:place]}{piece}{text[place:]}"
    if accepts(check_expression, broken):
        assert parses(f"SELECT {broken}") or is_grammar(broken)
    else:
        assert not parses(f"SELECT {broken}")


def is_grammar(text: str) -> bool:
    """Whether DuckDB's complaint is of grammar: its words do not fit together, though each of them is one."""
    try:
        duckdb.extract_statements(f"SELECT {text}")
    except duckdb.Error as error:
        return "unterminated" not in str(error)
    return False


def test_unbalanced_at_every_place() -> None:
    text = "f(a, [1, {'k': (SELECT \"x\" FROM t)}], $q$)$q$, E'\\'') -- end"
    assert parses(f"SELECT {text}")
    outside = [
        place for place, letter in enumerate(text) if letter in "([{}])" and "$q$)" not in text[place - 3 : place + 1]
    ]
    for place in outside:
        assert not accepts(check_expression, text[:place] + text[place + 1 :]), place


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "select\n1",
        "FROM t",
        "TABLE t",
        "VALUES (1)",
        "VALUES(1)",
        "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3) FROM a",
        "((SELECT 1))",
        "(FROM t) ORDER BY 1",
        "PIVOT t ON a IN (1, 2) USING sum(b)",
        "UNPIVOT t ON a, b",
        "FROM t SELECT a WHERE b = ';' -- ;",
        "/* a */ -- b\n SELECT 1",
        "SELECT(1)",
        "SELECT'a'",
        "FROM'file.csv'",
        'FROM"t"',
        "SELECT*FROM t",
        "FROM (SHOW TABLES)",
        "FROM (DESCRIBE t)",
        "FROM (SUMMARIZE t)",
    ],
)
def test_statements_that_can_be_views(statement: str) -> None:
    assert parses(f"CREATE VIEW v AS {statement}")
    assert is_query(statement)
    check_query(statement, "x")


@pytest.mark.parametrize(
    "statement",
    ["SHOW TABLES", "DESCRIBE t", "SUMMARIZE t", "EXPLAIN SELECT 1", "CALL f()", "SET a = 1", "ATTACH 'a'"],
)
def test_statements_that_cannot(statement: str) -> None:
    assert not parses(f"CREATE VIEW v AS {statement}")
    assert not accepts(check_query, statement)


def test_long_sql_is_checked_fast() -> None:
    """No expression that backtracks: a megabyte of quotes and comments is read in one go."""
    for piece in ("'a''", "'", "/*", "$a$", "(", "E'\\'", '"', "-", "a$"):
        accepts(check_expression, piece * (1_000_000 // len(piece)))
