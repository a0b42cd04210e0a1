"""What cannot be a row, table-in-out, buffering or resumable function, a setting or a secret is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.service.describe import function_infos
from duckwing.types import ANY, BIGINT, LIST, VARCHAR

COLUMNS = {"n": BIGINT}


def refused(declare: Callable[[], object]) -> str:
    with pytest.raises(dw.DeclarationError) as caught:
        declare()
    return str(caught.value)


# Row functions


def row(n: int) -> Iterator[tuple[int]]:
    yield (n,)


async def async_row(n: int) -> tuple[int]:
    return (n,)


def no_positional(*, n: int) -> Iterator[tuple[int]]:
    yield (n,)


def mixed(a: int, b: pa.Int64Array) -> Any: ...
def named_array(a: pa.Int64Array, *, b: pa.Int64Array) -> Any: ...
def constant(a: int, b: dw.Const[int]) -> Any: ...
def positional_default(a: int, b: int = 1) -> Any: ...
async def async_batch(a: pa.Int64Array) -> Any: ...
async def async_batches(a: pa.Int64Array) -> AsyncIterator[Any]:
    yield a


def takes_a_table(rows: pa.RecordBatch) -> Any: ...


class SomeClass:
    pass


@pytest.mark.parametrize(
    ("function", "options", "expected"),
    [
        (no_positional, {}, "has no positional parameter to take a row from; declare a table_function"),
        (mixed, {}, "mixes arrays and single values; use the one or the other for all columns"),
        (named_array, {}, "the named argument 'b' is one value, not an array"),
        (constant, {}, "Const parameter 'b' must be keyword-only (after '*')"),
        (positional_default, {}, "SQL cannot leave out the positional argument 'b'; make it keyword-only"),
        (async_batch, {}, "is async and takes arrays; await the rows of a batch yourself, or take values"),
        (async_batches, {}, "is async and takes arrays"),
        (takes_a_table, {}, "parameter 'rows' is a table; only table_in_out and buffering functions take one"),
        (SomeClass, {}, "expected a function, got <class"),
        (row, {"concurrency": 3}, "concurrency= is for async functions; declare it with 'async def'"),
        (async_row, {"concurrency": 0}, "concurrency= is a number of rows, at least 1, not 0"),
        (async_row, {"concurrency": True}, "concurrency= is a number of rows, at least 1, not True"),
        (async_row, {"concurrency": 1.5}, "concurrency= is a number of rows, at least 1, not 1.5"),
        (row, {"columns": None}, "needs its columns: columns={'n': BIGINT}, or '-> Iterator[Row]' with a NamedTuple"),
        (row, {"columns": "input"}, "has no table as input; columns='input' means nothing here"),
        (row, {"columns": lambda other: COLUMNS}, "columns= wants 'other', but the function's parameters are n"),
        (row, {"columns": {}}, "needs at least one column"),
        (row, {"columns": {"n": ANY}}, "column 'n' cannot be ANY: a column has one type"),
        (row, {"stability": "stable"}, "stability='stable' is unknown"),
        (row, {"name": ""}, "a row function needs a name: a non-empty string, not ''"),
        (row, {"nulls": "pass"}, "there is no option 'nulls'"),
    ],
)
def test_row_functions(function: Any, options: dict[str, Any], expected: str) -> None:
    assert expected in refused(lambda: dw.row_function(**{"columns": COLUMNS, **options})(function))


# Functions over a table


def batch(rows: pa.RecordBatch) -> Any: ...
def batches(rows: Iterator[pa.RecordBatch]) -> Any: ...
def reader(rows: pa.RecordBatchReader) -> Any: ...
def table(rows: pa.Table) -> Any: ...
def no_table(n: int) -> Any: ...
def two_tables(a: pa.Table, b: pa.Table) -> Any: ...
def named_table(*, rows: pa.Table) -> Any: ...
def default_table(rows: pa.Table = None) -> Any: ...
def many_tables(*rows: pa.Table) -> Any: ...
def an_array(rows: pa.Table, a: pa.Int64Array) -> Any: ...
def a_default(rows: pa.Table, a: int = 1) -> Any: ...
def varargs(rows: pa.Table, *rest: int) -> Any: ...
def same_names(rows: pa.Table, *, Rows: int) -> Any: ...
async def async_table(rows: pa.Table) -> Any: ...


OVER_TABLES: list[tuple[Any, dict[str, Any], str]] = [
    (no_table, {}, "needs a parameter for its table: rows: "),
    (two_tables, {}, "has two tables, a and b; SQL passes only one"),
    (named_table, {}, "parameter 'rows' is a table, which SQL passes by position, always"),
    (default_table, {}, "parameter 'rows' is a table, which SQL passes by position, always"),
    (many_tables, {}, "parameter 'rows' is a table, which SQL passes by position, always"),
    (an_array, {}, "parameter 'a' is an array, but its arguments are single values; annotate it with a Python type"),
    (
        a_default,
        {},
        "SQL cannot leave out the positional argument 'a' of a function over a table; make it keyword-only",
    ),
    (
        varargs,
        {},
        "a function over a table cannot take *rest, because DuckDB would leave out NULLs among them; make it",
    ),
    (same_names, {}, "SQL cannot tell 'rows' and 'Rows' apart"),
    (async_table, {}, "only scalar and row functions can be async; declare it with def"),
    (table, {"columns": lambda other: COLUMNS}, "columns= wants 'other', but the function's parameters are rows"),
    (table, {"columns": "output"}, "columns= takes a dict or a pyarrow schema, not str"),
    (table, {"columns": {"n": int}}, "columns= maps names to types from duckwing.types"),
    (table, {"columns": {"n": LIST(ANY)}}, "column 'n' cannot be ANY[]"),
    (table, {"stability": "stable"}, "stability='stable' is unknown"),
    (table, {"concurrency": 5}, "there is no option 'concurrency'"),
]


@pytest.mark.parametrize("declare", [dw.table_in_out, dw.buffering], ids=lambda declare: declare.__name__)
@pytest.mark.parametrize(("function", "options", "expected"), OVER_TABLES)
def test_functions_over_a_table(declare: Any, function: Any, options: dict[str, Any], expected: str) -> None:
    message = refused(lambda: declare(**options)(function))
    assert message.startswith(f"{declare.__name__} function '{function.__name__}'")
    assert expected in message


@pytest.mark.parametrize("function", [batches, reader])
def test_a_table_in_out_function_sees_batches(function: Any) -> None:
    message = refused(lambda: dw.table_in_out(function))
    assert (
        "'rows' is all batches, but it is called for each; annotate it with pa.RecordBatch, or declare a buff"
        in message
    )


@pytest.mark.parametrize(
    ("ordered", "by_index", "serially"), [(False, False, False), (True, True, False), ("serial", False, True)]
)
def test_the_order_of_input(ordered: Any, by_index: bool, serially: bool) -> None:
    def function(data: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return data

    [info] = function_infos("main", dw.buffering(ordered=ordered)(function))
    assert (info.requires_input_batch_index, info.sink_order_dependent) == (by_index, serially)
    assert not info.source_order_dependent


class Shares:
    def sink(self, data: pa.RecordBatch) -> pa.RecordBatch:
        return data

    def split(self, parts: Any) -> list[list[int]]:
        return [[part] for part in range(len(parts))]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return parts


@pytest.mark.parametrize(
    ("ordered", "by_index", "serially"),
    [(False, False, False), (True, True, False), ("serial", False, True), ("output", False, False)],
)
def test_the_order_of_shares(ordered: Any, by_index: bool, serially: bool) -> None:
    [info] = function_infos("main", dw.buffering(ordered=ordered)(Shares))
    assert (info.requires_input_batch_index, info.sink_order_dependent) == (by_index, serially)
    assert info.source_order_dependent == bool(ordered)


def test_the_order_of_shares_that_there_are_not() -> None:
    message = refused(lambda: dw.buffering(ordered="output")(batches))
    assert "ordered='output' is for classes with split()" in message


@pytest.mark.parametrize(
    ("declare", "function"), [(dw.row_function, row), (dw.table_in_out, batch), (dw.buffering, batches)]
)
def test_who_chooses_columns(declare: Any, function: Any) -> None:
    columns = {} if declare is not dw.row_function else {"columns": COLUMNS}
    [info] = function_infos("main", declare(**columns)(function))
    assert info.projection_pushdown
    [info] = function_infos("main", declare(projection=False, **columns)(function))
    assert not info.projection_pushdown
    message = refused(lambda: declare(projection="a", **columns)(function))
    assert "projection= is True or False, not 'a'" in message


def test_who_chooses_rows() -> None:
    def pushed(**options: Any) -> bool:
        [info] = function_infos("main", dw.buffering(**options)(batches))
        assert info.filter_pushdown == info.filters_exactly_applied
        return info.filter_pushdown

    kept = dw.Cache(ttl=60)
    assert [pushed(filters=filters) for filters in ("apply", "mine", "none")] == [True, True, False]
    assert [pushed(cache=kept), pushed(cache=kept, filters="none")] == [False, False]
    for filters in ("apply", "mine"):
        with pytest.raises(dw.DeclarationError, match="so with cache= they must be left to it"):
            pushed(cache=kept, filters=filters)
    assert "filters= is one of apply, mine, none, not 'all'" in refused(lambda: pushed(filters="all"))


@pytest.mark.parametrize("ordered", ["so so", 1])
def test_an_order_that_there_is_not(ordered: Any) -> None:
    message = refused(lambda: dw.buffering(ordered=ordered)(batches))
    assert f"ordered= is True, False, 'serial' or 'output', not {ordered!r}" in message


def test_a_buffering_function_sees_all_rows() -> None:
    message = refused(lambda: dw.buffering(batch))
    assert (
        "sees all rows at once; annotate the table with Iterator[pa.RecordBatch], pa.RecordBatchReader or pa" in message
    )


def test_per_thread_needs_a_finish() -> None:
    expected = "per_thread= is for classes with finish(); others always run in every thread"
    assert expected in refused(lambda: dw.table_in_out(per_thread=True)(batch))
    assert expected in refused(lambda: dw.table_in_out(per_thread=True)(OnlyProcess))


# Classes


class OnlyProcess:
    def process(self, rows: pa.RecordBatch) -> Any: ...


class NoProcess:
    def finish(self) -> Any: ...


class ProcessesMore:
    def process(self, rows: pa.RecordBatch, more: int) -> Any: ...


class ProcessesNothing:
    def process(self) -> Any: ...


class ProcessesBatches:
    def process(self, rows: Iterator[pa.RecordBatch]) -> Any: ...


class ProcessesUntyped:
    def process(self, rows):  # type: ignore[no-untyped-def]
        ...


class ClashOfNames:
    def __init__(self, rows: int) -> None: ...
    def process(self, rows: pa.RecordBatch) -> Any: ...


class MutableList(OnlyProcess):
    seen: list[int] = []  # noqa: RUF012


class MutableArray(OnlyProcess):
    seen: np.ndarray = np.zeros(3)


class Unkeepable(OnlyProcess):
    handle: SomeClass


class DefaultOfClass(OnlyProcess):
    def __init__(self, a: int = 1) -> None: ...


class TableInInit(OnlyProcess):
    def __init__(self, a: pa.Table) -> None: ...


class ArrayInInit(OnlyProcess):
    def __init__(self, a: pa.Int64Array) -> None: ...


class MisspeltField(OnlyProcess):
    seen: Nothing  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (NoProcess, "needs a method process()"),
        (ProcessesMore, "process(self, rows: pa.RecordBatch) takes the rows and nothing else"),
        (ProcessesNothing, "process(self, rows: pa.RecordBatch) takes the rows and nothing else"),
        (ProcessesBatches, "'rows' is all batches, but it is called for each"),
        (ProcessesUntyped, "needs a parameter for its table: rows: pa.RecordBatch"),
        (ClashOfNames, "'rows' is the table and an argument of __init__; rename one of them"),
        (MutableList, "the default of field 'seen' would be shared by all instances; set it in __init__"),
        (MutableArray, "the default of field 'seen' would be shared by all instances; set it in __init__"),
        (Unkeepable, "field 'handle' cannot be kept between calls"),
        (DefaultOfClass, "SQL cannot leave out the positional argument 'a' of a function over a table"),
        (TableInInit, "parameter 'a' is a table; only table_in_out and buffering functions take one"),
        (ArrayInInit, "parameter 'a' is an array, but its arguments are single values"),
        (MisspeltField, "an annotation cannot be evaluated (name 'Nothing' is not defined)"),
    ],
)
def test_classes_of_table_in_out_functions(cls: Any, expected: str) -> None:
    message = refused(lambda: dw.table_in_out(cls))
    assert message.startswith(f"table_in_out function '{cls.__name__}'")
    assert expected in message


class Sinks:
    def sink(self, rows: pa.RecordBatch) -> Any: ...


class Sources:
    def source(self, parts: Iterator[pa.RecordBatch]) -> Any: ...


class WithField(Sinks, Sources):
    seen: int = 0


class SinksBatches(Sources):
    def sink(self, rows: pa.RecordBatchReader) -> Any: ...


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Sinks, "needs a method source()"),
        (Sources, "needs a method sink()"),
        (WithField, "has fields, but no instance lives from one call to the next; sink() returns what is kept"),
        (SinksBatches, "'rows' is all batches, but it is called for each"),
    ],
)
def test_classes_of_buffering_functions(cls: Any, expected: str) -> None:
    message = refused(lambda: dw.buffering(cls))
    assert message.startswith(f"buffering function '{cls.__name__}'")
    assert expected in message


class NoNext:
    pass


class Next:
    def next(self) -> Any: ...


class NextWithList(Next):
    seen: list[int] = []  # noqa: RUF012


@pytest.mark.parametrize(
    ("cls", "columns", "expected"),
    [
        (NoNext, COLUMNS, "needs a method next()"),
        (NextWithList, COLUMNS, "the default of field 'seen' would be shared by all instances"),
        (Next, None, "needs its columns"),
    ],
)
def test_resumable_table_functions(cls: Any, columns: Any, expected: str) -> None:
    assert expected in refused(lambda: dw.table_function(columns=columns)(cls))


# Settings and secrets


def unnamed(key: dw.Secret) -> Any: ...
def unknown_scope(key: Annotated[dw.Secret, dw.Lookup("s3", scope="path")]) -> Any: ...
def many_secrets(*keys: Annotated[dw.Secret, dw.Lookup("s3")]) -> Any: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (unnamed, "parameter 'key' must say which secret it is: Annotated[Secret, Lookup('s3')]"),
        (unknown_scope, "the scope of secret 'key' is 'path', which is none of its parameters"),
        (many_secrets, "the parameter 'keys' must accept a keyword"),
    ],
)
def test_secrets_as_parameters(function: Any, expected: str) -> None:
    assert expected in refused(lambda: dw.table_function(columns=COLUMNS)(function))


def test_settings() -> None:
    catalog = dw.Catalog("some")
    assert "setting 'a' needs a type from duckwing.types" in refused(lambda: catalog.setting("a", int))
    assert "setting 'a' cannot be halffloat" in refused(lambda: catalog.setting("a", pa.float16()))
    assert "the default of setting 'a'" in refused(lambda: catalog.setting("a", BIGINT, default="x"))


def test_secret_types() -> None:
    catalog = dw.Catalog("some")
    assert "secret type 'a': parameter 'k' needs a type from duckwing.types" in refused(
        lambda: catalog.secret_type("a", {"k": str})
    )
    assert "parameter 'k' cannot be halffloat" in refused(lambda: catalog.secret_type("a", {"k": pa.float16()}))
    assert "redact= names 'x', which is none of its parameters" in refused(
        lambda: catalog.secret_type("a", {"k": VARCHAR}, redact=["x"])
    )


# What is right


class Row(NamedTuple):
    n: int
    s: str


def test_columns_of_the_class_of_rows() -> None:
    def rows(n: int) -> Iterator[Row]:
        yield Row(n, "a")

    assert dw.row_function(rows).columns.fixed == pa.schema([("n", BIGINT), ("s", VARCHAR)])

    class steps:
        def next(self) -> list[Row] | None: ...

    steps.next.__annotations__["return"] = list[Row]
    assert dw.table_function(steps).columns.fixed == pa.schema([("n", BIGINT), ("s", VARCHAR)])


def test_overloads_over_a_table_are_refused_by_the_catalog() -> None:
    catalog = dw.Catalog("some")
    catalog.table_in_out(name="f")(batch)
    assert "DuckDB cannot choose between functions of one name" in refused(lambda: catalog.buffering(name="F")(table))
    assert "where one takes a table. Give one of them another name" in refused(
        lambda: catalog.row_function(name="f", columns=COLUMNS)(row)
    )


def test_overloads_of_row_functions() -> None:
    catalog = dw.Catalog("some")
    catalog.row_function(name="f", columns=COLUMNS)(row)

    @catalog.row_function(name="f", columns=COLUMNS)
    def two(a: int, b: int) -> Any: ...

    @catalog.row_function(name="f", columns=COLUMNS)
    def text(a: str) -> Any: ...

    assert len(catalog.table_functions("f")) == 3
    assert "f(" in refused(lambda: catalog.row_function(name="f", columns=COLUMNS)(async_row))


def test_secrets_never_print_themselves() -> None:
    from duckwing.functions.secrets import Secret

    secret = Secret("mine", "s3", "config", (), {"key": "hunter2"})
    assert secret["key"] == "hunter2"
    assert dict(secret) == {"key": "hunter2"}
    for text in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "hunter2" not in text
