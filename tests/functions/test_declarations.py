"""Functions that cannot be called from SQL are refused by the decorator, in the author's terms."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.functions.declare import scalar, table_function
from duckwing.types import (
    ANY,
    BIGINT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    HUGEINT,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    STRUCT,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    VARCHAR,
)

if TYPE_CHECKING:
    from datetime import date

COLUMNS = {"n": BIGINT}


def refused(declare: Callable[[], object]) -> str:
    with pytest.raises(dw.DeclarationError) as caught:
        declare()
    return str(caught.value)


# Functions whose annotations are wrong on purpose; mypy need not read them.


def no_annotation(value) -> int: ...  # type: ignore[no-untyped-def,empty-body]
def no_result(value: int): ...  # type: ignore[no-untyped-def]
def result_none(value: int) -> None: ...
def only_for_type_checkers(value: date) -> int: ...  # type: ignore[empty-body]
def misspelt(value: pa.Int64Aray) -> int: ...  # type: ignore[empty-body]
def unhashable(value: [int]) -> int: ...  # type: ignore[valid-type,misc,empty-body]
def decimal(value: Decimal) -> int: ...  # type: ignore[empty-body]
def bare_list(value: list) -> int: ...  # type: ignore[type-arg,empty-body]
def list_of_any(value: list[Any]) -> int: ...  # type: ignore[empty-body]
def choice(value: Literal["a", 1]) -> int: ...  # type: ignore[empty-body]
def two_types(value: int | str) -> int: ...  # type: ignore[empty-body]
def own_class(value: Unknown) -> int: ...  # type: ignore[empty-body]
def numpy_argument(value: np.int64) -> int: ...  # type: ignore[empty-body]
def numpy_result(value: int) -> np.float64: ...  # type: ignore[empty-body]
def half_float(value: Annotated[pa.Array, pa.float16()]) -> pa.Array: ...
def nested_any(value: Annotated[pa.Array, LIST(ANY)]) -> pa.StringArray: ...
def any_result(value: int) -> Any: ...
def array_result(value: pa.Int64Array) -> pa.Array: ...
def keyword_only(value: int, *, step: int) -> int: ...  # type: ignore[empty-body]
def any_names(value: int, **options: int) -> int: ...  # type: ignore[empty-body]
def default_before_varargs(value: int = 1, *more: int) -> int: ...  # type: ignore[empty-body]
def two_contexts(a: dw.Context, b: dw.Context) -> int: ...  # type: ignore[empty-body]
def context_by_position(ctx: dw.Context, /, value: int) -> int: ...  # type: ignore[empty-body]
def contexts(*ctx: dw.Context) -> int: ...  # type: ignore[empty-body]
def same_names(value: int, VALUE: int) -> int: ...  # type: ignore[empty-body]
def mixed(a: pa.Int64Array, b: int) -> pa.Int64Array: ...
def mixed_result(a: pa.Int64Array) -> int: ...  # type: ignore[empty-body]
def constant_array(a: dw.Const[pa.Int64Array], b: pa.Int64Array) -> pa.Int64Array: ...
def constants(a: pa.Int64Array, *b: dw.Const[int]) -> pa.Int64Array: ...
def no_length() -> pa.Int64Array: ...
def no_length_but_a_constant(a: dw.Const[int]) -> pa.Int64Array: ...
async def asynchronous(value: int) -> int: ...  # type: ignore[empty-body]
async def asynchronous_rows(value: int) -> AsyncIterator[tuple[int]]:
    yield (value,)


def generator(value: int) -> Iterator[int]:
    yield value


class Unknown:
    pass


SCALARS: list[tuple[Any, str]] = [
    (no_annotation, "parameter 'value' needs an annotation, such as value: int"),
    (no_result, "needs the type of its result: write '-> str', say, or returns=VARCHAR"),
    (result_none, "returns None; it must return a value"),
    (only_for_type_checkers, "an annotation cannot be evaluated (name 'date' is not defined); annotations must name"),
    (misspelt, "an annotation cannot be evaluated (module 'pyarrow' has no attribute 'Int64Aray'"),
    (unhashable, "parameter 'value': [<class 'int'>] does not say which SQL type it is; write Annotated["),
    (decimal, "parameter 'value': Decimal does not say which SQL type it is; write Annotated[Decimal, TYPE]"),
    (bare_list, "parameter 'value': list does not say which SQL type it is"),
    (list_of_any, "does not say which SQL type it is"),
    (choice, "does not say which SQL type it is"),
    (two_types, "does not say which SQL type it is"),
    (own_class, "parameter 'value': Unknown does not say which SQL type it is"),
    (numpy_argument, "parameter 'value': int64 is not supported as an annotation; use an array or a Python type"),
    (numpy_result, "float64 is not supported as a result; use an array"),
    (half_float, "cannot be used: DuckDB has no 16-bit float; use FLOAT"),
    (nested_any, "ANY[] cannot be used: ANY cannot be part of another type"),
    (any_result, "needs a result of one type; add returns= with a type from duckwing.types"),
    (array_result, "needs a result of one type; add returns= with a type from duckwing.types"),
    (keyword_only, "parameter 'step' is keyword-only, but SQL passes the arguments of scalar functions by position"),
    (any_names, "parameter 'options': SQL cannot pass arguments of any name; declare each named argument"),
    (default_before_varargs, "SQL cannot leave out a positional argument before *more"),
    (two_contexts, "has two Context parameters, 'a' and 'b'"),
    (context_by_position, "the parameter 'ctx' must accept a keyword"),
    (contexts, "the parameter 'ctx' must accept a keyword"),
    (same_names, "SQL cannot tell 'value' and 'VALUE' apart"),
    (mixed, "mixes batches and rows: parameter 'a' is an array, parameter 'b' is a Python value"),
    (mixed_result, "mixes batches and rows: parameter 'a' is an array, the result is a Python value"),
    (constant_array, "the constant 'a' is one value, not an array"),
    (constants, "*b cannot be Const; its values are columns"),
    (no_length, "returns an array but has no column to take its length from; add a Context parameter"),
    (no_length_but_a_constant, "returns an array but has no column to take its length from"),
    (asynchronous_rows, "yields; a scalar function returns one value per row"),
    (generator, "yields; a scalar function returns one value per row. Use table_function"),
    (Unknown, "expected a function, got <class"),
    (math.hypot, "its signature cannot be read"),
]


@pytest.mark.parametrize(("function", "expected"), SCALARS, ids=[f.__name__ for f, _ in SCALARS])
def test_scalars(function: Any, expected: str) -> None:
    message = refused(lambda: scalar(function))
    assert message.startswith(f"scalar function '{function.__name__}'")
    assert expected in message


def good(value: int) -> int:
    return value


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"name": ""}, "a scalar function needs a name: a non-empty string, not ''"),
        ({"name": 5}, "a scalar function needs a name: a non-empty string, not 5"),
        ({"name": "a\0b"}, "a scalar function needs a name: a non-empty string"),
        ({"returns": int}, "returns= takes a type from duckwing.types, not <class 'int'>"),
        ({"returns": pa.float16()}, "it cannot return halffloat: DuckDB has no 16-bit float; use FLOAT"),
        ({"returns": pa.dense_union([pa.field("a", BIGINT)])}, "DuckDB reads sparse unions only"),
        ({"returns": pa.decimal256(40, 2)}, "DuckDB has no 256-bit decimal"),
        ({"returns": pa.decimal128(4, -2)}, "DuckDB has no decimal of scale -2"),
        ({"returns": pa.struct([])}, "a STRUCT has at least one member"),
        ({"returns": LIST(MAP(VARCHAR, pa.float16()))}, "DuckDB has no 16-bit float"),
        ({"returns": ANY}, "needs a result of one type"),
        ({"nulls": "keep"}, "nulls='keep' is unknown; use 'skip' or 'pass'"),
        ({"stability": "stable"}, "stability='stable' is unknown; use one of consistent, consistent_within_query, vol"),
        ({"examples": "SELECT 1"}, "examples=, categories= and settings= take a list of strings, not one string"),
        ({"examples": [1]}, "examples= takes SQL statements, or pairs with what they show, not 1"),
        ({"examples": [("a", "b", "c")]}, "examples= takes SQL statements, or pairs with what they show"),
        ({"settings": "a"}, "examples=, categories= and settings= take a list of strings, not one string"),
        ({"settings": [1]}, "a setting is a string, not 1"),
        ({"categories": "a"}, "examples=, categories= and settings= take a list of strings, not one string"),
        ({"categories": [1]}, "a category is a string, not 1"),
        ({"comment": 5}, "comment= is a string, not 5"),
        ({"tags": ["a"]}, "tags= takes a dict, not ['a']"),
        ({"tags": {"a": 1}}, "tag 'a' is a string, not 1"),
        ({"tags": {1: "a"}}, "the name of a tag is a string, not 1"),
    ],
)
def test_options_of_scalars(options: dict[str, Any], expected: str) -> None:
    assert expected in refused(lambda: scalar(**options)(good))


def rows(value: int) -> Iterator[tuple[int]]:
    yield (value,)


def rows_of_array(value: pa.Int64Array) -> Iterator[tuple[int]]:
    yield (1,)


def rows_without_annotation(value) -> Iterator[tuple[int]]:  # type: ignore[no-untyped-def]
    yield (value,)


@pytest.mark.parametrize(
    ("function", "options", "expected"),
    [
        (rows_without_annotation, {}, "parameter 'value' needs an annotation"),
        (rows_of_array, {}, "parameter 'value' is an array, but its arguments are single values"),
        (asynchronous, {}, "only scalar and row functions can be async; declare it with def"),
        (asynchronous_rows, {}, "only scalar and row functions can be async; declare it with def"),
        (Unknown, {}, "needs a method next()"),
        (rows, {"columns": {}}, "needs at least one column: columns={'n': BIGINT}"),
        (rows, {"columns": pa.schema([])}, "needs at least one column"),
        (rows, {"columns": ["n"]}, "columns= takes a dict or a pyarrow schema, not list"),
        (rows, {"columns": {"n": int}}, "columns= maps names to types from duckwing.types, not 'n' to <class 'int'>"),
        (rows, {"columns": {1: BIGINT}}, "columns= maps names to types from duckwing.types, not 1 to"),
        (rows, {"columns": {"": BIGINT}}, "column names must be different and not empty: ['']"),
        (rows, {"columns": {"n": BIGINT, "N": BIGINT}}, "column names must be different and not empty: ['n', 'N']"),
        (rows, {"columns": pa.schema([("n", BIGINT), ("n", BIGINT)])}, "column names must be different and not emp"),
        (rows, {"columns": {"n": ANY}}, "column 'n' cannot be ANY: a column has one type"),
        (rows, {"columns": {"n": LIST(ANY)}}, "column 'n' cannot be ANY[]: ANY cannot be part of another type"),
        (rows, {"columns": {"n": pa.float16()}}, "column 'n' cannot be halffloat: DuckDB has no 16-bit float"),
        (rows, {"stability": "stable"}, "stability='stable' is unknown"),
        (rows, {"name": ""}, "a table function needs a name: a non-empty string, not ''"),
    ],
)
def test_table_functions(function: Any, options: dict[str, Any], expected: str) -> None:
    assert expected in refused(lambda: table_function(**{"columns": COLUMNS, **options})(function))


def test_defaults_and_order_are_no_mistakes() -> None:
    @scalar
    def with_defaults(a: int, b: str = "x", *, ctx: dw.Context) -> str:
        return f"{a}{b}"

    forms = [[p.name for p in form] for form in with_defaults.signature.forms()]
    assert forms == [["a", "b"], ["a"]]
    assert with_defaults(1, ctx=None) == "1x"  # type: ignore[arg-type]

    @table_function(columns=COLUMNS)
    def with_names(a: int, b: int = 2, *, d: int, c: int = 3) -> Iterator[tuple[int]]:
        yield (a,)

    shown = [[p.sql for p in form] for form in with_names.signature.forms()]
    named = ["c := BIGINT", "d := BIGINT"]
    assert shown == [["a BIGINT", "b BIGINT", *named], ["a BIGINT", *named]]
    assert list(with_names(7, d=1)) == [(7,)]


@pytest.mark.parametrize(
    ("declared", "seen"),
    [
        (pa.dictionary(pa.int8(), pa.large_utf8()), VARCHAR),
        (pa.large_utf8(), VARCHAR),
        (pa.string_view(), VARCHAR),
        (pa.binary(3), BLOB),
        (pa.large_list(pa.string_view()), LIST(VARCHAR)),
        (pa.list_view(pa.date64()), LIST(DATE)),
        (pa.date64(), DATE),
        (pa.time32("s"), TIME),
        (pa.duration("ns"), INTERVAL),
        (pa.timestamp("s", "Asia/Tokyo"), TIMESTAMPTZ),
        (pa.decimal32(4, 2), DECIMAL(4, 2)),
        (pa.json_(pa.large_utf8()), JSON),
        (pa.struct([("a", pa.large_binary())]), STRUCT({"a": BLOB})),
        (pa.map_(pa.large_utf8(), pa.date64()), MAP(VARCHAR, DATE)),
        (HUGEINT, HUGEINT),
        (UUID, UUID),
        (TIMESTAMP, TIMESTAMP),
        (BOOLEAN, BOOLEAN),
        (DOUBLE, DOUBLE),
    ],
    ids=str,
)
def test_one_arrow_type_for_one_sql_type(declared: pa.DataType, seen: pa.DataType) -> None:
    """A function sees one form of a type, whichever it names; DuckDB cannot read some of the others."""

    def same(value: object) -> object:
        return value

    same.__annotations__ = {"value": Annotated[pa.Array, declared], "return": Annotated[pa.Array, declared]}
    function = scalar(same)
    assert function.signature.parameters[0].type.equals(seen)
    assert seen.equals(function.returns)
    assert seen.equals(scalar(returns=declared)(good).returns)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(dw.DeclarationError, match="scalar function 'f': there is no option 'stabilty'"):

        @dw.scalar(stabilty="volatile")  # type: ignore[call-overload, untyped-decorator, unused-ignore]
        def f(value: int) -> int:
            return value


def test_a_table_function_without_columns_says_how_to_give_them() -> None:
    with pytest.raises(dw.DeclarationError, match="table function 'f' needs its columns"):

        @dw.table_function()
        def f() -> list[tuple[int]]:
            return []
