"""Table-in-out functions: a batch of rows in, any number of rows out: ``FROM f((SELECT …))`` (spec 05, section 9)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import DeclarationError
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import Arguments
from .batches import one_batch, to_batches
from .binding import Values, bind_arguments
from .columns import ColumnsOption, ResultColumns, read_columns
from .context import Context
from .inputs import TableReader, TableType, first_table, table_columns, table_type
from .signature import REQUIRED, Parameter, Signature, read_signature, with_context
from .table import check_constants

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class TableInOutFunction(Generic[P, R]):
    """A declared table-in-out function. It stays callable as the plain function or class that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function, or class with ``process`` and perhaps ``finish``.
        signature: what SQL passes; one parameter is the table.
        columns: the columns of its result.
        table: as what the function receives its rows.
        finishes: it is a class with ``finish``.
        per_thread: each thread of the query has an instance of its own.
        stability: whether equal calls may share a result.
        about: its documentation.
    """

    kind: ClassVar = "table_in_out"

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: ResultColumns
    table: TableType
    finishes: bool
    per_thread: bool
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
    ) -> BoundTableInOut:
        """Prepare the calls of one query.

        Args:
            parameters: the function's.
            columns: the columns of the table.
            arguments: the other arguments.
            context: handed to the function if it wants it.

        Raises:
            ArgumentError: an argument does not fit.
        """
        return BoundTableInOut(self, TableReader(columns), bind_arguments(self.name, parameters, arguments), context)


@dataclass(frozen=True, eq=False)
class BoundTableInOut:
    """A table-in-out function with the arguments of one query.

    Attributes:
        function: the declaration.
        reader: gives the rows of the table their declared form.
        values: the arguments.
        context: handed to the function if it wants it.
    """

    function: TableInOutFunction[..., Any]
    reader: TableReader
    values: Values
    context: Context

    @property
    def what(self) -> str:
        """The function, for error messages."""
        return f"table_in_out function '{self.function.name}'"

    def output(self) -> tuple[pa.Schema, Any]:
        """The columns of the result, and what the function reads as ``ctx.bound``."""
        return table_columns(self.function, self.values, self.context, self.reader.columns, self.what)

    def start(self) -> Any:
        """What handles the batches: the author's function, or a new instance of his class."""
        function = self.function
        call = with_context(function.function, function.signature, self.context, self.values.by_name)
        return call(*self.values.positional, **self.values.named) if function.stateful else call

    def process(self, started: Any, batch: pa.RecordBatch, columns: pa.Schema) -> pa.RecordBatch:
        """The rows for one batch of input, of exactly the columns that the bind has told."""
        rows = self.function.table.wrap(self.reader(batch))
        if self.function.stateful:
            result = started.process(rows)
        else:
            positional = list(self.values.positional)
            positional.insert(self.function.table.place, rows)
            result = started(*positional, **self.values.named)
        return one_batch(() if result is None else result, columns, self.what)

    def finish(self, started: Any, columns: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows after the last input."""
        result = started.finish()
        if result is not None:
            try:
                yield from to_batches(result, columns, self.what)
            finally:
                close = getattr(result, "close", None)
                if close is not None and isinstance(result, Iterator):
                    close()


def declare_table_in_out(
    function: Callable[P, R],
    *,
    columns: ColumnsOption = "input",
    name: str | None = None,
    per_thread: bool = False,
    stability: Stability = "consistent",
    **about: Any,
) -> TableInOutFunction[P, R]:
    """Make a :class:`TableInOutFunction` of ``function``; :func:`duckwing.table_in_out` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "table_in_out function", classes=True)
    what = f"table_in_out function '{sql}'"
    if inspect.isclass(function):
        from .stateful import read_fields, require_methods

        cls: Any = function
        require_methods(cls, ["process"], what)
        read_fields(cls, what)
        signature = first_table(read_signature(cls, what), cls.process, what)
        table = table_type(cls.process, signature, what)
    else:
        signature = read_signature(function, what, table=True)
        table = table_type(function, signature, what)
    check_constants(signature, what)
    check_positions(signature, what)
    finishes = callable(getattr(function, "finish", None))
    if per_thread and not finishes:
        raise DeclarationError(f"{what}: per_thread= is for classes with finish(); others always run in every thread")
    result = read_columns(columns, signature, what, table=True)
    check_stability(stability, what)
    documentation = read_about(what, signature.description, **about)
    return TableInOutFunction(sql, function, signature, result, table, finishes, per_thread, stability, documentation)


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
