"""The views and macros of ``example``."""

from __future__ import annotations

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql


def test_views_are_listed(example: Session) -> None:
    query = """
        SELECT schema_name, view_name, comment FROM duckdb_views()
        WHERE database_name = 'example' AND NOT internal ORDER BY ALL
    """
    assert example.rows(query) == [
        ("data", "small_numbers", "Numbers less than 10"),
        ("main", "even_numbers", "Even numbers from 0 to 98"),
        ("main", "first_ten", "First 10 integers"),
    ]


def test_tags_and_comments_of_columns(example: Session) -> None:
    tags = example.value("SELECT tags FROM duckdb_views() WHERE view_name = 'first_ten'")
    assert {"layer": "demo", "origin": "sequence"}.items() <= tags.items()
    query = """
        SELECT table_name, column_name, comment FROM duckdb_columns()
        WHERE database_name = 'example' AND table_name IN ('first_ten', 'small_numbers') ORDER BY ALL
    """
    assert example.rows(query) == [
        ("first_ten", "n", "Sequence index 0..9"),
        ("small_numbers", "value", "Single-digit value 0..9"),
    ]


def test_rows_of_views(example: Session) -> None:
    assert example.values("FROM first_ten ORDER BY n") == list(range(10))
    assert example.values("FROM example.main.even_numbers ORDER BY n") == list(range(0, 100, 2))
    assert example.values("FROM example.data.small_numbers ORDER BY value") == list(range(10))


def test_macros_are_listed(example: Session) -> None:
    query = """
        SELECT schema_name, function_name, function_type, parameters FROM duckdb_functions()
        WHERE database_name = 'example' AND function_type IN ('macro', 'table_macro') ORDER BY ALL
    """
    assert example.rows(query) == [
        ("main", "vgi_clamp", "macro", ["val", "lo", "hi"]),
        ("main", "vgi_multiply", "macro", ["x", "y"]),
        ("main", "vgi_range_table", "table_macro", ["n"]),
    ]


def test_parameters_of_macros_are_documented(example: Session) -> None:
    query = """
        SELECT function_name, arg_name, arg_description FROM vgi_function_arguments()
        WHERE catalog_name = 'example' AND function_type IN ('scalar_macro', 'table_macro') ORDER BY ALL
    """
    assert example.rows(query) == [
        ("vgi_clamp", "hi", "Upper bound (inclusive)"),
        ("vgi_clamp", "lo", "Lower bound (inclusive)"),
        ("vgi_clamp", "val", "Value to clamp"),
        ("vgi_multiply", "x", "First factor"),
        ("vgi_multiply", "y", "Second factor"),
        ("vgi_range_table", "n", "Number of rows to generate"),
    ]


def test_calls_of_macros(example: Session) -> None:
    query = "SELECT vgi_multiply(3, 4), vgi_clamp(-5), vgi_clamp(500), vgi_clamp(500, hi := 50), vgi_clamp(5, lo := 7)"
    assert example.row(query) == (12, 0, 100, 50, 7)
    assert example.values("FROM vgi_range_table(3)") == [0, 1, 2]
