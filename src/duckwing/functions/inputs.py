"""Functions over a table, and the table that they take: its rows as SQL has them, in the form that the author wants."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from ..types import ANY
from ..types.convert import Converter, from_duckdb
from ..types.forms import compact
from ..types.names import sql_name
from .about import About, Stability
from .arguments import Arguments
from .batches import to_batches
from .binding import bind_arguments
from .columns import ResultColumns, wanted
from .context import Context
from .results import known_by_name
from .signature import REQUIRED, Parameter, Signature, is_table, with_context

if TYPE_CHECKING:
    from ..scans.cache import Cache

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class TableType:
    """How a function receives rows.

    Attributes:
        annotation: ``pa.RecordBatch``, ``pa.Table``, ``pa.RecordBatchReader`` or an iterator of batches.
        place: how many positional arguments come before it.
    """

    annotation: Any
    place: int

    @property
    def streams(self) -> bool:
        """Whether the function takes many batches in one call."""
        return self.annotation is pa.RecordBatchReader or typing.get_origin(self.annotation) is not None

    def wrap(self, batch: pa.RecordBatch) -> Any:
        """One batch in that form."""
        return pa.Table.from_batches([batch]) if self.annotation is pa.Table else batch

    def wrap_all(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Any:
        """Many batches in that form."""
        if self.annotation is pa.RecordBatchReader:
            return pa.RecordBatchReader.from_batches(schema, batches)
        if self.annotation is pa.Table:
            return pa.Table.from_batches(batches, schema)
        return batches


class TableReader:
    """Gives the batches of a table the plain form of their types, whatever the session's settings.

    Attributes:
        columns: the columns in that form.
    """

    def __init__(self, arriving: pa.Schema):
        self._converters: list[Converter | None] = []
        for field in arriving:
            try:
                self._converters.append(from_duckdb(field.type, ANY))
            except ArgumentError as error:
                raise ArgumentError(f"column '{field.name}' of type {sql_name(field.type)}: {error}") from None
        self.columns = pa.schema([pa.field(f.name, compact(f.type), nullable=f.nullable) for f in arriving])
        self._plain = not any(self._converters)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """``batch`` in that form."""
        if self._plain:
            return batch if batch.schema.equals(self.columns) else _renamed(batch, self.columns)
        arrays = [
            convert(column) if convert else column
            for convert, column in zip(self._converters, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.columns)


def _renamed(batch: pa.RecordBatch, columns: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(batch.columns, schema=columns)


def table_type(function: Callable[..., Any], signature: Signature, what: str, *, streams: bool = False) -> TableType:
    """How a function, or a method, receives its rows.

    Args:
        function: the author's.
        signature: what SQL passes, the table included.
        what: names it in error messages.
        streams: it takes all batches in one call.

    Raises:
        DeclarationError: no parameter is annotated with a form that fits.
    """
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if is_table(parameter.annotation):
            place = next(n for n, p in enumerate(signature.parameters) if p.kind == "table")
            found = TableType(parameter.annotation, place)
            if not streams and found.streams:
                raise DeclarationError(
                    f"{what}: '{parameter.name}' is all batches, but it is called for each; annotate it with "
                    "pa.RecordBatch, or declare a buffering function, which sees all rows"
                )
            return found
    wanted = "rows: Iterator[pa.RecordBatch]" if streams else "rows: pa.RecordBatch"
    raise DeclarationError(f"{what} needs a parameter for its table: {wanted}")


def first_table(signature: Signature, method: Callable[..., Any], what: str) -> Signature:
    """The signature of a class over a table: the table comes first, its name is that of the method's parameter.

    Raises:
        DeclarationError: ``method`` takes no table.
    """
    names = list(inspect.signature(method).parameters)[1:]
    if len(names) != 1:
        raise DeclarationError(f"{what}: {method.__name__}(self, rows: pa.RecordBatch) takes the rows and nothing else")
    if any(p.name == names[0] for p in signature.parameters):
        raise DeclarationError(f"{what}: '{names[0]}' is the table and an argument of __init__; rename one of them")
    table = Parameter(names[0], ANY, "table", False, "batch", False, REQUIRED, "")
    return dataclasses.replace(signature, parameters=(table, *signature.parameters))


@dataclass(frozen=True, eq=False)
class OverTable(Generic[P, R]):
    """A declared function over a table. It stays callable as the plain function or class that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function or class.
        signature: what SQL passes; one parameter is the table.
        columns: the columns of its result.
        table: as what the function receives its rows.
        stability: whether equal calls may share a result.
        cache: how its results may be used again; None: not at all.
        about: its documentation.
    """

    kind: ClassVar[str]

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: ResultColumns
    table: TableType
    stability: Stability
    cache: Cache | None
    about: About

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def stateful(self) -> bool:
        """Whether it is a class."""
        return inspect.isclass(self.function)


F = TypeVar("F", bound=OverTable[..., Any])


class BoundOverTable(Generic[F]):
    """A function over a table with the arguments of one query.

    Args:
        function: the declaration.
        parameters: the function's.
        columns: the columns of the table.
        arguments: the other arguments.
        context: handed to the function if it wants it.

    Attributes:
        what: the function, for error messages.
        reader: gives the rows of the table their declared form.
        values: the arguments.

    Raises:
        ArgumentError: an argument does not fit.
    """

    def __init__(
        self, function: F, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: Context
    ):
        self.function = function
        self.what = f"{function.kind} function '{function.name}'"
        self.reader = TableReader(columns)
        self.values = bind_arguments(function.name, parameters, arguments)
        self.context = context

    def output(self) -> tuple[pa.Schema, Any]:
        """The columns of the result, and what the function reads as ``ctx.bound``."""
        signature, columns = self.function.signature, self.reader.columns
        table = next(p.name for p in signature.parameters if p.kind == "table")
        known = known_by_name(signature, self.context, {**self.values.by_name, table: columns})
        return self.function.columns.of(known, columns, self.what)

    def start(self) -> Any:
        """The author's function, to be called with :meth:`call`, or a new instance of his class."""
        function = self.function
        call = with_context(function.function, function.signature, self.context, self.values.by_name)
        return call(*self.values.positional, **self.values.named) if function.stateful else call

    def call(self, started: Callable[..., Any], rows: Any) -> Any:
        """What the author's function returns for ``rows``, which are one of its arguments."""
        positional = list(self.values.positional)
        positional.insert(self.function.table.place, rows)
        return started(*positional, **self.values.named)

    def cache_tags(self, rows: pa.RecordBatch | None = None) -> dict[bytes, bytes]:
        """What lets the client use the result for ``rows`` again, or all of the result; nothing: it must not.

        Raises:
            OutputError: the validator returns something else.
            Exception: whatever it raises.
        """
        cache = self.function.cache
        if cache is None:
            return {}
        signature = self.function.signature
        table = next(p.name for p in signature.parameters if p.kind == "table")
        known = known_by_name(signature, self.context, {**self.values.by_name, table: rows})
        return cache.tags_from(known, self.what)

    def batches(self, result: Any, columns: pa.Schema, wanted: pa.Schema | None = None) -> Generator[pa.RecordBatch]:
        """The rows of what the author returned; closing the iterator closes his generator."""
        try:
            yield from to_batches(result, columns, self.what, wanted)
        finally:
            close = getattr(result, "close", None)
            if close is not None and isinstance(result, Iterator):
                close()


def check_input_cache(cache: Cache, stability: str, signature: Signature, what: str) -> None:
    """Refuse a cache that cannot work.

    Raises:
        DeclarationError: it cannot.
    """
    from ..scans.cache import check_cache

    check_cache(cache, stability, what)
    if cache.validator is not None:
        wanted(cache.validator, signature, what, "validator=")


def check_positions(signature: Signature, what: str) -> None:
    """Refuse positional arguments that may be missing.

    DuckDB cannot resolve overloads of functions over a table, and leaves out an argument that is NULL:
    only by their number can it be told that one is missing.

    Raises:
        DeclarationError: there is one.
    """
    for parameter in signature.parameters:
        if parameter.kind == "positional" and parameter.default is not REQUIRED:
            raise DeclarationError(
                f"{what}: SQL cannot leave out the positional argument '{parameter.name}' of a function over a table; "
                "make it keyword-only"
            )
        if parameter.kind == "varargs":
            raise DeclarationError(
                f"{what}: a function over a table cannot take *{parameter.name}, because DuckDB would leave out NULLs "
                "among them; make it one keyword-only list"
            )
