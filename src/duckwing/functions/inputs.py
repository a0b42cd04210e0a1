"""The table that a function takes: its rows as SQL has them, in the form that the author wants."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from ..types import ANY
from ..types.convert import from_duckdb
from ..types.forms import compact
from ..types.names import sql_name
from .binding import Values
from .columns import ResultColumns
from .context import Context
from .signature import REQUIRED, Parameter, Signature, is_table


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
        for field in arriving:
            if field.type.equals(ANY):
                continue
            try:
                from_duckdb(field.type, ANY)
            except ArgumentError as error:
                raise ArgumentError(f"column '{field.name}' of type {sql_name(field.type)}: {error}") from None
        self.columns = pa.schema([pa.field(field.name, compact(field.type)) for field in arriving])
        self._converters = [from_duckdb(field.type, ANY) for field in arriving]
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


class OverTable(Protocol):
    """A declared function over a table."""

    @property
    def signature(self) -> Signature: ...

    @property
    def columns(self) -> ResultColumns: ...


def table_columns(
    function: OverTable, values: Values, context: Context, columns: pa.Schema, what: str
) -> tuple[pa.Schema, Any]:
    """The columns of a function's result over a table of ``columns``, and what it left for ``ctx.bound``."""
    known = dict(values.by_name)
    for parameter in function.signature.parameters:
        if parameter.kind == "table":
            known[parameter.name] = columns
    if function.signature.context is not None:
        known[function.signature.context] = context
    return function.columns.of(known, columns, what)
