"""Table-in-out functions: a batch of rows in, any number of rows out: ``FROM f((SELECT …))`` (spec 05, section 9)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

import pyarrow as pa

from ..errors import DeclarationError
from .about import Stability, check_function, check_stability, read_about
from .arguments import Arguments
from .batches import one_batch
from .columns import ColumnsOption, read_columns
from .context import Context
from .inputs import BoundOverTable, OverTable, check_input_cache, check_positions, first_table, table_type
from .pushdown import check_flag
from .signature import Parameter, read_signature
from .table import check_constants

if TYPE_CHECKING:
    from ..scans.cache import Cache
    from .stateful import Fields

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, eq=False)
class TableInOutFunction(OverTable[P, R]):
    """A declared table-in-out function: a function, or a class with ``process`` and perhaps ``finish``.

    Attributes:
        finishes: it is a class with ``finish``.
        per_thread: each thread of the query has an instance of its own.
        state: what goes on from the last input to the finish; None: it is no class.
        projection: DuckDB says which columns it needs.
    """

    kind: ClassVar = "table_in_out"

    finishes: bool
    per_thread: bool
    state: Fields | None
    projection: bool

    def bind(
        self, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: Context
    ) -> BoundTableInOut:
        """Prepare the calls of one query; :class:`BoundOverTable` explains the arguments.

        Raises:
            ArgumentError: an argument does not fit.
        """
        return BoundTableInOut(self, parameters, columns, arguments, context)


class BoundTableInOut(BoundOverTable[TableInOutFunction[..., Any]]):
    """A table-in-out function with the arguments of one query."""

    def process(self, started: Any, batch: pa.RecordBatch, columns: pa.Schema, wanted: pa.Schema) -> pa.RecordBatch:
        """The rows for one batch of input, of those of the columns that the bind has told that are wanted."""
        rows = self.function.table.wrap(self.reader(batch))
        result = started.process(rows) if self.function.stateful else self.call(started, rows)
        return one_batch(() if result is None else result, columns, self.what, wanted)

    def finish(self, started: Any, columns: pa.Schema, wanted: pa.Schema) -> Generator[pa.RecordBatch]:
        """The rows after the last input."""
        result = started.finish()
        if result is not None:
            yield from self.batches(result, columns, wanted)


def declare_table_in_out(
    function: Callable[P, R],
    *,
    columns: ColumnsOption = "input",
    name: str | None = None,
    per_thread: bool = False,
    stability: Stability = "consistent",
    cache: Cache | None = None,
    projection: bool = True,
    **about: Any,
) -> TableInOutFunction[P, R]:
    """Make a :class:`TableInOutFunction` of ``function``; :func:`duckwing.table_in_out` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    sql = check_function(function, name, "table_in_out function", classes=True)
    what = f"table_in_out function '{sql}'"
    state: Fields | None = None
    if inspect.isclass(function):
        from .stateful import read_fields, require_methods

        cls: Any = function
        require_methods(cls, ["process"], what)
        state = read_fields(cls, what)
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
    if cache is not None:
        check_input_cache(cache, stability, signature, what)
        if finishes:
            raise DeclarationError(f"{what}: cache= is for functions whose rows depend on one batch alone")
    documentation = read_about(what, signature.description, **about)
    return TableInOutFunction(
        sql,
        function,
        signature,
        result,
        table,
        stability,
        cache,
        documentation,
        finishes,
        per_thread,
        state,
        check_flag("projection", projection, what),
    )
