"""Constraints and choices of arguments through SQL: what is refused, when, and what the catalog shows."""

from __future__ import annotations

import pytest

from .session import Session

pytestmark = [pytest.mark.sql]
pytest.importorskip("annotated_types")


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("constrained")
    return sql


def test_allowed_values(sql: Session) -> None:
    query = """
        SELECT constrained.percent(0), constrained.percent(100), constrained.percent(NULL), constrained.optional(NULL),
            constrained.sku('AB1'), constrained.unit('km'), constrained.color('blue'), constrained.color('red', 10),
            constrained.rounded(1.256, 2), constrained.rounded(1.256, NULL)
    """
    expected = (0, 100, None, "None", "AB1", "unit km", "BLUE LOW", "RED HIGH", 1.26, None)
    assert sql.row(query) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("percent(101)", "function 'percent': argument 'k' must be in [0, 100], got 101"),
        ("optional(-1)", "function 'optional': argument 'k' must be in [0, 100], got -1"),
        ("sku('ab1')", r"function 'sku': argument 'code' must match the pattern [A-Z]{2}\d+, got 'ab1'"),
        ("sku('AB1234')", "function 'sku': argument 'code' must have a length of at most 5, got 'AB1234'"),
        ("lower('A')", "function 'lower': argument 'text' must satisfy islower, got 'A'"),
        ("unit('ft')", "function 'unit': argument 'name' must be one of the allowed choices 'm', 'km', got 'ft'"),
        (
            "color('green')",
            "function 'color': argument 'value' must be one of the allowed choices 'red', 'blue', got 'green'",
        ),
        ("color('red', 2)", "function 'color': argument 'level' must be one of the allowed choices 1, 10, got 2"),
        ("rounded(1.5, 4)", "function 'rounded': argument 'digits' must be in [0, 3], got 4"),
    ],
)
def test_refused_values(sql: Session, call: str, expected: str) -> None:
    assert f"ArgumentError: scalar {expected}" in sql.error(f"SELECT constrained.{call}")


def test_one_wrong_value_of_a_column_is_found(sql: Session) -> None:
    assert sql.value("SELECT sum(constrained.percent(i)) FROM range(101) t(i)") == 5050
    message = sql.error("SELECT sum(constrained.percent(CASE WHEN i = 4999 THEN 1000 END)) FROM range(5000) t(i)")
    assert "argument 'k' must be in [0, 100], got 1000" in message


def test_arguments_of_table_functions(sql: Session) -> None:
    assert sql.row("FROM constrained.arguments(3)") == (3, 0.5, "fast", None)
    call = "constrained.arguments(6, step := 2, mode := 'slow', color := 'red')"
    assert sql.row(f"FROM {call}") == (6, 2.0, "slow", "RED")
    assert sql.rows("FROM constrained.each(1, 100)") == [(1,), (100,)]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("arguments(0)", "function 'arguments': argument 'k' must be >= 1, got 0"),
        ("arguments(4)", "function 'arguments': argument 'k' must be a multiple of 3, got 4"),
        ("arguments(3, step := 0)", "function 'arguments': argument 'step' must be > 0, got 0.0"),
        (
            "arguments(3, mode := 'x')",
            "function 'arguments': argument 'mode' must be one of the allowed choices 'fast', 'slow', got 'x'",
        ),
        (
            "arguments(3, color := 'x')",
            "function 'arguments': argument 'color' must be one of the allowed choices 'red', 'blue', got 'x'",
        ),
        ("each(1, 101)", "function 'each': argument 'ks' must be in [0, 100], got 101"),
    ],
)
def test_refused_arguments_fail_at_bind(sql: Session, call: str, expected: str) -> None:
    assert f"ArgumentError: table {expected}" in sql.error(f"EXPLAIN FROM constrained.{call}")


def test_the_catalog_shows_them(sql: Session) -> None:
    shown = sql.rows("""
        SELECT DISTINCT function_name, arg_name, arg_choices, arg_range, arg_pattern, arg_default
        FROM vgi_function_arguments()
        WHERE catalog_name = 'constrained' AND coalesce(arg_choices, arg_range, arg_pattern) IS NOT NULL
        ORDER BY ALL
    """)
    assert shown == [
        ("arguments", "color", '["red", "blue"]', None, None, "null"),
        ("arguments", "k", None, "[1, +inf)", None, None),
        ("arguments", "mode", '["fast", "slow"]', None, None, '"fast"'),
        ("arguments", "step", None, "(0, +inf)", None, "0.5"),
        ("color", "level", "[1, 10]", None, None, "1"),
        ("color", "value", '["red", "blue"]', None, None, None),
        ("each", "ks", None, "[0, 100]", None, None),
        ("optional", "k", None, "[0, 100]", None, None),
        ("percent", "k", None, "[0, 100]", None, None),
        ("rounded", "digits", None, "[0, 3]", None, None),
        ("sku", "code", None, None, r"[A-Z]{2}\d+", None),
        ("unit", "name", '["m", "km"]', None, None, None),
    ]
    documented = "FROM vgi_function_arguments() SELECT arg_description WHERE arg_name = 'code'"
    assert sql.value(documented) == "of a product"
