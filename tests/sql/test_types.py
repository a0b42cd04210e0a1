"""Every SQL type through every way in and out of a function, under every session setting that changes its form."""

from __future__ import annotations

import itertools
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duckwing.types import parse, sql_name
from duckwing.types.values import from_values

from ..types.strategies import TYPES
from .session import Session, attach_statement, location

pytestmark = pytest.mark.sql

LOSSLESS = "SET arrow_lossless_conversion = true"
VERSION = "SET arrow_output_version = '1.5'"

SETTINGS = {
    "default": "",
    "lossless": LOSSLESS,
    "large": "SET arrow_large_buffer_size = true",
    "large-lossless": f"SET arrow_large_buffer_size = true; {LOSSLESS}",
    "views": f"{VERSION}; SET produce_arrow_string_view = true",
    "list-views": f"{VERSION}; SET arrow_output_list_view = true; {LOSSLESS}",
}


@dataclass(frozen=True)
class Case:
    """A type and values of it.

    Attributes:
        sql: the type in SQL.
        values: SQL expressions; cast to the type.
        batch_only: values that Arrow has and Python has not.
        settings: settings under which the type can be handed over at all.
    """

    sql: str
    values: list[str]
    batch_only: list[str] = field(default_factory=list)
    settings: tuple[str, ...] = tuple(SETTINGS)


INFINITE = ["'infinity'", "'-infinity'"]
BIG = "123456789012345678901234567890123456789012345678901234567890"
UUIDS = ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]
AN_ID = "'12345678-9abc-def0-1234-56789abcdef0'"

CASES = {
    "boolean": Case("BOOLEAN", ["true", "false"]),
    "tinyint": Case("TINYINT", ["-128", "127", "0"]),
    "smallint": Case("SMALLINT", ["-32768", "32767"]),
    "integer": Case("INTEGER", ["-2147483648", "2147483647"]),
    "bigint": Case("BIGINT", ["-9223372036854775808", "9223372036854775807"]),
    "utinyint": Case("UTINYINT", ["0", "255"]),
    "usmallint": Case("USMALLINT", ["0", "65535"]),
    "uinteger": Case("UINTEGER", ["0", "4294967295"]),
    "ubigint": Case("UBIGINT", ["0", "18446744073709551615"]),
    "hugeint": Case(
        "HUGEINT",
        ["'-170141183460469231731687303715884105728'", "'99999999999999999999999999999999999999'", "-1", "0"],
    ),
    "uhugeint": Case("UHUGEINT", ["'340282366920938463463374607431768211455'", "0", "1"]),
    "float": Case("FLOAT", ["'nan'", "'inf'", "'-inf'", "'-0.0'", "'3.4028235e38'", "1e-45", "0.1"]),
    "double": Case("DOUBLE", ["'nan'", "'inf'", "'-inf'", "'-0.0'", "1.7976931348623157e308", "5e-324", "0.1"]),
    "decimal_1_0": Case("DECIMAL(1, 0)", ["-9", "9", "0"]),
    "decimal_4_2": Case("DECIMAL(4, 2)", ["-99.99", "0.01"]),
    "decimal_18_3": Case("DECIMAL(18, 3)", ["-999999999999999.999", "0.001"]),
    "decimal_38_10": Case("DECIMAL(38, 10)", ["'-9999999999999999999999999999.9999999999'", "'0.0000000001'"]),
    "decimal_38_0": Case("DECIMAL(38, 0)", ["'-99999999999999999999999999999999999999'", "'1'"]),
    "varchar": Case("VARCHAR", ["''", "'a'", "'日本語🦆'", "'a' || chr(0) || 'b'", "repeat('x', 1000000)"]),
    "blob": Case("BLOB", ["''", r"'\x00\xFF\x80'", "repeat('x', 1000000)"]),
    "bit": Case("BIT", ["'1'", "'0'", "'10101'", "'11111111'", "'000000001'"]),
    "uuid": Case("UUID", [*UUIDS, AN_ID]),
    "json": Case("JSON", ["'{\"a\": [1, null]}'", "'null'", "'\"\"'"]),
    "date": Case(
        "DATE",
        ["'0001-01-01'", "'9999-12-31'", "'1969-12-31'"],
        [*INFINITE, "'290309-12-22 (BC)'", "'5881580-07-10'"],
    ),
    "time": Case("TIME", ["'00:00:00'", "'23:59:59.999999'"]),
    "time_ns": Case("TIME_NS", ["'00:00:00'", "'23:59:59.999999'"], ["'12:34:56.123456789'"]),
    "timetz": Case(
        "TIMETZ",
        ["'00:00:00+00'", "'12:34:56.789+15:59:59'", "'23:59:59.999999-15:59:59'", "'01:02:03-00:30'"],
        settings=("lossless", "large-lossless", "list-views"),
    ),
    "timestamp_s": Case("TIMESTAMP_S", ["'1970-01-01'", "'9999-12-31 23:59:59'", "'0001-01-01'"], INFINITE),
    "timestamp_ms": Case("TIMESTAMP_MS", ["'1969-12-31 23:59:59.999'", "'0001-01-01'"], INFINITE),
    "timestamp": Case(
        "TIMESTAMP",
        ["'1970-01-01'", "'9999-12-31 23:59:59.999999'", "'0001-01-01'"],
        [*INFINITE, "'290309-12-22 (BC) 00:00:00'"],
    ),
    "timestamp_ns": Case(
        "TIMESTAMP_NS",
        ["'1970-01-01'", "'2262-04-11 23:47:16.854775'"],
        [*INFINITE, "'2000-01-01 00:00:00.123456789'"],
    ),
    "timestamptz": Case(
        "TIMESTAMPTZ",
        ["'1970-01-01 00:00:00+00'", "'2024-03-10 06:59:59.999999+00'", "'2024-11-03 05:30:00+00'"],
        INFINITE,
    ),
    "interval": Case(
        "INTERVAL",
        ["'1 year 2 months 3 days 4 hours 5.000006 seconds'", "'-1 month'", "'0 seconds'", "'-1 microsecond'"],
    ),
    "bignum": Case("BIGNUM", ["0", "'-1'", "'1'", "'255'", "'-256'", f"'{BIG}'", f"'-{BIG}'"]),
    "geometry": Case("GEOMETRY", ["'POINT(1 2)'", "'LINESTRING(0 0, 1 1)'", "'POLYGON EMPTY'"]),
    "list_integer": Case("INTEGER[]", ["[]", "[1, 2, NULL]", "[NULL]"]),
    "list_varchar": Case("VARCHAR[]", ["[]", "['a', NULL, '']"]),
    "list_uuid": Case("UUID[]", ["[]", f"[{AN_ID}, NULL]"]),
    "list_hugeint": Case("HUGEINT[]", ["[]", "['-170141183460469231731687303715884105728'::HUGEINT, NULL, 1]"]),
    "list_timestamptz": Case("TIMESTAMPTZ[]", ["[]", "['2024-07-01 12:00:00+00', NULL]"]),
    "list_boolean": Case("BOOLEAN[]", ["[]", "[true, NULL, false]"]),
    "list_blob": Case("BLOB[]", ["[]", r"['\x00'::BLOB, NULL]"]),
    "list_json": Case("JSON[]", ["[]", "['{}'::JSON, NULL]"]),
    "list_decimal": Case("DECIMAL(4, 2)[]", ["[]", "[1.5, NULL]"]),
    "list_bit": Case("BIT[]", ["[]", "['101'::BIT, NULL]"]),
    "list_list": Case("BIGINT[][]", ["[]", "[[1], NULL, [], [2, 3]]"]),
    "array_double": Case("DOUBLE[3]", ["[1, 2, NULL]", "['nan'::DOUBLE, 'inf'::DOUBLE, 1]"]),
    "array_varchar": Case("VARCHAR[2]", ["['a', NULL]", "['', 'b']"]),
    "array_uuid": Case("UUID[2]", [f"[{AN_ID}, NULL]"]),
    "struct": Case("STRUCT(a INTEGER, b VARCHAR)", ["{'a': 1, 'b': 'x'}", "{'a': NULL, 'b': NULL}"]),
    "struct_uuid": Case("STRUCT(id UUID, big HUGEINT)", [f"{{'id': {AN_ID}, 'big': -5}}", "{'id': NULL, 'big': NULL}"]),
    "map": Case("MAP(VARCHAR, INTEGER)", ["MAP {'a': 1, 'b': NULL}", "MAP {}"]),
    "map_uuid": Case("MAP(UUID, UHUGEINT)", [f"MAP {{{AN_ID}::UUID: 7::UHUGEINT}}", "MAP {}"]),
    "union": Case("UNION(number INTEGER, text VARCHAR)", ["union_value(number := 1)", "union_value(text := 'x')"]),
    "union_uuid": Case(
        "UNION(id UUID, bits BIT)", [f"union_value(id := {AN_ID}::UUID)", "union_value(bits := '101'::BIT)"]
    ),
}


def under(*settings: str) -> pytest.MarkDecorator:
    """Run with every type, under these settings."""
    pairs = [(setting, label) for setting in settings for label, case in CASES.items() if setting in case.settings]
    return pytest.mark.parametrize(("sql", "label"), pairs, indirect=["sql"])


@pytest.fixture(scope="module")
def sql(open_session: Callable[..., Session], request: pytest.FixtureRequest) -> Iterator[Session]:
    session = open_session(threads=2)
    session.execute(SETTINGS[request.param])
    session.attach("identity")
    yield session
    session.close()


@pytest.fixture(scope="module")
def default(open_session: Callable[..., Session]) -> Iterator[Session]:
    session = open_session()
    session.attach("identity")
    yield session
    session.close()


def cast(case: Case, values: list[str]) -> list[str]:
    return [f"CAST({value} AS {case.sql})" for value in [*values, "NULL"]]


def same(left: str, right: str) -> str:
    """SQL that is true for equal values; as text too, because 0.0 = -0.0."""
    text = f"{left}::VARCHAR IS NOT DISTINCT FROM {right}::VARCHAR"
    return f"({left} IS NOT DISTINCT FROM {right} AND {text} AND typeof({left}) = typeof({right}))"


@under(*SETTINGS)
def test_columns(sql: Session, label: str) -> None:
    case = CASES[label]
    for forms, values in ((("batch", "passed", "row"), case.values), (("batch", "passed"), case.batch_only)):
        if not values:
            continue
        rows = cast(case, values)
        calls = ", ".join(f"identity.{form}_{label}(x) AS {form}" for form in forms)
        checks = ", ".join(f"count(*) FILTER ({same('x', form)})" for form in forms)
        source = ", ".join(f"({row})" for row in rows)
        found = sql.row(f"SELECT {checks} FROM (SELECT x, {calls} FROM (VALUES {source}) s(x))")
        assert found == (len(rows),) * len(forms)


@under("default", "lossless")
def test_constants(sql: Session, label: str) -> None:
    case = CASES[label]
    *values, null = cast(case, case.values)
    calls = [(f"identity.{form}_{label}", x) for form in ("batch", "row") for x in values[:3]]
    checks = [same(f"{function}({x})", x) for function, x in calls]
    # As DuckDB's own functions, a call on a constant NULL of type DECIMAL has type "NULL".
    checks += [f"identity.{form}_{label}({null}) IS NULL" for form in ("batch", "row", "passed")]
    assert sql.row(f"SELECT {', '.join(checks)}") == (True,) * len(checks)


@under("default", "lossless", "views")
def test_table_functions(sql: Session, label: str) -> None:
    case = CASES[label]
    arguments = cast(case, case.values)
    listed = f"[{', '.join(arguments)}]"
    for form in ("rows", "columns"):
        call = f"identity.{form}_{label}({', '.join(arguments)})"
        assert sql.value(f"SELECT {same('found', listed)} FROM (SELECT list(v) AS found FROM {call})") is True


@pytest.mark.parametrize("label", [label for label, case in CASES.items() if case.batch_only])
def test_what_python_cannot_hold_is_an_error_and_names_the_value(default: Session, label: str) -> None:
    case = CASES[label]
    for value in case.batch_only:
        [x, _] = cast(case, [value])
        name = f"'{value.strip(chr(39))}' " if value in INFINITE else ""
        for message in (
            default.error(f"SELECT identity.row_{label}(x) FROM (VALUES ({x})) s(x)"),
            default.error(f"FROM identity.rows_{label}({x})"),
        ):
            assert "ArgumentError: function '" in message
            assert f" value {name}has no Python form" in message


@pytest.mark.parametrize(("label", "unit"), [("time", "us"), ("time_ns", "ns")])
def test_the_end_of_the_day_is_an_error(default: Session, label: str, unit: str) -> None:
    x = f"'24:00:00'::{label.upper()}"
    message = default.error(f"SELECT identity.row_{label}(x) FROM (VALUES ({x})) s(x)")
    assert f"argument 'value' of type {label.upper()} cannot be used" in message
    assert f"the {label.upper()} value has no Python form" in default.error(f"FROM identity.rows_{label}({x})")
    # Arrow has it, but the engine refuses it when it comes back.
    assert f"time64[{unit}] 86400000000" in default.error(f"SELECT identity.batch_{label}(x) FROM (VALUES ({x})) s(x)")


def test_offsets_are_never_lost(default: Session) -> None:
    for query in ("SELECT identity.{}_timetz({})", "FROM identity.rows_timetz({1})"):
        for form in ("batch", "row"):
            message = default.error(query.format(form, "'12:00:00+02'::TIMETZ"))
            assert "a TIME WITH TIME ZONE arrives without its offset" in message
            assert "SET arrow_lossless_conversion = true" in message


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
def test_time_zones(open_session: Callable[..., Session], zone: str) -> None:
    session = open_session()
    session.execute(f"SET TimeZone = '{zone}'")
    session.attach("identity")
    case = CASES["timestamptz"]
    arguments = cast(case, [*case.values, "'2011-12-29 23:59:59+00'"])
    source = ", ".join(f"({x})" for x in arguments)
    checks = [f"bool_and({same(f'identity.{form}_timestamptz(x)', 'x')})" for form in ("batch", "row")]
    assert session.row(f"SELECT {', '.join(checks)} FROM (VALUES {source}) s(x)") == (True, True)
    query = f"SELECT {same('list(v)', f'[{source}]')} FROM identity.rows_timestamptz({', '.join(arguments)})"
    assert session.value(query) is True
    session.close()


def test_end_of_day_with_offset(open_session: Callable[..., Session]) -> None:
    session = open_session()
    session.execute(SETTINGS["lossless"])
    session.attach("identity")
    x = "'24:00:00+00'::TIMETZ"
    assert session.value(f"SELECT {same(f'identity.batch_timetz({x})', x)}") is True
    message = session.error(f"SELECT identity.row_timetz(x) FROM (VALUES ({x})) s(x)")
    assert "the TIME WITH TIME ZONE value has no Python form" in message
    session.close()


LARGEST = "'170141183460469231731687303715884105727'::HUGEINT"


def test_hugeint_beyond_38_digits(default: Session) -> None:
    for form in ("batch", "passed", "row"):
        call = f"identity.{form}_hugeint(x)"
        assert default.value(f"SELECT {same(call, 'x')} FROM (VALUES ({LARGEST})) s(x)") is True


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT identity.batch_list_hugeint([{LARGEST}]) = [{LARGEST}]",
        f"SELECT v = {LARGEST} FROM identity.rows_hugeint({LARGEST})",
    ],
)
def test_hugeint_beyond_38_digits_within(default: Session, query: str) -> None:
    assert default.value(query) is True


def test_enum_for_varchar(default: Session) -> None:
    x = "'b'::ENUM('a', 'b')"
    for call in ("identity.batch_varchar({})", "identity.row_varchar({})"):
        query = f"SELECT {call.format('x')} = 'b', typeof({call.format('x')}) FROM (VALUES ({x})) s(x)"
        assert default.row(query) == (True, "VARCHAR")
    assert default.rows(f"FROM identity.rows_varchar({x})") == [("b",)]


def test_any_takes_every_type(default: Session) -> None:
    for label, case in CASES.items():
        [x, null] = cast(case, case.values[:1])
        types = default.values(f"SELECT identity.any_type(x) FROM (VALUES ({x}), ({null})) s(x)")
        assert types[0], label
        assert types[1] is None, label


@pytest.mark.parametrize("sql", SETTINGS, indirect=True)
def test_any_has_one_form_under_all_settings(sql: Session) -> None:
    """And one that the functions of Arrow take."""
    query = """
        SELECT DISTINCT identity.any_type(s), identity.any_type(b), identity.any_type(l), identity.any_type(d)
        FROM (VALUES ('a', 'b'::BLOB, [['x']], 1.5), (NULL, NULL, NULL, NULL)) t(s, b, l, d) WHERE s = 'a'
    """
    text, blob, lists, decimal = sql.row(query)
    assert (text, blob, decimal) == ("string", "binary", "decimal128(2, 1)")
    assert re.fullmatch(r"list<\w+: list<\w+: string>>", lists)


@pytest.mark.parametrize(
    ("x", "type"),
    [
        ("1::TINYINT", "int8"),
        ("1", "int32"),
        ("1.5", "decimal128(2, 1)"),
        ("'a'", "string"),
        ("'a'::ENUM('a')", "dictionary<values=string, indices=uint8, ordered=0>"),
        ("[1]", "list<l: int32>"),
        ("{'a': 1}", "struct<a: int32>"),
        ("now()", "timestamp[us, tz="),
    ],
)
def test_any_has_the_type_of_the_call(default: Session, x: str, type: str) -> None:
    assert default.value(f"SELECT identity.any_type({x})").startswith(type)


# Python classes, unions, and what has limits


@pytest.fixture(scope="module")
def classes(open_session: Callable[..., Session]) -> Iterator[Session]:
    session = open_session()
    session.attach("types_classes", alias="c")
    yield session
    session.close()


ID = "00000000-0000-0000-0000-000000000001"
STOP = f"{{'id': '{ID}'::UUID, 'at': {{'x': 1, 'y': 2}}, 'wait': INTERVAL 3 DAY, 'fare': 1.5}}"
TRIP = f"{{'stops': [NULL, {STOP}], 'by_name': MAP {{'a': {{'x': 3, 'y': 4}}}}, 'starts': TIME '08:00:00'}}"


def test_instances_of_classes(classes: Session) -> None:
    assert classes.values("SELECT c.moved(p, 1) FROM (VALUES ({'y': 2, 'x': 1}), (NULL)) t(p)") == [
        {"x": 2.0, "y": 3.0},
        None,
    ]
    stop = {"id": uuid.UUID(ID), "at": {"x": 1.0, "y": 2.0}, "wait": timedelta(days=3), "fare": Decimal("1.50")}
    assert classes.value(f"SELECT c.as_given({STOP})") == stop
    types = 'STRUCT(id UUID, "at" STRUCT(x DOUBLE, y DOUBLE), wait INTERVAL, fare DECIMAL(6,2))'
    assert classes.value(f"SELECT typeof(c.as_given({STOP}))") == types
    assert classes.value(f"SELECT c.as_given({{'id': '{ID}'::UUID, 'at': NULL, 'wait': NULL, 'fare': NULL}})") == {
        "id": uuid.UUID(ID),
        "at": None,
        "wait": None,
        "fare": None,
    }


def test_classes_within_others(classes: Session) -> None:
    assert classes.value(f"SELECT c.summary({TRIP})") == (
        "{'stops': [None, Stop(id=UUID('00000000-0000-0000-0000-000000000001'), at=Point(x=1.0, y=2.0), "
        "wait=datetime.timedelta(days=3), fare=Decimal('1.50'))], 'by_name': {'a': Point(x=3.0, y=4.0)}, "
        "'starts': datetime.time(8, 0)}"
    )
    assert classes.value(
        f"SELECT c.reversed_trip({TRIP}).stops[2] IS NULL AND c.reversed_trip({TRIP}).stops[1].at.x = 1"
    )
    corners = "SELECT c.corners([{'x': 1, 'y': 2}, {'x': 3, 'y': 4}])"
    assert classes.value(corners) == {"1": {"x": 1.0, "y": 2.0}, "3": {"x": 3.0, "y": 4.0}}
    rows = "FROM c.around({'x': 1, 'y': 2}, steps := [{'x': 1, 'y': 0}, {'x': 0, 'y': 1}])"
    assert classes.values(rows) == [{"x": 2.0, "y": 2.0}, {"x": 1.0, "y": 3.0}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"as_given({STOP.replace('1.5', '-1')})", "argument 'stop' of type STRUCT(id UUID, "),
        (f"as_given({STOP.replace('1.5', '-1')})", "cannot be used: a fare is not negative"),
        (f"as_given({STOP.replace('3 DAY', '1 MONTH')})", "an INTERVAL of months has no timedelta; annotate with"),
        ("wrong_class(1)", "STRUCT(x DOUBLE, y DOUBLE), got Stop(id=UUID('00000000-0000-0000-0000-000000000001')"),
        ("wrong_class(1)", "the STRUCT has the members x, y, not id, at, wait, fare"),
    ],
)
def test_instances_that_cannot_be(classes: Session, query: str, message: str) -> None:
    assert message in classes.error(f"SELECT c.{query}")


@pytest.mark.parametrize(
    ("value", "shown", "back"),
    [
        ("union_value(number := 1)", "('number', 1)", ("number", "2")),
        ("union_value(text := 'a')", "('text', 'a')", ("text", "aa")),
        ("union_value(place := {'x': 1})", "('place', {'x': 1})", ("place", "{'x': 1}")),
        ("5", "('number', 5)", ("number", "10")),
        ("NULL", None, (None, None)),
    ],
)
def test_unions_are_tag_and_value(classes: Session, value: str, shown: str | None, back: tuple[Any, Any]) -> None:
    union = f"({value})::UNION(number INTEGER, text VARCHAR, place STRUCT(x INTEGER))"
    query = f"SELECT c.shown(u), union_tag(c.doubled(u)), c.doubled(u)::VARCHAR FROM (VALUES ({union})) t(u)"
    assert classes.row(query) == (shown, *back)


def test_unions_in_lists(classes: Session) -> None:
    one, other = "union_value(n := 1)::UNION(n INT, t VARCHAR)", "union_value(t := 'x')::UNION(n INT, t VARCHAR)"
    query = f"SELECT c.unions(x) FROM (VALUES ([{one}, NULL, {other}]), ([]), (NULL)) s(x)"
    assert classes.values(query) == [["n", None, "t"], [], None]
    assert classes.values("SELECT c.unions([]::UNION(n INT, t VARCHAR)[]) FROM range(2)") == [[], []]
    assert classes.values("FROM c.empty_unions()") == [[], [], None]


def test_geometries(classes: Session) -> None:
    for function in ("geometry", "geometries", "wkb"):
        for x in ("'POINT(1 2)'::GEOMETRY", "'POINT(1 2)'::GEOMETRY('OGC:CRS84')"):
            query = f"SELECT c.{function}(x)::VARCHAR, typeof(c.{function}(x)) FROM (VALUES ({x})) t(x)"
            assert classes.row(query) == ("POINT (1 2)", "GEOMETRY")
    assert "geometry(GEOMETRY)" in classes.error(r"SELECT c.geometry('\x00'::BLOB)")


def test_what_is_returned_needs_no_setting(classes: Session) -> None:
    query = "SELECT typeof(c.time_of(3, 2)), c.time_of(3, 2)::VARCHAR, typeof(c.big()), c.big()"
    assert classes.row(query) == ("TIME WITH TIME ZONE", "03:00:00+02", "HUGEINT", -(1 << 127))


@pytest.mark.parametrize(
    ("x", "default", "lossless"),
    [
        (f"'{ID}'::UUID", f"'{ID}'", f"UUID('{ID}')"),
        ("'{}'::JSON", "'{}'", "'{}'"),
        ("5::HUGEINT", "Decimal('5')", "5"),
        ("'340282366920938463463374607431768211455'::UHUGEINT", "Decimal('-1')", str((1 << 128) - 1)),
        ("'101'::BIT", r"b'\x05\xfd'", "'101'"),
        ("'10:00:00+00'::TIMETZ", "datetime.time(10, 0)", "datetime.time(10, 0, tzinfo=datetime.timezone.utc)"),
        ("12::BIGNUM", "12", "12"),
        ("'a'::ENUM('a', 'b')", "'a'", "'a'"),
        ("true", "True", "True"),
        ("[{'a': false}]", "[{'a': False}]", "[{'a': False}]"),
    ],
)
def test_any_loses_what_the_documentation_says(fresh: Session, x: str, default: str, lossless: str) -> None:
    fresh.attach("types_classes", alias="c")
    assert fresh.value(f"SELECT c.any_value({x})") == default
    fresh.execute(LOSSLESS)
    assert fresh.value(f"SELECT c.any_value({x})") == lossless


def test_variants_are_refused_or_cast(classes: Session) -> None:
    for x in ("1::VARIANT", "[1::VARIANT]", "{'a': 1::VARIANT}"):
        assert "Unsupported Arrow type VARIANT" in classes.error(f"SELECT c.any_value({x})")
    assert classes.value("SELECT c.moved({'x': 1, 'y': 2}::VARIANT, 1)") == {"x": 2.0, "y": 3.0}


def test_types_are_nested_as_deep_as_documented(classes: Session) -> None:
    value = "[" * 59 + "1" + "]" * 59
    assert classes.row(f"SELECT c.deep({value}) = {value}, c.deep(x) = x FROM (VALUES ({value})) t(x)") == (True, True)
    assert classes.value(f"SELECT v = {value} FROM c.deep_rows({value})") is True


# Types and values that nobody thought of


@st.composite
def tables(draw: st.DrawFn, columns: int, rows: int) -> list[tuple[pa.DataType, list[Any]]]:
    """Columns of equal length."""
    types = [draw(TYPES) for _ in range(columns)]
    return [(type, draw(st.lists(st.none() | values, min_size=rows, max_size=rows))) for type, values in types]


def check_drawn(sql: Session, folder: Path, table: list[tuple[pa.DataType, list[Any]]], lossless: bool) -> None:
    """That the values come back from every function, as they went there."""
    arrays = [from_values(values, type, "column") for type, values in table]
    source = pa.table(arrays, names=[f"c{n}" for n in range(len(arrays))])
    (folder / "types").write_text("\0".join(sql_name(type) for type, _ in table), encoding="utf-8")
    with pa.ipc.new_file(folder / "columns.arrow", source.schema) as file:
        file.write_table(source)
    where = location("types_drawn", environment=f"DRAWN={shlex.quote(str(folder))}")
    sql.connection.register("source", source)
    sql.execute("CREATE OR REPLACE TEMP TABLE drawn AS SELECT row_number() OVER () AS i, * FROM source")
    sql.execute(attach_statement(where, "types_drawn", "drawn", sql.options))
    try:
        sql.execute(f"SET arrow_lossless_conversion = {lossless}")
        for number, (type, values) in enumerate(table):
            forms = ["batch", "row", "any_batch"]
            if "TIME WITH TIME ZONE" in sql_name(type) and not lossless:
                forms = []
            calls = "".join(f", drawn.main.{form}_{number}(c{number}) AS {form}" for form in forms)
            checks = "".join(f", count(*) FILTER ({same(f'c{number}', form)})" for form in forms)
            query = f"SELECT typeof(any_value(c{number})){checks} FROM (SELECT c{number}{calls} FROM temp.drawn)"
            name, *found = sql.row(query)
            assert parse(name) == type
            assert found == [len(values)] * len(forms), (forms, type, values)
            for form in ("rows", "columns"):
                rows = (
                    f"(SELECT row_number() OVER () AS i, v FROM drawn.main.{form}_{number}()) JOIN temp.drawn USING (i)"
                )
                check = f"count(*) FILTER ({same('v', f'c{number}')})"
                assert sql.row(f"SELECT count(*), {check} FROM {rows}") == (len(values),) * 2, (form, type, values)
    finally:
        sql.execute("DETACH drawn")
        sql.connection.unregister("source")


@pytest.fixture
def check(fresh: Session, tmp_path: Path) -> Callable[[list[tuple[pa.DataType, list[Any]]], bool], None]:
    folders = (tmp_path / str(number) for number in itertools.count())

    def check(table: list[tuple[pa.DataType, list[Any]]], lossless: bool) -> None:
        folder = next(folders)
        folder.mkdir()
        check_drawn(fresh, folder, table, lossless)

    return check


def drawn(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )


@drawn(examples=3)
@given(table=tables(columns=12, rows=6), lossless=st.booleans())
def test_drawn_types(check: Callable[..., None], table: list[tuple[pa.DataType, list[Any]]], lossless: bool) -> None:
    check(table, lossless)


@pytest.mark.full
@drawn(examples=60)
@given(table=tables(columns=10, rows=40), lossless=st.booleans())
def test_more_drawn_types(
    check: Callable[..., None], table: list[tuple[pa.DataType, list[Any]]], lossless: bool
) -> None:
    check(table, lossless)
