"""Aggregates over windows: a value for each row of a partition (spec 05, sections 11.4 and 11.5)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError
from ..types.numpy_views import to_numpy
from .aggregate import BoundAggregate, take_valid
from .nulls import take


class WindowPartition:
    """The rows of an OVER partition, for a class with a method ``window``.

    Args:
        bound: the function with its constants.
        batch: the argument columns of the whole partition.
        passing: true for the rows that pass FILTER, an array; None: all of them do.
        row_count: number of rows of the partition.
    """

    def __init__(self, bound: BoundAggregate, batch: pa.RecordBatch, passing: pa.Array | None, row_count: int):
        import pyarrow.compute as pc

        columns = bound.columns(batch)
        counted = bound.counted(columns)
        if passing is not None:
            counted = passing if counted is None else pc.and_(counted, passing)
        self._bound = bound
        self._instance = bound.instance()
        self._places: Any = None
        if counted is not None:
            self._places = to_numpy(pc.indices_nonzero(counted))
            columns = [take_valid(column, counted) for column in columns]
        self._columns: Sequence[Any] = columns
        if bound.function.form == "row":
            self._columns = bound.lists(columns)

    def value(self, frames: Iterable[tuple[int, int]]) -> pa.Array:
        """The value of one row, an array of one.

        Args:
            frames: the rows of its frame, as half-open ranges of partition rows.
        """
        ranges = [self._counted(start, end) for start, end in frames]
        ranges = [(start, end) for start, end in ranges if end > start]
        if not ranges:
            return self._bound.empty(1)
        self._bound.context.rows = sum(end - start for start, end in ranges)
        columns = [_cut(column, ranges) for column in self._columns]
        arguments = self._bound.given(columns) if self._bound.function.form == "row" else self._bound.arguments(columns)
        return self._bound.one([self._instance.window(*arguments)])

    def _counted(self, start: int, end: int) -> tuple[int, int]:
        if self._places is None:
            return start, end
        first, last = self._places.searchsorted([start, end])
        return int(first), int(last)


def _cut(column: Any, ranges: Sequence[tuple[int, int]]) -> Any:
    """The rows of some ranges of an array, or of a list of Python values."""
    if isinstance(column, list):
        return list(itertools.chain.from_iterable(column[start:end] for start, end in ranges))
    pieces = [column.slice(start, end - start) for start, end in ranges]
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)


class Running:
    """A cumulative window, for a class with a method ``running``: chunks of rows, sorted by partition and order.

    The engine asks so for ``ROWS`` and for ``RANGE`` frames alike, and does not say which it is. Rows
    of equal order have different values in the one and one value in the other (seen), so there must
    not be any.

    Args:
        bound: the function with its constants.
        keys: how many of the columns are the keys of the partitions.
        order: how many columns after them are the keys of the order.

    Raises:
        ArgumentError: there is no order.
    """

    def __init__(self, bound: BoundAggregate, keys: int, order: int):
        if not order:
            raise self._ambiguous(bound)
        self._bound = bound
        self._keys = keys
        self._first = keys + order
        self._instance: Any = None
        self._key: pa.RecordBatch | None = None
        self._last: pa.Array = bound.empty(1)

    def chunk(self, batch: pa.RecordBatch) -> pa.Array:
        """The values up to and with each row of the next chunk.

        Raises:
            ArgumentError: two rows are equal in their order.
        """
        results: list[pa.Array] = []
        places = batch.select(range(self._first))
        if len(_changes(places)) < batch.num_rows - 1:
            raise self._ambiguous(self._bound)
        keys = batch.select(range(self._keys))
        columns = self._bound.columns(batch, first=self._first)
        bounds = [0, *_changes(keys), batch.num_rows]
        for start, end in itertools.pairwise(bounds):
            place = places.slice(start, 1)
            if self._key is not None and _same(place, self._key):
                raise self._ambiguous(self._bound)
            if self._key is None or not _same(keys.slice(start, 1), self._key.select(range(self._keys))):
                self._instance = self._bound.instance()
                self._last = self._bound.empty(1)
            results.append(self._segment([column.slice(start, end - start) for column in columns], end - start))
            self._last = results[-1].slice(end - start - 1, 1)
            self._key = places.slice(end - 1, 1)
        return pa.concat_arrays(results) if results else pa.nulls(0, self._bound.output_type)

    def save(self) -> list[bytes]:
        """All that another process needs for the next chunk."""
        from ..rpc.codec import encode_batch

        if self._key is None:
            return []
        last = pa.record_batch([self._last], names=["last"])
        return [encode_batch(self._key), self._bound.function.state.save(self._instance), encode_batch(last)]

    def load(self, saved: Sequence[bytes]) -> None:
        """Go on from what was saved."""
        from ..rpc.codec import decode_batch

        key, state, last = saved
        self._key = decode_batch(key)
        self._instance = self._bound.instance()
        self._bound.function.state.load(self._instance, state)
        self._last = decode_batch(last).column(0)

    @staticmethod
    def _ambiguous(bound: BoundAggregate) -> ArgumentError:
        return ArgumentError(
            f"{bound.function.what}: rows of this window are equal in its ORDER BY, and DuckDB does not say whether "
            "they share a value (RANGE) or not (ROWS); order by more columns, or SET vgi_streaming_window = false"
        )

    def _segment(self, columns: list[pa.Array], count: int) -> pa.Array:
        """The values of rows of one partition. A row that does not count has that of the row before it."""
        import pyarrow.compute as pc

        counted = self._bound.counted(columns)
        if counted is None:
            return self._values(columns, count)
        rows = pc.sum(counted).as_py()
        values = self._values([take_valid(column, counted) for column in columns], rows) if rows else None
        known = self._last if values is None else pa.concat_arrays([self._last, values])
        return take(known, pc.cumulative_sum(counted.cast(pa.int32())))

    def _values(self, columns: list[pa.Array], count: int) -> pa.Array:
        self._bound.context.rows = count
        if self._bound.function.form == "row":
            return self._bound.one([self._instance.running(*row) for row in self._bound.rows(columns, count)])
        return self._bound.results(self._instance.running(*self._bound.arguments(columns)), count)


def _changes(keys: pa.RecordBatch) -> list[int]:
    """The rows, but the first, at which another partition begins."""
    if not keys.num_columns or keys.num_rows < 2:
        return []
    import pyarrow.compute as pc

    changed: pa.Array | None = None
    for column in keys.columns:
        if column.type.num_fields or isinstance(column.type, pa.BaseExtensionType):
            return [row for row in range(1, keys.num_rows) if not _same(keys.slice(row, 1), keys.slice(row - 1, 1))]
        encoded = pc.dictionary_encode(column, null_encoding="encode").indices
        ours = pc.not_equal(encoded.slice(1), encoded.slice(0, len(encoded) - 1))
        changed = ours if changed is None else pc.or_(changed, ours)
    return [row + 1 for row in pc.indices_nonzero(changed).to_pylist()]


def _same(one: pa.RecordBatch, other: pa.RecordBatch) -> bool:
    """Whether two rows are of one partition. SQL takes two NaN for equal there, Arrow does not."""
    if one.schema.types != other.schema.types:
        return False
    return all(
        a.equals(b) or (pa.types.is_floating(a.type) and str(a[0]) == str(b[0]))
        for a, b in zip(one.columns, other.columns, strict=True)
    )
