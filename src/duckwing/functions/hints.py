"""The options ``cardinality=`` and ``statistics=``: what the optimizer may know of a call before it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..scans.statistics import ColumnStatistics, TableStatistics, check_count, statistics_batch
from .columns import wanted
from .signature import Signature


@dataclass(frozen=True)
class Cardinality:
    """How many rows a call gives; None: unknown.

    Attributes:
        estimate: so many, more or less. DuckDB orders joins by it, and shows progress in it.
        max: never more. DuckDB relies on it.
    """

    estimate: int | None = None
    max: int | None = None


CardinalityOption: TypeAlias = "int | Cardinality | Callable[..., int | Cardinality | None]"
StatisticsOption: TypeAlias = (
    "Mapping[str, ColumnStatistics] | TableStatistics"
    " | Callable[..., Mapping[str, ColumnStatistics] | TableStatistics | None]"
)


@dataclass(frozen=True, eq=False)
class Hint:
    """An option that is a value, or a callable over some of the function's parameters.

    Attributes:
        fixed: the value, if there is no callable.
        compute: the callable.
        wants: its parameters.
    """

    fixed: Any = None
    compute: Callable[..., Any] | None = None
    wants: tuple[str, ...] = ()

    def of(self, values: Mapping[str, Any]) -> Any:
        """The value for one call."""
        return self.fixed if self.compute is None else self.compute(**{name: values[name] for name in self.wants})


@dataclass(frozen=True, eq=False)
class Hints:
    """What is declared of the rows of a table function.

    Attributes:
        cardinality: of ``cardinality=``.
        statistics: of ``statistics=``.
    """

    cardinality: Hint = Hint()
    statistics: Hint = Hint()

    def __bool__(self) -> bool:
        return any(hint.compute or hint.fixed is not None for hint in (self.cardinality, self.statistics))

    def cardinality_of(self, values: Mapping[str, Any], what: str) -> Cardinality:
        """How many rows a call gives, as far as anything says it.

        Args:
            values: the arguments by name, and the context.
            what: names the function in error messages.

        Raises:
            OutputError: what was computed is no number of rows.
            Exception: whatever the author's callable raises.
        """
        known = self.cardinality.of(values)
        if known is None:
            statistics = self.statistics.of(values)
            if isinstance(statistics, TableStatistics):
                known = Cardinality(statistics.rows, statistics.rows)
        return check_cardinality(known, what)

    def statistics_of(self, values: Mapping[str, Any], columns: pa.Schema, what: str) -> pa.RecordBatch | None:
        """The statistics of the rows of a call in the protocol's form; None if nothing is declared.

        Args:
            values: the arguments by name, and the context.
            columns: those of the result.
            what: names the function in error messages.

        Raises:
            OutputError: what was computed does not fit the columns.
            Exception: whatever the author's callable raises.
        """
        return check_statistics(self.statistics.of(values), columns, what)

    @property
    def max_age(self) -> int | None:
        """Seconds after which what is declared of the columns is to be asked for again; None: never."""
        known = self.statistics.fixed
        return known.max_age if isinstance(known, TableStatistics) else None


def read_hints(
    cardinality: CardinalityOption | None,
    statistics: StatisticsOption | None,
    signature: Signature,
    what: str,
    columns: pa.Schema | None = None,
) -> Hints:
    """What the options ``cardinality=`` and ``statistics=`` mean.

    Args:
        cardinality: the one.
        statistics: the other.
        signature: of the function, whose arguments a callable may want.
        what: names the function in error messages.
        columns: those of the result, if they are always the same.

    Raises:
        DeclarationError: they have no meaning here.
    """
    hints = Hints(
        _read(cardinality, signature, what, "cardinality="), _read(statistics, signature, what, "statistics=")
    )
    try:
        check_cardinality(hints.cardinality.fixed, what)
        if isinstance(hints.statistics.fixed, TableStatistics):
            check_count(hints.statistics.fixed.rows, f"{what}: rows")
            check_count(hints.statistics.fixed.max_age, f"{what}: max_age")
        if columns is not None or not isinstance(hints.statistics.fixed, (Mapping, TableStatistics)):
            check_statistics(hints.statistics.fixed, columns or pa.schema([]), what)
    except OutputError as error:
        raise DeclarationError(str(error)) from None
    return hints


def _read(option: Any, signature: Signature, what: str, name: str) -> Hint:
    if callable(option):
        return Hint(compute=option, wants=wanted(option, signature, what, name))
    return Hint(fixed=option)


def check_cardinality(known: int | Cardinality | None, what: str) -> Cardinality:
    """``known`` as a :class:`Cardinality`.

    Raises:
        OutputError: it is no number of rows.
    """
    if not isinstance(known, Cardinality):
        known = Cardinality(known)
    estimate = check_count(known.estimate, f"{what}: the cardinality")
    most = check_count(known.max, f"{what}: the greatest cardinality")
    if estimate is not None and most is not None and estimate > most:
        raise OutputError(f"{what}: a cardinality of {estimate} is more than its max of {most}")
    return Cardinality(estimate, most)


def check_statistics(known: Any, columns: pa.Schema, what: str) -> pa.RecordBatch | None:
    """``known``, as declared or computed, in the protocol's form; None for None.

    Raises:
        OutputError: it does not fit the columns.
    """
    if known is None:
        return None
    if isinstance(known, TableStatistics):
        there = {name: column for name, column in known.columns.items() if columns.get_field_index(name) >= 0}
        return statistics_batch(there, columns, what)
    if not isinstance(known, Mapping):
        raise OutputError(
            f"{what}: statistics= are a dict of ColumnStatistics by column, or a TableStatistics, not {known!r}"
        )
    return statistics_batch(known, columns, what)
