"""Names of types, printed and read; DuckDB itself says what is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duckwing.types import (
    ANY,
    ARRAY,
    BIGINT,
    DECIMAL,
    GEOMETRY,
    LIST,
    MAP,
    STRUCT,
    UNION,
    VARCHAR,
    parse,
    sql_name,
)
from duckwing.types.keywords import QUOTED_KEYWORDS, identifier
from duckwing.types.refusals import MAX_DEPTH, nesting, refusal

from .strategies import SCALARS, TEXT, TYPES


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def typeof(database: duckdb.DuckDBPyConnection, name: str) -> Any:
    """DuckDB's own name of a type."""
    [name] = database.execute(f"SELECT typeof(NULL::{name})").fetchone() or ()
    return name


NAMES = TEXT.filter(lambda name: bool(name) and "\0" not in name)
MEMBERS = st.dictionaries(NAMES, TYPES.map(lambda pair: pair[0]), min_size=1, max_size=3).filter(
    lambda members: len({name.casefold() for name in members}) == len(members)
)
ALL_TYPES = TYPES.map(lambda pair: pair[0]) | MEMBERS.map(STRUCT) | MEMBERS.map(UNION)


@given(ALL_TYPES)
def test_what_is_printed_is_read_as_the_same_type(type: pa.DataType) -> None:
    assert parse(sql_name(type)) == type


@given(type=ALL_TYPES)
def test_duckdb_reads_what_is_printed_and_prints_what_is_read(
    database: duckdb.DuckDBPyConnection, type: pa.DataType
) -> None:
    assert parse(typeof(database, sql_name(type))) == type


@pytest.mark.parametrize("type", [type for type, _ in SCALARS], ids=str)
def test_names_of_scalars_are_duckdbs_own(database: duckdb.DuckDBPyConnection, type: pa.DataType) -> None:
    assert typeof(database, sql_name(type)) == sql_name(type)


def test_every_name_of_duckdb(database: duckdb.DuckDBPyConnection) -> None:
    """Those in its own catalog, in the spelling that it prints."""
    query = "SELECT DISTINCT type_name FROM duckdb_types() WHERE database_name = 'system' ORDER BY 1"
    names = [name for (name,) in database.execute(query).fetchall()]
    special = {"array", "enum", "list", "map", "null", "row", "struct", "type", "union", "variant"}
    assert special < set(names)
    for name in set(names) - special:
        assert sql_name(parse(name.upper())) == sql_name(parse(name)) == typeof(database, name)


@pytest.mark.parametrize(
    "name",
    [
        "varchar(10)",
        "char(3)",
        "character varying(4)",
        "national character varying",
        "nchar",
        "bit(3)",
        "float(24)",
        "float(25)",
        "double precision",
        "decimal",
        "numeric(5)",
        "dec( 5 ,\n2 )",
        "timestamp(0)",
        "timestamp(3)",
        "timestamp(6) without time zone",
        "timestamp(7)",
        "datetime(2)",
        "timestamp with time zone[]",
        "time without time zone",
        "Time With Time Zone",
        '"time with time zone"',
        '"INT"[]',
        "int array",
        "int array[3]",
        "int [ 3 ] [ ]",
        "int[][3]",
        'struct("a""b" int, "B c" text[])',
        "row(a int, b row(c uint8))",
        'map(text, union(n int, "select" text))',
    ],
)
def test_spellings(database: duckdb.DuckDBPyConnection, name: str) -> None:
    assert sql_name(parse(name)) == typeof(database, name)


def test_types_without_name_in_duckdb() -> None:
    assert parse("ANY") == parse('"NULL"') == ANY
    assert sql_name(ANY) == "ANY"
    assert parse("geometry") == GEOMETRY
    assert parse("struct(g geometry)") == STRUCT({"g": GEOMETRY})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the name of a type was expected, at the end"),
        ("int4x", "there is no such type, at 'int4x', character 1"),
        ('"double precision"', "there is no such type"),
        ("int int", "the end was expected, at 'int', character 5"),
        ("int[", "the size of the ARRAY, or ']', was expected, at the end"),
        ("int[x]", "the size of the ARRAY, or ']', was expected, at 'x', character 5"),
        ("int[3", "']' was expected, at the end"),
        ("int[0]", "an ARRAY has 1 to 100000 items, not 0, at '0', character 5"),
        ("int[100001]", "an ARRAY has 1 to 100000 items, not 100001"),
        ("int[9999999999]", "the size of the ARRAY, or ']', was expected"),
        ("integer(3)", "this type takes no parameters, at '3'"),
        ("varchar(x)", "a number was expected, at 'x'"),
        ("timestamp(10)", "a TIMESTAMP has at most 9 digits after the second, at '10'"),
        ("float(54)", "a FLOAT has 1 to 53 bits"),
        ("decimal(39)", "DECIMAL(39, 0) does not exist: 1 <= precision <= 38"),
        ("decimal(3,5)", "DECIMAL(3, 5) does not exist"),
        ("decimal(3,", "the number of digits after the point was expected, at the end"),
        ("map(int)", "',' was expected, at ')'"),
        ("map", "'(' was expected, at the end"),
        ("struct()", "the name of a member was expected, at ')'"),
        ("struct(a int,)", "the name of a member was expected, at ')'"),
        ("struct(a)", "the name of a type was expected, at ')', character 9"),
        ("struct(int)", "the name of a type was expected"),
        ("struct(a int, A text)", "there is already a member of this name, at 'A', character 15"),
        ('struct("a int)', "the name of a member was expected"),
        ('struct("" int)', "the name of a member was expected"),
        ("enum('a', 'b')", "an ENUM arrives as VARCHAR and cannot be returned; use VARCHAR, at 'enum'"),
        ("struct(v variant)", "a VARIANT can neither be passed nor returned; use JSON, at 'variant', character 10"),
        ("type", "a TYPE can neither be passed nor returned"),
        ("geometry('OGC:CRS84')", "use GEOMETRY without reference system"),
        ("int; drop table t", "the end was expected, at ';'"),
    ],
)
def test_what_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"cannot read the type {text!r}: ")
    assert reason in str(caught.value)


@given(st.text(st.sampled_from("int[]()3, '\"aSTRUCTmp\n$;-")) | st.text())
def test_any_text_is_a_type_or_a_value_error(text: str) -> None:
    try:
        type = parse(text)
    except ValueError:
        return
    assert parse(sql_name(type)) == type


def test_only_text_is_read() -> None:
    with pytest.raises(TypeError, match="the name of a type is a string, not 5"):
        parse(5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "levels"), [("", "[]", 1), ("", "[2]", 1), ("struct(a ", ")", 1), ("map(int, ", ")", 2)]
)
def test_nesting_is_bounded(before: str, after: str, levels: int) -> None:
    fits = (MAX_DEPTH - 1) // levels
    deep = parse(before * fits + "int" + after * fits)
    assert nesting(deep) == fits * levels + 1
    assert refusal(deep) is None
    assert refusal(LIST(LIST(deep))) == f"types can be nested {MAX_DEPTH} deep"
    for count in (fits + 1, 10_000):
        with pytest.raises(ValueError, match=f"types can be nested {MAX_DEPTH} deep"):
            parse(before * count + "int" + after * count)


def test_the_keywords_are_duckdbs(database: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    assert {name for (name,) in database.execute(query).fetchall()} == QUOTED_KEYWORDS


@given(name=NAMES | st.sampled_from(sorted(QUOTED_KEYWORDS)).map(str.upper))
def test_identifiers(database: duckdb.DuckDBPyConnection, name: str) -> None:
    relation = database.execute(f"SELECT 1 AS {identifier(name)}")
    assert relation.description is not None
    assert relation.description[0][0] == name


def test_identifiers_are_quoted_only_where_needed() -> None:
    type = STRUCT({"name": BIGINT, "Select": VARCHAR, "a b": ARRAY(BIGINT, 2), 'x"y': MAP(VARCHAR, DECIMAL(4, 2))})
    assert sql_name(type) == (
        'STRUCT(name BIGINT, "Select" VARCHAR, "a b" BIGINT[2], "x""y" MAP(VARCHAR, DECIMAL(4,2)))'
    )


@pytest.mark.parametrize(
    ("type", "reason"),
    [
        (STRUCT({"a": BIGINT, "A": BIGINT}), "members need different names, also when case is ignored"),
        (UNION({"a": BIGINT, "A": BIGINT}), "members need different names, also when case is ignored"),
        (LIST(STRUCT({"": BIGINT})), "a member needs a name"),
        (pa.list_(BIGINT, 100_001), "an ARRAY has 1 to 100000 items"),
        (pa.list_(BIGINT, 0), "an ARRAY has 1 to 100000 items"),
    ],
    ids=str,
)
def test_refusals_of_nested_types(type: pa.DataType, reason: str) -> None:
    assert refusal(type) == reason
