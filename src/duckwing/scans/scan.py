"""What a client wants of one scan, and how the batches of a function are cut down to it (spec 07)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from ..filters.pushed import Filters, PushedFilters
from ..rpc.framing import Batch
from .partitions import Partitioning, partition_columns

MAX_SILENCE = 0.05
"""Seconds. When the filters leave nothing of a function's batches for so long, an empty one is sent:
the client can only cancel, or tighten its filters, between two batches."""


@dataclass(frozen=True)
class Order:
    """The order in which DuckDB wants the first rows: ``ORDER BY … LIMIT``. A hint: it always sorts again.

    Attributes:
        column: the first key; there may be others that are not told.
        descending: the greatest values come first.
        nulls_first: NULLs come before all values.
        limit: so many rows are wanted, LIMIT and OFFSET together; None: not known. Since further
            keys may follow, only rows that are strictly behind all of these in ``column`` may be left out.
    """

    column: str
    descending: bool = False
    nulls_first: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class Sample:
    """The sample that DuckDB wants: ``TABLESAMPLE 10%``. The function must take it, DuckDB does not.

    Attributes:
        percentage: 0 to 100.
        seed: rows are chosen by it, always the same; None: at random.
    """

    percentage: float
    seed: int | None = None


@dataclass(frozen=True, eq=False)
class Scan:
    """What is wanted of one scan.

    Attributes:
        columns: all columns of the function.
        wanted: those of the result, in its order.
        pushed: the filters, as they change while it runs.
        order: the order of the first rows; None: none is wanted.
        sample: the sample; None: all rows are wanted.
        min_splits: so many parts at least are welcome, when the scan is planned in parts.
    """

    columns: pa.Schema
    wanted: pa.Schema
    pushed: PushedFilters
    order: Order | None = None
    sample: Sample | None = None
    min_splits: int = 1

    @classmethod
    def everything(cls, columns: pa.Schema) -> Scan:
        """A scan of all rows and columns."""
        return cls(columns, columns, PushedFilters(columns))

    @property
    def filters(self) -> Filters:
        """The filters of now."""
        return self.pushed.current

    @functools.cached_property
    def needed(self) -> pa.Schema:
        """The columns of which a function must give the values: what is wanted, and what partitions are told by."""
        names = dict.fromkeys(self.wanted.names)
        partitions = [field for field in partition_columns(self.columns) if field.name not in names]
        if not partitions and len(names) == len(self.wanted):
            return self.wanted
        return pa.schema([*(self.columns.field(name) for name in names), *partitions])


class Sieve:
    """Cuts batches down to what a scan wants: the rows first, then the columns.

    Args:
        scan: what is wanted.
        partitioning: how the batches are partitioned; None: they are not.
        filtering: the filters are applied here; else the function has done so.
    """

    def __init__(self, scan: Scan, partitioning: Partitioning | None = None, *, filtering: bool = True):
        self._scan = scan
        self._partitioning = partitioning
        self._filtering = filtering
        self._applied: Filters | None = None
        self._apply: Callable[[pa.RecordBatch], pa.RecordBatch] | None = None

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Batch]:
        """The batches to send, with the metadata that belongs to each."""
        sent = time.monotonic()
        for whole in batches:
            for piece in [whole] if self._partitioning is None else self._partitioning.split(whole):
                rows = self._filtered(piece)
                if not rows.num_rows and time.monotonic() - sent < MAX_SILENCE:
                    continue
                metadata = {} if self._partitioning is None else self._partitioning.metadata(piece)
                yield Batch(self._projected(rows), metadata)
                sent = time.monotonic()

    def _filtered(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        if not self._filtering:
            return rows
        filters = self._scan.filters
        if filters is not self._applied:
            self._apply = filters.evaluator(self._scan.needed).apply if filters else None
            self._applied = filters
        return rows if self._apply is None else self._apply(rows)

    def _projected(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        wanted = self._scan.wanted
        if wanted is self._scan.needed:
            return rows
        return pa.RecordBatch.from_arrays([rows.column(field.name) for field in wanted], schema=wanted)
