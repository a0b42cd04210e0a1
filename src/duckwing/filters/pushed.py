"""The filters of one scan, as functions see them and as they change while it runs (spec 07, section 7)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import FilterError
from .tree import Column, Predicate, walk

if TYPE_CHECKING:
    from .arrow import ArrowFilter
    from .evaluate import Evaluator
    from .pins import Range
    from .sql import Dialect, SqlFilter

MAX_IDS = 4096
"""So many predicates a scan may have over its life."""

MAX_DELTA_BYTES = 17 << 20
MAX_DELTA_TEXT = 24 << 20


class ColumnFilter:
    """What the filters of a scan say about one column."""

    def __init__(self, predicates: Sequence[Predicate], column: str):
        self._predicates = predicates
        self._column = column

    @property
    def values(self) -> tuple[Any, ...] | None:
        """The only values that the column has in rows that are wanted; None: it may have any.

        They come from ``=``, ``IN`` and ``OR``. No value at all means that no row is wanted.
        """
        from .pins import pinned_values

        return pinned_values(self._predicates, self._column)

    @property
    def range(self) -> Range:
        """Bounds of the column's values in rows that are wanted; unbounded where nothing is known."""
        from .pins import column_range

        return column_range(self._predicates, self._column)


class Filters:
    """The conditions that DuckDB has handed to a scan: all must hold in the rows of its result.

    A function need not look at them: Duckwing leaves out the rows that do not meet them. Who does
    look can avoid work: ask a server for less, skip files, build a WHERE clause.

    Attributes:
        predicates: the conditions; ``str`` prints each about as SQL would write it.

    Example:
        ```python
        @demo.table_function(columns={"city": VARCHAR, "temperature": DOUBLE})
        def weather(ctx: dw.Context):
            cities = ctx.filters["city"].values        # WHERE city IN ('Oslo', 'Rome'): ('Oslo', 'Rome')
            for city in ALL_CITIES if cities is None else cities:
                yield city, fetch(city)
        ```
    """

    def __init__(self, predicates: Sequence[Predicate] = ()):
        self.predicates = tuple(predicates)

    def __iter__(self) -> Iterator[Predicate]:
        return iter(self.predicates)

    def __len__(self) -> int:
        return len(self.predicates)

    def __getitem__(self, column: str) -> ColumnFilter:
        return ColumnFilter(self.predicates, column)

    def __str__(self) -> str:
        return " AND ".join(f"({predicate})" for predicate in self.predicates)

    def __repr__(self) -> str:
        return f"Filters({self})"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the conditions are about."""
        names = (node.name for p in self.predicates for node in walk(p.expression) if isinstance(node, Column))
        return tuple(dict.fromkeys(names))

    def evaluator(self, schema: pa.Schema) -> Evaluator:
        """What applies the conditions to batches of ``schema``.

        Raises:
            FilterError: one that must hold cannot be evaluated.
        """
        from .evaluate import Evaluator

        return Evaluator(self.predicates, schema)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of ``batch`` that are wanted.

        Raises:
            FilterError: a condition cannot be evaluated.
        """
        return self.evaluator(batch.schema).apply(batch)

    def to_pyarrow(self) -> ArrowFilter:
        """The conditions as a ``pyarrow`` expression; it may let more rows pass, never fewer."""
        from .arrow import to_pyarrow

        return to_pyarrow(self.predicates)

    def to_sql(self, dialect: Dialect) -> SqlFilter:
        """The conditions as a WHERE clause with parameters; it may let more rows pass, never fewer.

        Args:
            dialect: ``duckdb``, ``postgresql`` or ``sqlite``.
        """
        from .sql import to_sql

        return to_sql(self.predicates, dialect)


class PushedFilters:
    """The filters of one scan from its beginning on; ticks may tighten them.

    Args:
        columns: all columns of the function, not projected.
        snapshot: the IPC stream of the first filters; None: there are none, and none will follow.
        join_keys: the IPC streams of the sets beside it.

    Attributes:
        current: the filters of now.

    Raises:
        FilterError: the snapshot is malformed.
    """

    def __init__(self, columns: pa.Schema, snapshot: bytes | None = None, join_keys: Sequence[bytes] = ()):
        self.current = Filters()
        self._columns = columns
        self._fixed: frozenset[str] | None = None
        self._revisions: dict[str, int] = {}
        if snapshot is not None:
            from .decode import decode_snapshot

            predicates = decode_snapshot(snapshot, join_keys, columns)
            self.current = Filters(predicates)
            self._fixed = frozenset(predicate.id for predicate in predicates if predicate.required)
            self._revisions = {predicate.id: predicate.revision for predicate in predicates}

    def update(self, text: bytes) -> None:
        """Take over the changes that a tick brings, all of them or none.

        Args:
            text: the base64 text of the delta.

        Raises:
            FilterError: it is malformed, or nothing that could be changed here.
        """
        from .decode import decode_delta

        if len(text) > MAX_DELTA_TEXT:
            raise FilterError(f"malformed filter: a delta of {len(text)} bytes")
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise FilterError("malformed filter: a delta is no base64 text") from None
        if len(data) > MAX_DELTA_BYTES:
            raise FilterError(f"malformed filter: a delta of {len(data)} bytes")
        updates = decode_delta(data, self._columns)
        if self._fixed is None:
            raise FilterError("malformed filter: a delta came, but no filters before it")
        for update in updates:
            if update.id in self._fixed:
                raise FilterError(f"malformed filter: predicate {update.id} is required and cannot change")
        news = [update for update in updates if update.revision > self._revisions.get(update.id, -1)]
        revisions = self._revisions | {update.id: update.revision for update in news}
        if len(revisions) > MAX_IDS:
            raise FilterError(f"malformed filter: more than {MAX_IDS} predicates in one scan")
        predicates = {predicate.id: predicate for predicate in self.current}
        for update in news:
            if update.predicate is None:
                predicates.pop(update.id, None)
            else:
                predicates[update.id] = update.predicate
        self._revisions = revisions
        self.current = Filters(tuple(predicates.values()))
