"""Buffering functions: they see all rows of a table before they give any (spec 05, section 10)."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import Arguments
from .batches import to_batches
from .binding import Values, bind_arguments
from .columns import ColumnsOption, ResultColumns, read_columns
from .context import Context
from .inputs import TableReader, TableType, first_table, table_columns, table_type
from .signature import Parameter, Signature, read_signature, with_context
from .table import check_constants
from .table_in_out import check_positions

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class BufferingFunction(Generic[P, R]):
    """A declared buffering function. It stays callable as the plain function or class that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function, or class with ``sink`` and ``source``, and perhaps ``split``.
        signature: what SQL passes; one parameter is the table.
        columns: the columns of its result.
        table: as what the function receives its rows.
        ordered: the input comes in the order of its query.
        stability: whether equal calls may share a result.
        about: its documentation.
    """

    kind: ClassVar = "buffering"

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: ResultColumns
    table: TableType
    ordered: bool
    stability: Stability
    about: About

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def stateful(self) -> bool:
        """Whether it is a class."""
        return inspect.isclass(self.function)

    def bind(
        self, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: Context
    ) -> BoundBuffering:
        """Prepare the calls of one query.

        Args:
            parameters: the function's.
            columns: the columns of the table.
            arguments: the other arguments.
            context: handed to the function if it wants it.

        Raises:
            ArgumentError: an argument does not fit.
        """
        return BoundBuffering(self, TableReader(columns), bind_arguments(self.name, parameters, arguments), context)


@dataclass(frozen=True, eq=False)
class BoundBuffering:
    """A buffering function with the arguments of one query.

    Attributes:
        function: the declaration.
        reader: gives the rows of the table their declared form.
        values: the arguments.
        context: handed to the function if it wants it.
    """

    function: BufferingFunction[..., Any]
    reader: TableReader
    values: Values
    context: Context

    @property
    def what(self) -> str:
        """The function, for error messages."""
        return f"buffering function '{self.function.name}'"

    def output(self) -> tuple[pa.Schema, Any]:
        """The columns of the result, and what the function reads as ``ctx.bound``."""
        return table_columns(self.function, self.values, self.context, self.reader.columns, self.what)

    def sink(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """What is kept of a batch of input, None for nothing."""
        if not self.function.stateful:
            return batch
        kept = self._call()(*self.values.positional, **self.values.named).sink(
            self.function.table.wrap(self.reader(batch))
        )
        if kept is None:
            return None
        if isinstance(kept, Mapping):
            kept = pa.table(dict(kept))
        if isinstance(kept, pa.RecordBatch):
            return kept
        if not isinstance(kept, pa.Table):
            raise OutputError(f"{self.what}: sink() must return rows (a batch, a table or a dict), got {kept!r}")
        return pa.concat_batches(kept.to_batches()) if kept.num_rows else None

    def split(self, parts: Sequence[pa.RecordBatch]) -> Sequence[Sequence[int]] | None:
        """How the parts are distributed over calls of ``source``, by their positions; None: all to one."""
        if not callable(getattr(self.function.function, "split", None)):
            return None
        result = self._call()(*self.values.positional, **self.values.named).split(parts)
        try:
            shares = [[operator.index(position) for position in share] for share in result]
        except TypeError:
            shares = [[-1]]
        if any(not 0 <= position < len(parts) for share in shares for position in share):
            raise OutputError(f"{self.what}: split() must return lists of positions of its parts, below {len(parts)}")
        return shares

    def source(self, parts: Iterator[pa.RecordBatch], columns: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of the result, of exactly the columns that the bind has told."""
        function = self.function
        if function.stateful:
            result = self._call()(*self.values.positional, **self.values.named).source(parts)
        else:
            positional = list(self.values.positional)
            rows = function.table.wrap_all(map(self.reader, parts), self.reader.columns)
            positional.insert(function.table.place, rows)
            result = self._call()(*positional, **self.values.named)
        try:
            yield from to_batches(result, columns, self.what)
        finally:
            close = getattr(result, "close", None)
            if close is not None and isinstance(result, Iterator):
                close()

    def _call(self) -> Callable[..., Any]:
        function = self.function
        return with_context(function.function, function.signature, self.context, self.values.by_name)


def declare_buffering(
    function: Callable[P, R],
    *,
    columns: ColumnsOption = "input",
    name: str | None = None,
    ordered: bool = False,
    stability: Stability = "consistent",
    **about: Any,
) -> BufferingFunction[P, R]:
    """Make a :class:`BufferingFunction` of ``function``; :func:`duckwing.buffering` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "buffering function", classes=True)
    what = f"buffering function '{sql}'"
    if inspect.isclass(function):
        from .stateful import field_annotations, require_methods

        cls: Any = function
        require_methods(cls, ["sink", "source"], what)
        if field_annotations(cls, what):
            raise DeclarationError(
                f"{what} has fields, but no instance lives from one call to the next; sink() returns what is kept"
            )
        signature = first_table(read_signature(cls, what), cls.sink, what)
        table = table_type(cls.sink, signature, what)
    else:
        signature = read_signature(function, what, table=True)
        table = table_type(function, signature, what, streams=True)
        if table.annotation is pa.RecordBatch:
            raise DeclarationError(
                f"{what} sees all rows at once; annotate the table with Iterator[pa.RecordBatch], "
                "pa.RecordBatchReader or pa.Table"
            )
    check_constants(signature, what)
    check_positions(signature, what)
    result = read_columns(columns, signature, what, table=True)
    check_stability(stability, what)
    documentation = read_about(what, signature.description, **about)
    return BufferingFunction(sql, function, signature, result, table, ordered, stability, documentation)
