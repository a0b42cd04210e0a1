"""Table functions: ``FROM f(…)``, rows from nothing but arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import DeclarationError
from ..rpc.framing import Batch
from .about import About, Stability, check_function, check_stability, read_about
from .arguments import Arguments
from .batches import to_batches
from .binding import Values, bind_arguments
from .columns import ColumnsOption, ResultColumns, read_columns
from .context import Context
from .partitions import Partitions
from .pushdown import Filtering, Pushdown, RowOrder, read_pushdown
from .results import known_by_name
from .scan import Scan, Sieve
from .signature import Parameter, Signature, read_signature, with_context

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class TableFunction(Generic[P, R]):
    """A declared table function. It stays callable as the plain function or class that it was made from.

    Attributes:
        name: its name in SQL.
        function: the author's function, or class with a method ``next``.
        signature: what SQL passes.
        columns: the columns of its result.
        resumable: it is a class with ``next``.
        stability: whether equal calls may share a result.
        pushdown: what it takes off DuckDB's hands.
        about: its documentation.
    """

    kind: ClassVar = "table_function"

    name: str
    function: Callable[P, R]
    signature: Signature
    columns: ResultColumns
    resumable: bool
    stability: Stability
    pushdown: Pushdown
    about: About

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def bind(self, parameters: Sequence[Parameter], arguments: Arguments, context: Context) -> BoundTable:
        """Check and convert the arguments of one query.

        Args:
            parameters: the overload that the query uses.
            arguments: the arguments that it passes.
            context: handed to the function if it wants it.

        Raises:
            ArgumentError: an argument does not fit, or is missing.
        """
        return BoundTable(self, bind_arguments(self.name, parameters, arguments), context)


@dataclass(frozen=True, eq=False)
class BoundTable:
    """A table function with the arguments of one query.

    Attributes:
        function: the declaration.
        values: the arguments.
        context: handed to the function if it wants it.
    """

    function: TableFunction[..., Any]
    values: Values
    context: Context

    @property
    def what(self) -> str:
        """The function, for error messages."""
        return f"table function '{self.function.name}'"

    def output(self) -> tuple[pa.Schema, Any]:
        """The columns of the result, and what the scan reads as ``ctx.bound``."""
        function = self.function
        known = known_by_name(function.signature, self.context, self.values.by_name)
        columns, data = function.columns.of(known, None, self.what)
        return function.pushdown.marked(columns, self.what), data

    def scan(self, scan: Scan) -> Iterator[Batch]:
        """Run the function: its batches, cut down to what is wanted, and what must travel with them.

        Closing the iterator closes the author's generator, so that its ``finally`` runs.

        Raises:
            OutputError: the function yields something else.
            FilterError: a filter cannot be applied.
            Exception: whatever the function raises.
        """
        function = self.function
        sieve = Sieve(
            scan, function.pushdown.partitioning(scan.columns, self.what), function.pushdown.filters == "apply"
        )
        call = with_context(function.function, function.signature, self.context, self.values.by_name)
        result = call(*self.values.positional, **self.values.named)
        items = _steps(result) if function.resumable else result
        try:
            yield from sieve.batches(to_batches(items, scan.columns, self.what, scan.needed))
        finally:
            close = getattr(result, "close", None)
            if close is not None and (function.resumable or isinstance(result, Iterator)):
                close()


def _steps(instance: Any) -> Iterator[Any]:
    """What ``next`` of a resumable function returns, up to its None; a list is one of rows."""
    while (item := instance.next()) is not None:
        if isinstance(item, list):
            yield from item
        else:
            yield item


def declare_table_function(
    function: Callable[P, R],
    *,
    columns: ColumnsOption | None = None,
    name: str | None = None,
    stability: Stability = "consistent",
    filters: Filtering = "apply",
    samples: bool = False,
    order: RowOrder | None = None,
    partition_by: str | Sequence[str] = (),
    partitions: Partitions = "single",
    **about: Any,
) -> TableFunction[P, R]:
    """Make a :class:`TableFunction` of ``function``; :func:`duckwing.table_function` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "table function", classes=True)
    what = f"table function '{sql}'"
    resumable = inspect.isclass(function)
    if resumable:
        from .stateful import read_fields, require_methods

        assert isinstance(function, type)
        require_methods(function, ["next"], what)
        read_fields(function, what)
    signature = read_signature(function, what)
    check_constants(signature, what)
    result = read_columns(columns_option(function, columns, signature, what), signature, what)
    check_stability(stability, what)
    pushdown = read_pushdown(
        result, what, filters=filters, samples=samples, order=order, partition_by=partition_by, partitions=partitions
    )
    documentation = read_about(what, signature.description, **about)
    return TableFunction(sql, function, signature, result, resumable, stability, pushdown, documentation)


def columns_option(function: Any, columns: ColumnsOption | None, signature: Signature, what: str) -> ColumnsOption:
    """The option ``columns=``, or what the annotation of the rows says in its place.

    Raises:
        DeclarationError: neither says it.
    """
    if columns is not None:
        return columns
    from .rows import row_columns

    found = (
        row_columns(inspect.signature(function.next, eval_str=True).return_annotation)
        if inspect.isclass(function) and hasattr(function, "next")
        else row_columns(signature.returns)
    )
    if found is None:
        raise DeclarationError(
            f"{what} needs its columns: columns={{'n': BIGINT}}, or '-> Iterator[Row]' with a NamedTuple or dataclass"
        )
    return found


def check_constants(signature: Signature, what: str) -> None:
    """Refuse parameters that are arrays, where every argument is one value.

    Raises:
        DeclarationError: one is.
    """
    for parameter in signature.parameters:
        if parameter.form == "batch" and parameter.kind != "table":
            raise DeclarationError(
                f"{what}: parameter '{parameter.name}' is an array, but its arguments are single values; "
                "annotate it with a Python type"
            )
