"""Options of ATTACH: discovery, defaults, values, refusals."""

from __future__ import annotations

import pytest

from ..sql.session import Session, attach_statement, literal
from .attaching import attach, place

pytestmark = pytest.mark.sql

DEFAULTS = {
    "opt_bool": ("BOOLEAN", "true"),
    "opt_int8": ("TINYINT", "-8"),
    "opt_int16": ("SMALLINT", "-16"),
    "opt_int32": ("INTEGER", "-32"),
    "opt_int64": ("BIGINT", "-64"),
    "opt_uint8": ("UTINYINT", "8"),
    "opt_uint16": ("USMALLINT", "16"),
    "opt_uint32": ("UINTEGER", "32"),
    "opt_uint64": ("UBIGINT", "64"),
    "opt_float32": ("FLOAT", "1.5"),
    "opt_float64": ("DOUBLE", "2.5"),
    "opt_string": ("VARCHAR", "hello"),
    "opt_blob": ("BLOB", r"\x00\x01\x02"),
    "opt_date": ("DATE", "2026-04-24"),
    "opt_time": ("TIME", "12:34:56"),
    "opt_timestamp": ("TIMESTAMP", "2026-04-24 12:34:56"),
    "opt_timestamp_tz": ("TIMESTAMP WITH TIME ZONE", "2026-04-24 12:34:56+00"),
    "opt_decimal": ("DECIMAL(18,4)", "123.4500"),
    "opt_list": ("BIGINT[]", "[1, 2, 3]"),
    "opt_struct": ("STRUCT(a BIGINT, b VARCHAR)", "{'a': 1, 'b': x}"),
}

GIVEN = {
    "opt_bool": ("false", "false"),
    "opt_int8": ("-128", "-128"),
    "opt_int16": ("32767", "32767"),
    "opt_int32": ("1", "1"),
    "opt_int64": ("9223372036854775807", "9223372036854775807"),
    "opt_uint8": ("255", "255"),
    "opt_uint16": ("65535", "65535"),
    "opt_uint32": ("4294967295", "4294967295"),
    "opt_uint64": ("18446744073709551615", "18446744073709551615"),
    "opt_float32": ("0.25", "0.25"),
    "opt_float64": ("-1e300", "-1e+300"),
    "opt_string": ("'it''s'", "it's"),
    "opt_blob": (r"'\xFF\x00'::BLOB", r"\xFF\x00"),
    "opt_date": ("DATE '1999-12-31'", "1999-12-31"),
    "opt_time": ("TIME '01:02:03.000004'", "01:02:03.000004"),
    "opt_timestamp": ("TIMESTAMP '1999-12-31 01:02:03'", "1999-12-31 01:02:03"),
    "opt_timestamp_tz": ("TIMESTAMPTZ '1999-12-31 01:02:03+01'", "1999-12-31 00:02:03+00"),
    "opt_decimal": ("-0.0001", "-0.0001"),
    "opt_list": ("[4, 5]", "[4, 5]"),
    "opt_struct": ("{'a': 2, 'b': 'y'}", "{'a': 2, 'b': y}"),
}


def echo(session: Session, alias: str = "attach_options") -> dict[str, str]:
    """The options that an attachment has, as SQL prints them."""
    session.execute("SET TimeZone = 'UTC'")
    columns = ", ".join(f"{name}::VARCHAR" for name in DEFAULTS)
    return dict(zip(DEFAULTS, session.row(f"SELECT {columns} FROM {alias}.echo_attach_options()"), strict=True))


def test_options_are_told_before_attach(sql: Session) -> None:
    query = f"""
        SELECT catalog, o.name, o.type, o.required, o.default_value IS NULL, o.description
        FROM vgi_catalogs({literal(place("attach_options"))}), unnest(attach_options) t(o)
    """
    expected = [("attach_options", name, type_, False, False, "") for name, (type_, _) in DEFAULTS.items()]
    expected.append(("attach_options_required", "api_key", "VARCHAR", True, True, "API key"))
    expected.append(("attach_options_required", "region", "VARCHAR", False, False, ""))
    assert sql.rows(query) == expected


def test_defaults(sql: Session) -> None:
    attach(sql, "attach_options", "attach_options")
    assert echo(sql) == {name: default for name, (_, default) in DEFAULTS.items()}
    described = sql.rows("SELECT column_name, column_type FROM (DESCRIBE FROM attach_options.echo_attach_options())")
    assert described == [(name, type_) for name, (type_, _) in DEFAULTS.items()]


def test_values(sql: Session) -> None:
    attach(sql, "attach_options", "attach_options", ", ".join(f"{name} {given}" for name, (given, _) in GIVEN.items()))
    assert echo(sql) == {name: expected for name, (_, expected) in GIVEN.items()}


def test_two_attachments_keep_their_own(fresh: Session) -> None:
    attach(fresh, "attach_options", "attach_options", "opt_string 'one'", alias="one")
    attach(fresh, "attach_options", "attach_options", "OPT_STRING 'two', opt_int64 7", alias="two")
    query = "SELECT a.opt_string, a.opt_int64, b.opt_string, b.opt_int64 FROM {} a, {} b"
    assert fresh.row(query.format("one.echo_attach_options()", "two.echo_attach_options()")) == ("one", -64, "two", 7)


@pytest.mark.parametrize(
    ("options", "expected"), [("opt_none 1", "Unknown ATTACH option"), ("opt_int64 'x'", "Cannot cast ATTACH option")]
)
def test_what_the_extension_refuses(sql: Session, options: str, expected: str) -> None:
    assert expected in sql.error(attach_statement(place("attach_options"), "attach_options", "refused", options))


def test_a_required_option(sql: Session) -> None:
    statement = attach_statement(place("attach_options"), "attach_options_required", "refused", "region 'eu'")
    assert "cannot be attached without the required option 'api_key'." in sql.error(statement)
    attach(sql, "attach_options", "attach_options_required", "API_KEY 'secret'")
    schemas = "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'attach_options_required'"
    assert sql.values(schemas) == ["main"]
