"""What ``vgi_function_arguments()`` shows of the arguments of ``example``."""

from __future__ import annotations

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql

COLUMNS = "arg_default, arg_choices, arg_range, arg_pattern"


def test_a_constant(example: Session) -> None:
    query = f"""
        SELECT arg_name, arg_type, is_positional, is_const, arg_description, {COLUMNS} FROM vgi_function_arguments()
        WHERE catalog_name = 'example' AND function_name = 'multiply' ORDER BY arg_name DESC
    """
    assert example.rows(query) == [
        ("value", "BIGINT", True, False, "Integer value to multiply", None, None, None, None),
        ("factor", "BIGINT", True, True, "Multiplication factor", None, None, None, None),
    ]


def test_constants_of_scalars(example: Session) -> None:
    query = """
        SELECT function_name, list(arg_name ORDER BY arg_name) FROM vgi_function_arguments()
        WHERE catalog_name = 'example' AND function_type = 'scalar' AND is_const GROUP BY ALL ORDER BY ALL
    """
    assert example.rows(query) == [
        ("binary_packet", ["config", "header"]),
        ("cached_add_const", ["addend"]),
        ("conditional_message", ["message", "repeat_count"]),
        ("format_number", ["precision", "precision", "prefix"]),
        ("hash_rounds", ["rounds"]),
        ("hash_seed", ["seed"]),
        ("multiply", ["factor"]),
        ("random_bytes", ["byte_length", "seed"]),
        ("smart_format", ["prefix", "width"]),
    ]


def test_any_type(example: Session) -> None:
    query = """
        SELECT arg_name, arg_type, is_any_type FROM vgi_function_arguments()
        WHERE catalog_name = 'example' AND function_name = 'double'
    """
    assert example.rows(query) == [("value", "ANY", True)]


@pytest.mark.parametrize(
    ("function", "ranges", "defaults"),
    [
        ("format_number", {("precision", "[0, 10]")}, set()),
        ("make_series", {("count", "[0, +inf)"), ("step", "[1, +inf)")}, set()),
        ("value_prune", {("count", "[0, +inf)")}, {"batch_size"}),
        ("cache_ordered", set(), {"rows", "chunk_size"}),
    ],
)
def test_ranges(example: Session, function: str, ranges: set[tuple[str, str]], defaults: set[str]) -> None:
    query = f"""
        SELECT arg_name, arg_type, arg_range, arg_choices, arg_pattern, arg_default FROM vgi_function_arguments()
        WHERE catalog_name = 'example' AND function_name = '{function}'
    """
    found = example.rows(query)
    assert {(name, range_) for name, _, range_, *_ in found if range_ is not None} == ranges
    limited = {name for name, _ in ranges}
    assert all(range_ is not None for name, type_, range_, *_ in found if name in limited and type_ == "BIGINT")
    assert all((choices, pattern) == (None, None) for _, _, _, choices, pattern, _ in found)
    assert {name for name, *_, default in found if default is not None} == defaults


def test_ranges_are_enforced(example: Session) -> None:
    assert "must be >= 0" in example.error("FROM make_series(-1)")
    assert "must be >= 1" in example.error("FROM make_series(1, 10, 0)")


def test_nothing_is_positional_and_named(example: Session) -> None:
    query = "SELECT function_name, arg_name FROM vgi_function_arguments() WHERE is_positional AND is_named"
    assert example.rows(query) == []
