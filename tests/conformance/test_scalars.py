"""The scalar functions of ``example``: what is registered, and what they compute."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql

POINT = "STRUCT(lat DOUBLE, lon DOUBLE)"
CONFIG = 'STRUCT("label" VARCHAR, "version" BIGINT)'

DESCRIBED = {
    ("add_values", "col1 ANY, col2 ANY", "ANY", "Adds two numeric values"),
    ("bernoulli", "", "BOOLEAN", "Generate random booleans (demonstrates VOLATILE stability)"),
    (
        "binary_packet",
        f"header BLOB, payload BLOB, config {CONFIG}",
        "BLOB",
        "Build binary packets with header, payload, and config",
    ),
    (
        "conditional_message",
        "repeat_count BIGINT, message VARCHAR, condition BOOLEAN",
        "VARCHAR",
        "Returns repeated message when condition is true",
    ),
    ("double", "value ANY", "ANY", "Doubles numeric values"),
    ("geo_centroid_fixed", "", POINT, "Centroid of N fixed-size list points"),
    ("geo_centroid_list", "", POINT, "Centroid of N list points"),
    ("geo_centroid_struct", "", POINT, "Centroid of N struct points"),
    (
        "geo_distance_fixed",
        "p1 DOUBLE[2], p2 DOUBLE[2]",
        "DOUBLE",
        "Euclidean distance between two fixed-size list points",
    ),
    ("geo_distance_list", "p1 DOUBLE[], p2 DOUBLE[]", "DOUBLE", "Euclidean distance between two list points"),
    ("geo_distance_struct", f"p1 {POINT}, p2 {POINT}", "DOUBLE", "Euclidean distance between two struct points"),
    ("format_number", "value DOUBLE", "VARCHAR", "Format number with default precision (0 decimals)"),
    ("format_number", "precision BIGINT, value DOUBLE", "VARCHAR", "Format number with specified precision"),
    (
        "format_number",
        "precision BIGINT, prefix VARCHAR, value DOUBLE",
        "VARCHAR",
        "Format number with precision and prefix",
    ),
    ("hash_seed", "seed BIGINT", "BIGINT", "Generate deterministic integers from a constant seed"),
    ("multiply", "value BIGINT, factor BIGINT", "BIGINT", "Multiplies a value by a constant factor"),
    ("multiply_by_setting", "value BIGINT", "BIGINT", "Multiply the input value by a setting value"),
    ("null_handling", "value BIGINT", "BIGINT", "Returns value or -5000 if null"),
    (
        "random_bytes",
        "seed BIGINT, byte_length BIGINT",
        "BLOB",
        "Generate pseudo-random binary blobs from seed and length",
    ),
    (
        "random_int",
        "min_val BIGINT, max_val BIGINT",
        "BIGINT",
        "Generate random integers (demonstrates VOLATILE stability)",
    ),
    ("return_secret_value", "", "VARCHAR", "Return a secret's value"),
    ("scale_by_setting", "value DOUBLE", "DOUBLE", "Scale the input value by the float setting `scale_factor`"),
    ("secret_field", "", "VARCHAR", "Look up secret fields by name"),
    ("sum_values", "", "ANY", "Sum multiple numeric values"),
    ("upper_case", "value VARCHAR", "VARCHAR", "Converts string values to uppercase"),
    (
        "test_same_name_bind",
        "value BIGINT",
        "VARCHAR",
        "Schema-disambiguation probe; the main-schema implementation",
    ),
    (
        "test_same_name_bind",
        "value BIGINT",
        "VARCHAR",
        "Schema-disambiguation probe; the data-schema implementation",
    ),
}

FREE = {
    ("any_mixed", "a ANY, b BIGINT", "VARCHAR"),
    ("any_mixed", "a ANY, b VARCHAR", "VARCHAR"),
    ("concat_values", "", "ANY"),
    ("pair_type", "a BIGINT, b BIGINT", "VARCHAR"),
    ("pair_type", "a VARCHAR, b VARCHAR", "VARCHAR"),
    ("pair_type", "a BIGINT, b VARCHAR", "VARCHAR"),
    ("smart_format", "width BIGINT, value DOUBLE", "VARCHAR"),
    ("smart_format", "prefix VARCHAR, value DOUBLE", "VARCHAR"),
    *(("type_info", f"v {type_}", "VARCHAR") for type_ in ("INTEGER", "BIGINT", "UINTEGER", "UBIGINT", "VARCHAR")),
    ("cached_double_scalar", "value BIGINT", "BIGINT"),
    ("cached_add_const", "value BIGINT, addend BIGINT", "BIGINT"),
    ("cached_label", "value BIGINT", "VARCHAR"),
    ("collatz_steps", "value BIGINT", "BIGINT"),
    ("query_seed", "value BIGINT", "BIGINT"),
    ("sha256_hex", "value VARCHAR", "VARCHAR"),
    ("passthru", "value VARCHAR", "VARCHAR"),
    ("hash_rounds", "value VARCHAR, rounds BIGINT", "VARCHAR"),
    ("global_scalar", "value BIGINT", "VARCHAR"),
    ("unnest_tensor", "tensor ANY", "ANY"),
    ("whoami", "x BIGINT", "VARCHAR"),
}

REGISTERED = """
    SELECT {} FROM duckdb_functions() WHERE database_name = 'example' AND function_type = 'scalar'
"""
SIGNATURE = """
    array_to_string(list_transform(list_zip(parameters, parameter_types), lambda x: x[1] || ' ' || x[2]), ', ')
"""


def test_what_is_registered(example: Session) -> None:
    columns = f"function_name, coalesce({SIGNATURE}, ''), return_type, description"
    found = example.rows(REGISTERED.format(columns))
    assert len(found) == 52
    free = {name for name, _, _ in FREE}
    assert {row for row in found if row[0] not in free} == DESCRIBED
    assert {row[:3] for row in found if row[0] in free} == FREE
    in_data = example.values(REGISTERED.format("function_name") + "AND schema_name = 'data'")
    assert in_data == ["test_same_name_bind"]


def test_stability_and_varargs(example: Session) -> None:
    unstable = REGISTERED.format("function_name, stability") + "AND stability <> 'CONSISTENT' ORDER BY ALL"
    assert example.rows(unstable) == [
        ("bernoulli", "VOLATILE"),
        ("query_seed", "CONSISTENT_WITHIN_QUERY"),
        ("random_int", "VOLATILE"),
    ]
    varargs = REGISTERED.format("function_name, varargs") + "AND varargs IS NOT NULL ORDER BY ALL"
    assert example.rows(varargs) == [
        ("concat_values", "BIGINT"),
        ("concat_values", "VARCHAR"),
        ("geo_centroid_fixed", "DOUBLE[2]"),
        ("geo_centroid_list", "DOUBLE[]"),
        ("geo_centroid_struct", POINT),
        ("sum_values", "ANY"),
    ]


PROMOTED = {
    "TINYINT": "SMALLINT",
    "SMALLINT": "INTEGER",
    "INTEGER": "BIGINT",
    "BIGINT": "BIGINT",
    "UTINYINT": "USMALLINT",
    "USMALLINT": "UINTEGER",
    "UINTEGER": "UBIGINT",
    "UBIGINT": "UBIGINT",
    "FLOAT": "DOUBLE",
    "DOUBLE": "DOUBLE",
    "DECIMAL(5,2)": "DECIMAL(6,2)",
    "DECIMAL(38,2)": "DECIMAL(38,2)",
}


@pytest.mark.parametrize("type_", PROMOTED)
def test_results_have_room(example: Session, type_: str) -> None:
    query = f"""
        SELECT double(x), typeof(double(x)), add_values(x, x), typeof(add_values(x, x)), sum_values(x, x, x),
            typeof(sum_values(x))
        FROM (SELECT 100::{type_} AS x)
    """
    promoted = PROMOTED[type_]
    assert example.row(query) == (200, promoted, 200, promoted, 300, promoted)


def test_hugeint(example: Session) -> None:
    assert example.rows("SELECT double(x) FROM (VALUES (5::HUGEINT), (NULL), (-7)) t(x)") == [(10,), (None,), (-14,)]


@pytest.mark.parametrize("value", ["'text'", "DATE '2020-01-01'", "TIMESTAMP '2020-01-01'", "INTERVAL 1 DAY", "[1]"])
def test_what_cannot_be_doubled(example: Session, value: str) -> None:
    message = example.error(f"SELECT double({value})")
    assert "VGI Worker Exception" in message
    assert "does not match any of: _is_multipliable_type" in message


def test_a_double_that_does_not_fit(example: Session) -> None:
    largest = "9" * 38
    assert "does not fit in precision 38" in example.error(f"SELECT double({largest}::DECIMAL(38,0))")
    assert example.value(f"SELECT double({'4' * 38}::DECIMAL(38,0))") == Decimal("8" * 38)


def test_common_types(example: Session) -> None:
    query = """
        SELECT typeof(add_values(1::INTEGER, 2::UINTEGER)), typeof(add_values(1::TINYINT, 2::DOUBLE)),
            add_values(1.25, 10.5), add_values(2::FLOAT, 3), add_values(1, 2.5), add_values(NULL, 1)
    """
    assert example.row(query) == ("BIGINT", "DOUBLE", Decimal("11.75"), 5.0, Decimal("3.5"), None)
    assert "_is_addable_type" in example.error("SELECT add_values('a', 'b')")


def test_sum_values(example: Session) -> None:
    assert example.rows("SELECT sum_values(x, 1, 2) FROM (VALUES (1), (NULL)) t(x)") == [(4,), (None,)]
    assert example.row("SELECT sum_values(1), sum_values(2.5, 1), sum_values(1.5::DOUBLE, 1)") == (
        1,
        Decimal("3.5"),
        2.5,
    )
    assert "requires at least 1 value" in example.error("SELECT sum_values()")


VALUES = {
    "multiply(7, 6)": 42,
    "multiply(NULL, 6)": None,
    "upper_case('großé')": "GROẞÉ",
    "passthru('x')": "x",
    "sha256_hex('abc')": hashlib.sha256(b"abc").hexdigest(),
    "hash_rounds('abc', 1)": hashlib.sha256(b"abc").hexdigest(),
    "hash_rounds('abc', 3)": hashlib.sha256(hashlib.sha256(hashlib.sha256(b"abc").digest()).digest()).hexdigest(),
    "collatz_steps(27)": 111,
    "collatz_steps(1)": 0,
    "collatz_steps(-5)": 0,
    "hash_seed(42)": 42,
    "query_seed(5)": 1005,
    "octet_length(random_bytes(1, 7))": 7,
    "random_bytes(3, 16) = random_bytes(3, 16)": True,
    "format_number(1.5)": "2",
    "format_number(2.7)": "3",
    "format_number(2.5)": "2",
    "format_number(99.9)": "100",
    "format_number(2, 3.14159)": "3.14",
    "format_number(1, '$', 2.25)": "$2.2",
    "format_number(NULL::DOUBLE)": None,
    "smart_format(10, 3.14)": "      3.14",
    "smart_format(2, 0)": "0.0",
    "smart_format('p:', 0.5)": "p:0.5",
    "type_info(1::INTEGER)": "int32",
    "type_info(1::BIGINT)": "int64",
    "type_info(1::UINTEGER)": "uint32",
    "type_info(1::UBIGINT)": "uint64",
    "type_info('x')": "varchar",
    "type_info(NULL::BIGINT)": None,
    "pair_type(1, 2)": "int+int",
    "pair_type('a', 'b')": "str+str",
    "pair_type(1, 'b')": "int+str",
    "pair_type(1, NULL::VARCHAR)": None,
    "any_mixed(DATE '2020-01-01', 1)": "any+int: 1",
    "any_mixed([1], 'x')": "any+str: x",
    "any_mixed(1, NULL::BIGINT)": None,
    "concat_values(1, 2, 3)": "6",
    "concat_values('a', 'b')": "ab",
    "concat_values('a', NULL)": None,
    "geo_distance_fixed([0, 0]::DOUBLE[2], [3, 4]::DOUBLE[2])": 5.0,
    "geo_distance_list([0, 0], [3, 4])": 5.0,
    "geo_distance_struct({'lat': 0, 'lon': 0}, {'lat': 3, 'lon': 4})": 5.0,
    "geo_centroid_fixed([0, 0]::DOUBLE[2], [3, 4]::DOUBLE[2])": {"lat": 1.5, "lon": 2.0},
    "geo_centroid_list([0, 0], [3, 4], [3, 2])": {"lat": 2.0, "lon": 2.0},
    "geo_centroid_struct({'lat': 1, 'lon': 2})": {"lat": 1.0, "lon": 2.0},
    "whoami(1)": "anonymous",
    "cached_double_scalar(4)": 8,
    "cached_add_const(4, 5)": 9,
    "cached_label(3)": "lbl-3",
    "cached_label(-3)": None,
    "global_scalar(5)": "global_scalar:5",
    "example.main.test_same_name_bind(1)": "main:1",
    "example.data.test_same_name_bind(1)": "data:1",
    "test_same_name_bind(1)": "main:1",
    "example.data.test_same_name_bind(NULL::BIGINT)": None,
}


@pytest.mark.parametrize("call", VALUES)
def test_values(example: Session, call: str) -> None:
    assert example.value(f"SELECT {call}") == VALUES[call]


@pytest.mark.parametrize(
    ("call", "rows", "expected"),
    [
        ("multiply(v, 3)", "(1), (NULL), (5)", [3, None, 15]),
        ("null_handling(v)", "(1), (NULL)", [1, -5000]),
        ("conditional_message(2, 'ab', v)", "(true), (false), (NULL)", ["abab", "", None]),
        (
            "binary_packet('h'::BLOB, v, {'label': 'L', 'version': 258})",
            "('p'::BLOB), (NULL)",
            [b"hpL\x02", b"hL\x02"],
        ),
        ("format_number(1, v)", "(1.25), (NULL), (2.35)", ["1.2", None, "2.4"]),
        ("upper_case(v)", "('a'), (NULL)", ["A", None]),
        ("type_info(v)", "('a'), (NULL)", ["varchar", None]),
        ("any_mixed(v, 1)", "('a'), ('b')", ["any+int: 1", "any+int: 1"]),
        ("concat_values(v, 1)", "(1), (NULL)", ["2", None]),
        ("geo_distance_list(v, [0, 0])", "([3, 4]), (NULL)", [5.0, None]),
        ("geo_centroid_list(v, [0, 0])", "([3, 4]), (NULL)", [{"lat": 1.5, "lon": 2.0}, None]),
        ("data.test_same_name_bind(v)", "(1), (NULL)", ["data:1", None]),
        ("cached_label(v)", "(1), (-1), (NULL)", ["lbl-1", None, None]),
    ],
)
def test_values_of_columns(example: Session, call: str, rows: str, expected: list[Any]) -> None:
    assert example.values(f"SELECT {call} FROM (VALUES {rows}) t(v)") == expected


def test_chance(example: Session) -> None:
    query = """
        SELECT count(DISTINCT random_int(1, 9223372036854775807)), min(random_int(5, 7)), max(random_int(5, 7)),
            count(DISTINCT bernoulli())
        FROM range(1000)
    """
    assert example.row(query) == (1000, 5, 7, 2)


def test_arguments_that_are_refused(example: Session) -> None:
    assert "byte_length must be >= 0" in example.error("SELECT random_bytes(1, -1)")
    assert "must be in [0, 10], got 11" in example.error("SELECT format_number(11, 2.0)")
    assert "must be in [0, 10], got -1" in example.error("SELECT format_number(-1, '$', 2.0)")
    assert "cannot cast VARCHAR to BIGINT" in example.error("SELECT multiply(1, 'many')")
    assert "must be a constant" in example.error("SELECT multiply(x, x) FROM range(3) t(x)")


def test_unnested_tensors(example: Session) -> None:
    tensor = "{'tensor': [[1, NULL], [3, 4]], 'axes': {'a': [1, 2], 'b': ['x', 'y']}}"
    cells = [(1, 1, "x"), (None, 1, "y"), (3, 2, "x"), (4, 2, "y")]
    expected = [{"value": value, "axes": {"a": a, "b": b}} for value, a, b in cells]
    query = f"SELECT unnest_tensor(t) FROM (VALUES ({tensor}), (NULL)) v(t)"
    assert example.values(query) == [expected, None]
    empty = "{'tensor': []::INTEGER[][], 'axes': {'a': []::INTEGER[], 'b': ['x']}}"
    assert example.value(f"SELECT unnest_tensor({empty})") == []
    for value, text in {
        "1": "must be a struct",
        "{'tensor': [1]}": "'tensor' and 'axes'",
        "{'tensor': [1], 'axes': {'a': [1], 'b': [2]}}": "nesting depth",
    }.items():
        assert text in example.error(f"SELECT unnest_tensor({value})")
