"""The options of a table function that say what it takes off DuckDB's hands (spec 07)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..scans.partitions import Partitioning, Partitions, check_partition_columns, marked_columns, partition_columns
from .columns import ResultColumns

Filtering = Literal["apply", "mine", "none"]

RowOrder = Literal["preserved", "none", "fixed"]


@dataclass(frozen=True)
class Pushdown:
    """What a table function takes over.

    Attributes:
        filters: who leaves out the rows that do not meet the filters: Duckwing, the function itself, or DuckDB,
            which then says nothing of them.
        samples: the function takes samples itself.
        order: what the order of its rows means.
        partition_by: the columns that tell its partitions apart, or what looks for them.
        partitions: how these relate to its batches.
        late_materialization: DuckDB may scan it twice for the first rows: once for what they are sorted by, and
            then, by row id, for the rest.
        projection: DuckDB says which columns it needs.
    """

    filters: Filtering = "apply"
    samples: bool = False
    order: RowOrder = "preserved"
    partition_by: tuple[str, ...] | Callable[[], Sequence[str]] = ()
    partitions: Partitions = "single"
    late_materialization: bool = False
    projection: bool = True

    @property
    def partition_columns(self) -> tuple[str, ...]:
        """The columns that tell the partitions apart; none at all: there are no partitions."""
        return tuple(self.partition_by()) if callable(self.partition_by) else self.partition_by

    def marked(self, columns: pa.Schema, what: str) -> pa.Schema:
        """``columns`` as the client gets to know them.

        Raises:
            OutputError: they are computed, and a partition column is not among them.
        """
        names = self.partition_columns
        if not names:
            return columns
        try:
            check_partition_columns(names, columns, what)
        except DeclarationError as error:
            raise OutputError(str(error)) from None
        return marked_columns(columns, names)

    def partitioning(self, columns: pa.Schema, what: str) -> Partitioning | None:
        """How batches of ``columns`` are partitioned; None if they are not."""
        fields = [pa.field(field.name, field.type) for field in partition_columns(columns)]
        return Partitioning(pa.schema(fields), self.partitions, what) if fields else None


def read_pushdown(
    result: ResultColumns,
    what: str,
    *,
    filters: Any = "apply",
    samples: Any = False,
    order: Any = None,
    partition_by: str | Sequence[str] | Callable[[], Sequence[str]] = (),
    partitions: Any = "single",
    late_materialization: Any = False,
    projection: Any = True,
    splits: bool = False,
) -> Pushdown:
    """What the options say.

    Args:
        result: the columns of the function.
        what: names it in error messages.
        filters: as in :class:`Pushdown`, and so the others.
        splits: the function reads splits, whose order means nothing unless it says so.

    Raises:
        DeclarationError: an option has another value than it may have.
    """
    order = ("none" if splits else "preserved") if order is None else order
    options: tuple[tuple[str, Any, Any], ...] = (
        ("filters", filters, Filtering),
        ("order", order, RowOrder),
        ("partitions", partitions, Partitions),
    )
    for name, value, allowed in options:
        if value not in get_args(allowed):
            raise DeclarationError(f"{what}: {name}= is one of {', '.join(get_args(allowed))}, not {value!r}")
    flags = (("samples", samples), ("late_materialization", late_materialization), ("projection", projection))
    for name, flag in flags:
        check_flag(name, flag, what)
    columns: Any = partition_by
    if not callable(partition_by):
        columns = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
        if result.fixed is not None:
            check_partition_columns(columns, result.fixed, what)
    return Pushdown(filters, samples, order, columns, partitions, late_materialization, projection)


def check_flag(name: str, flag: Any, what: str) -> bool:
    """The value of an option that is on or off.

    Raises:
        DeclarationError: it is neither.
    """
    if not isinstance(flag, bool):
        raise DeclarationError(f"{what}: {name}= is True or False, not {flag!r}")
    return flag
