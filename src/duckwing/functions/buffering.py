"""Buffering functions: they see all rows of a table before they give any (spec 05, section 10)."""

from __future__ import annotations

import contextlib
import inspect
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, TypeAlias, TypeVar

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..scans.scan import Sieve
from .about import Stability, check_function, check_stability, read_about
from .arguments import Arguments
from .columns import ColumnsOption, read_columns
from .context import Context
from .inputs import BoundOverTable, OverTable, check_input_cache, check_positions, first_table, table_type
from .pushdown import Filtering, Pushdown, read_pushdown
from .signature import Parameter, read_signature
from .table import check_constants

if TYPE_CHECKING:
    from ..rpc.framing import Batch
    from ..scans.cache import Cache
    from ..scans.scan import Scan

P = ParamSpec("P")
R = TypeVar("R")

Ordered: TypeAlias = "bool | Literal['serial', 'output']"


@dataclass(frozen=True, eq=False)
class BufferingFunction(OverTable[P, R]):
    """A declared buffering function: a function, or a class with ``sink`` and ``source``, and perhaps ``split``.

    Attributes:
        ordered: the input comes in the order of its query; ``"serial"``: one batch after the other;
            ``"output"``: in any order, but the rows of the result keep theirs.
        pushdown: what it takes off DuckDB's hands.
    """

    kind: ClassVar = "buffering"

    ordered: Ordered
    pushdown: Pushdown

    @property
    def orders_input(self) -> bool:
        """Whether the input comes in the order of its query."""
        return self.ordered in (True, "serial")

    @property
    def orders_output(self) -> bool:
        """Whether the shares that ``split`` makes are asked for one after the other."""
        return bool(self.ordered) and _splits(self.function)

    def bind(
        self, parameters: Sequence[Parameter], columns: pa.Schema, arguments: Arguments, context: Context
    ) -> BoundBuffering:
        """Prepare the calls of one query; :class:`BoundOverTable` explains the arguments.

        Raises:
            ArgumentError: an argument does not fit.
        """
        return BoundBuffering(self, parameters, columns, arguments, context)


class BoundBuffering(BoundOverTable[BufferingFunction[..., Any]]):
    """A buffering function with the arguments of one query."""

    def sink(self, batch: pa.RecordBatch) -> pa.RecordBatch | None:
        """What is kept of a batch of input, None for nothing."""
        if not self.function.stateful:
            return batch
        kept = self.start().sink(self.function.table.wrap(self.reader(batch)))
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
        if not _splits(self.function.function):
            return None
        result = self.start().split(parts)
        try:
            shares = [[operator.index(position) for position in share] for share in result]
        except TypeError:
            shares = [[-1]]
        if any(not 0 <= position < len(parts) for share in shares for position in share):
            raise OutputError(f"{self.what}: split() must return lists of positions of its parts, below {len(parts)}")
        return shares

    def write(self, parts: Iterator[pa.RecordBatch]) -> None:
        """Hand all rows to the writer of a COPY format."""
        rows = self.function.table.wrap_all(map(self.reader, parts), self.reader.columns)
        result = self.call(self.start(), rows)
        for _ in result if isinstance(result, Iterator) else ():
            pass  # a generator does its work while it is asked for rows that nobody wants

    def source(self, parts: Iterator[pa.RecordBatch], scan: Scan) -> Iterator[Batch]:
        """The rows of the result, as far as they are wanted. Closing the iterator closes the author's generator."""
        started = self.start()
        if self.function.stateful:
            result = started.source(parts)
        else:
            rows = self.function.table.wrap_all(map(self.reader, parts), self.reader.columns)
            result = self.call(started, rows)
        sieve = Sieve(scan, filtering=self.function.pushdown.filters != "mine")
        with contextlib.closing(self.batches(result, scan.columns, scan.needed)) as batches:
            yield from sieve.batches(batches)


def _splits(function: Any) -> bool:
    """Whether it is a class that distributes the parts."""
    return callable(getattr(function, "split", None))


def declare_buffering(
    function: Callable[P, R],
    *,
    columns: ColumnsOption = "input",
    name: str | None = None,
    ordered: Ordered = False,
    projection: bool = True,
    filters: Filtering | None = None,
    stability: Stability = "consistent",
    cache: Cache | None = None,
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
    if not isinstance(ordered, bool) and ordered not in ("serial", "output"):
        raise DeclarationError(f"{what}: ordered= is True, False, 'serial' or 'output', not {ordered!r}")
    if ordered == "output" and not _splits(function):
        raise DeclarationError(f"{what}: ordered='output' is for classes with split(); without it there is one order")
    check_constants(signature, what)
    check_positions(signature, what)
    result = read_columns(columns, signature, what, table=True)
    if filters is None:
        filters = "apply" if cache is None else "none"
    elif cache is not None and filters != "none":
        raise DeclarationError(
            f"{what}: DuckDB uses a result that it has kept whatever the conditions are, so with cache= they must be "
            f"left to it; filters={filters!r} must go"
        )
    pushdown = read_pushdown(result, what, projection=projection, filters=filters)
    check_stability(stability, what)
    if cache is not None:
        check_input_cache(cache, stability, signature, what)
        if cache.validator is not None:
            raise DeclarationError(f"{what}: its results come after all input, too late for a validator; give a ttl=")
    documentation = read_about(what, signature.description, **about)
    return BufferingFunction(
        sql, function, signature, result, table, stability, cache, documentation, ordered, pushdown
    )
