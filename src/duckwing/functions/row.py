"""Row functions: none to many rows for each row of their input, as LATERAL calls them.

The positional arguments are the columns of the input, so that one declaration serves ``FROM f(1)``,
``FROM t, f(t.a)`` and ``LATERAL f(t.a)`` (spec 05, section 9.2).
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError, OutputError
from ..types.convert import Converter, from_duckdb
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import Arguments, declared_column, python_values
from .batches import columns_of, one_batch, row_of, rows_batch
from .binding import Values, bind_arguments
from .columns import ColumnsOption, ResultColumns, read_columns, wanted
from .concurrent import await_all, check_concurrency
from .context import Context
from .libraries import argument_converter
from .nulls import rows_without_nulls, take
from .pushdown import check_flag
from .results import known_by_name, received_type
from .scalar import expand_varargs
from .signature import REQUIRED, Form, Parameter, Signature, read_signature, with_context
from .table import columns_option

if TYPE_CHECKING:
    from ..scans.cache import Cache

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class RowFunction(Generic[P, R]):
    """A declared row function. It stays callable as the plain function that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function.
        signature: what SQL passes: positional parameters are columns, named ones constants.
        columns: the columns of its result.
        form: called per batch or per row.
        concurrency: rows that are awaited at once; None: it is not async.
        stability: when DuckDB may call it once for many.
        cache: how its results may be used again; None: not at all.
        projection: DuckDB says which columns it needs.
        about: its documentation.
    """

    kind: ClassVar = "row_function"

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: ResultColumns
    form: Form
    concurrency: int | None
    stability: Stability
    cache: Cache | None
    projection: bool
    about: About

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def bind(
        self, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: Context
    ) -> BoundRow:
        """Prepare the calls of one query.

        Args:
            parameters: the overload that the query uses.
            columns: the input columns, in order.
            arguments: the named arguments.
            context: handed to the function if it wants it.

        Raises:
            ArgumentError: an argument does not fit.
        """
        what = f"function '{self.name}'"
        inputs: list[tuple[Parameter, Converter | None]] = []
        rows = [p for p in parameters if p.kind != "named"]
        for parameter, column in zip(expand_varargs(rows, len(columns)), columns, strict=True):
            try:
                convert = from_duckdb(column.type, parameter.type)
                received = dataclasses.replace(parameter, type=received_type(parameter, column.type))
                inputs.append((received, convert))
            except ArgumentError as error:
                raise ArgumentError(f"{what}: argument '{parameter.name}': {error}") from None
        values = bind_arguments(self.name, [p for p in parameters if p.kind == "named"], arguments)
        return BoundRow(self, inputs, values, context)


class BoundRow:
    """A row function with the argument types of one query, ready for batches."""

    def __init__(
        self,
        function: RowFunction[..., Any],
        inputs: Sequence[tuple[Parameter, Converter | None]],
        values: Values,
        context: Context,
    ):
        self.function = function
        self.values = values
        self.context = context
        self.what = f"row function '{function.name}'"
        self._inputs = inputs
        self._strict = [n for n, (parameter, _) in enumerate(inputs) if not parameter.accepts_none]
        self._arrays = [argument_converter(parameter) for parameter, _ in inputs] if function.form == "batch" else []

    def output(self) -> tuple[pa.Schema, Any]:
        """The columns of the result, and what the function reads as ``ctx.bound``."""
        columns = ((parameter, parameter.type) for parameter, _ in self._inputs)
        known = known_by_name(self.function.signature, self.context, self.values.by_name, columns)
        return self.function.columns.of(known, None, self.what)

    def cache_tags(self, batch: pa.RecordBatch) -> dict[bytes, bytes]:
        """What lets the client use the rows for a batch of input again; nothing: it must not.

        Raises:
            OutputError: the validator returns something else.
            Exception: whatever it raises.
        """
        cache = self.function.cache
        if cache is None:
            return {}
        if cache.validator is None:
            return cache.row_tags()
        columns = {parameter.name: column for (parameter, _), column in zip(self._inputs, batch.columns, strict=True)}
        known = {**known_by_name(self.function.signature, self.context, self.values.by_name), **columns}
        return cache.tags_from(known, self.what)

    def runner(
        self, columns: pa.Schema, wanted: pa.Schema
    ) -> Callable[[pa.RecordBatch], tuple[pa.RecordBatch, pa.Array | None]]:
        """What makes the rows of a batch of input: the rows, and for each the input row that it came from.

        The latter is None if the rows are one for each input row, in their order.

        Args:
            columns: the columns that the bind has told.
            wanted: those of them that the rows have.
        """
        function = self.function
        call = with_context(function.function, function.signature, self.context, self.values.by_name)
        evaluate = self._batch if function.form == "batch" else self._rows

        def run(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array | None]:
            inputs = [
                declared_column(parameter, convert, column, self.what)
                for (parameter, convert), column in zip(self._inputs, batch.columns, strict=True)
            ]
            valid = rows_without_nulls([inputs[n] for n in self._strict])
            if valid is None:
                return evaluate(call, inputs, batch.num_rows, columns, wanted)
            import pyarrow.compute as pc

            indices = pc.indices_nonzero(valid).cast(pa.int32())
            rows, parents = evaluate(call, [take(column, indices) for column in inputs], len(indices), columns, wanted)
            return rows, indices if parents is None else indices.take(parents)

        return run

    def _batch(
        self, call: Callable[..., Any], inputs: Sequence[pa.Array], count: int, schema: pa.Schema, wanted: pa.Schema
    ) -> tuple[pa.RecordBatch, pa.Array | None]:
        self.context.rows = count
        arguments = [convert(c) if convert else c for convert, c in zip(self._arrays, inputs, strict=True)]
        result = call(*arguments, **self.values.named)
        parents: Any = None
        if isinstance(result, tuple) and len(result) == 2:
            result, parents = result
        rows = one_batch([result], schema, self.what, wanted)
        if parents is not None:
            parents = _parents(parents, rows.num_rows, count, self.what)
        elif rows.num_rows != count:
            raise OutputError(
                f"{self.what} returned {rows.num_rows} rows for {count}; return a pair of the rows and an array that "
                "says for each of them from which input row it came"
            )
        return rows, parents

    def _rows(
        self, call: Callable[..., Any], inputs: Sequence[pa.Array], count: int, schema: pa.Schema, wanted: pa.Schema
    ) -> tuple[pa.RecordBatch, pa.Array | None]:
        self.context.rows = count
        values = [python_values(p, column, self.what) for (p, _), column in zip(self._inputs, inputs, strict=True)]
        arguments: Iterable[tuple[Any, ...]] = zip(*values, strict=True) if values else ((),) * count
        named = self.values.named
        if self.function.concurrency is not None:
            results: Iterable[Any] = await_all(
                lambda *row: call(*row, **named), list(arguments), self.function.concurrency
            )
        else:
            results = (call(*row, **named) for row in arguments)
        rows = _Collected(schema, wanted, self.what)
        for parent, result in enumerate(results):
            rows.add(result, parent)
        return rows.batch()


class _Collected:
    """The rows of a batch, as the calls of its rows give them."""

    def __init__(self, schema: pa.Schema, wanted: pa.Schema, what: str):
        self._schema = schema
        self._wanted = wanted
        self._what = what
        self._rows: list[Sequence[Any]] = []
        self._batches: list[pa.RecordBatch] = []
        self._parents: list[int] = []

    def add(self, result: Any, parent: int) -> None:
        """Take what one call returned or yields."""
        if result is None:
            return
        single = isinstance(result, (Mapping, tuple)) or hasattr(result, "__dataclass_fields__") or _is_table(result)
        if not single and (isinstance(result, (str, bytes)) or not isinstance(result, Iterable)):
            raise OutputError(
                f"{self._what} must yield rows, or return a list of them, or one row, or None; got {result!r}"
            )
        items: Iterable[Any] = [result] if single else result
        for item in items:
            columns = columns_of(item, self._schema, self._what, self._wanted)
            if columns is None:
                self._rows.append(row_of(item, self._schema, self._what))
                self._parents.append(parent)
            elif columns.num_rows:
                self._flush()
                self._batches.append(one_batch([columns], self._schema, self._what, self._wanted))
                self._parents += [parent] * columns.num_rows

    def batch(self) -> tuple[pa.RecordBatch, pa.Array]:
        """All rows, and their parents."""
        self._flush()
        return one_batch(self._batches, self._schema, self._what, self._wanted), pa.array(self._parents, pa.int32())

    def _flush(self) -> None:
        if self._rows:
            self._batches.append(rows_batch(self._rows, self._schema, self._what, self._wanted))
            self._rows = []


def _is_table(result: Any) -> bool:
    """Whether it is one table, also of a library, and no stream of batches."""
    return hasattr(result, "__arrow_c_stream__") and not isinstance(result, pa.RecordBatchReader)


def _parents(parents: Any, rows: int, count: int, what: str) -> pa.Array:
    """The parents that an author returned, checked.

    Raises:
        OutputError: they are no positions of input rows, one for each row.
    """
    import pyarrow.compute as pc

    try:
        array = parents if isinstance(parents, pa.Array) else pa.array(parents)
        array = array.cast(pa.int32()) if len(array) else pa.array([], pa.int32())
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise OutputError(f"{what}: the input rows of its result must be integers: {error}") from None
    if len(array) != rows:
        raise OutputError(f"{what} returned {rows} rows, but {len(array)} input rows that they came from")
    if array.null_count:
        raise OutputError(f"{what}: the input row of a row must not be NULL")
    bounds = pc.min_max(array)
    if rows and (bounds["min"].as_py() < 0 or bounds["max"].as_py() >= count):
        raise OutputError(
            f"{what}: its rows came from input rows {bounds['min']} to {bounds['max']}, but there are 0 to {count - 1}"
        )
    return array


def declare_row_function(
    function: Callable[P, R],
    *,
    columns: ColumnsOption | None = None,
    name: str | None = None,
    concurrency: int | None = None,
    stability: Stability = "consistent",
    cache: Cache | None = None,
    projection: bool = True,
    **about: Any,
) -> RowFunction[P, R]:
    """Make a :class:`RowFunction` of ``function``; :func:`duckwing.row_function` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "row function", coroutines=True)
    what = f"row function '{sql}'"
    signature = read_signature(function, what)
    form = _form(signature, what)
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if is_async and form == "batch":
        raise DeclarationError(f"{what} is async and takes arrays; await the rows of a batch yourself, or take values")
    awaited = check_concurrency(concurrency, is_async, what)
    result = read_columns(columns_option(function, columns, signature, what), signature, what)
    check_stability(stability, what)
    flag = check_flag("projection", projection, what)
    if cache is not None:
        from ..scans.cache import check_cache

        check_cache(cache, stability, what)
        if cache.validator is not None:
            wanted(cache.validator, signature, what, "validator=")
    documentation = read_about(what, signature.description, **about)
    return RowFunction(
        sql, function, signature, result, form, awaited if is_async else None, stability, cache, flag, documentation
    )


def _form(signature: Signature, what: str) -> Form:
    forms = {p.form for p in signature.parameters if p.kind in ("positional", "varargs")}
    if not forms:
        raise DeclarationError(f"{what} has no positional parameter to take a row from; declare a table_function")
    if len(forms) == 2:
        raise DeclarationError(f"{what} mixes arrays and single values; use the one or the other for all columns")
    for parameter in signature.parameters:
        if parameter.kind == "named" and parameter.form == "batch":
            raise DeclarationError(f"{what}: the named argument '{parameter.name}' is one value, not an array")
        if parameter.const:
            raise DeclarationError(f"{what}: Const parameter '{parameter.name}' must be keyword-only (after '*')")
        if parameter.kind == "positional" and parameter.default is not REQUIRED:
            raise DeclarationError(
                f"{what}: SQL cannot leave out the positional argument '{parameter.name}'; make it keyword-only"
            )
    return forms.pop()
