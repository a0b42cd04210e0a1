"""What is known of the rows of a table without reading them: for the optimizer, in the protocol's form.

DuckDB believes statistics: it drops filters and whole scans by them, and packs values for sorting
into as many bytes as they promise. So nothing is sent here that nobody has said (spec 07, section 12).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from ..errors import OutputError
from ..types import GEOMETRY, HUGEINT, JSON, UHUGEINT, UUID
from ..types.convert import to_duckdb
from ..types.forms import is_text, same_extension
from ..types.names import sql_name
from ..types.values import from_values, to_values

MAX_LENGTH: Final = 2**31 - 1
"""Bytes of a string of unknown length. The column may not be left NULL, because the extension then takes the
longer of the two bounds, nor be 2**32 - 1, to which DuckDB adds 1: either way it sorts by cut off strings."""

UNKNOWN_DISTINCT: Final = 0
"""NULL would count as 1, which makes the estimate of a join too large by orders of magnitude."""

MAX_COUNT: Final = 2**63 - 1


@dataclass(frozen=True)
class ColumnStatistics:
    """What holds for every row of a column. What is left out is unknown.

    DuckDB relies on it: rows beyond the bounds may be missing from results. The values are those of
    the column's type in Python, or pyarrow scalars. NaN is the greatest value in SQL, so a column
    that may contain NaN has no ``max`` (or NaN). Nested types, INTERVAL, BIT, BIGNUM and TIME WITH
    TIME ZONE have no statistics, TIME and GEOMETRY only with both bounds. Two geometries stand for
    the box around both, and for their types.

    Attributes:
        min: no value is less.
        max: no value is greater.
        nulls: there may be NULLs.
        distinct: about how many different values there are.
        unicode: strings: there may be other characters than ASCII.
        max_length: strings: no value has more bytes in UTF-8.

    Example:
        ```python
        dw.ColumnStatistics(min=0, max=999, nulls=False, distinct=1000)
        ```
    """

    min: Any = None
    max: Any = None
    nulls: bool = True
    distinct: int | None = None
    unicode: bool | None = None
    max_length: int | None = None


@dataclass(frozen=True)
class TableStatistics:
    """What is known of a table, as :func:`duckwing.statistics_of` gathers it.

    Attributes:
        rows: exactly so many rows; None: unknown.
        columns: by name. Columns that a function does not have are passed over.
        max_age: of a declared table, the seconds for which DuckDB may go by them before it asks again: 0 has it ask for
            each query. None: as long as the catalog is attached.
    """

    rows: int | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    max_age: int | None = None


def statistics_batch(statistics: Mapping[str, ColumnStatistics], columns: pa.Schema, what: str) -> pa.RecordBatch:
    """The record batch of the protocol for ``statistics``, a row for each column of which something can be said.

    Args:
        statistics: by name of the column.
        columns: names and types of all columns.
        what: names the function or table in error messages.

    Raises:
        OutputError: the statistics do not fit the columns, or contradict themselves.
    """
    names: list[str] = []
    found: list[ColumnStatistics] = []
    bounds: list[tuple[pa.Array, pa.Array]] = []
    for name, known in statistics.items():
        if columns.get_field_index(name) < 0:
            raise OutputError(f"{what} has statistics of '{name}', but its columns are {', '.join(columns.names)}")
        if not isinstance(known, ColumnStatistics):
            raise OutputError(f"{what}: statistics of '{name}' are a ColumnStatistics, not {known!r}")
        ends = _bounds(known, columns.field(name).type, f"{what}: statistics of '{name}'")
        if ends is not None:
            names.append(name)
            found.append(known)
            bounds.append(ends)
    strings = [_is_string(low.type) for low, _ in bounds]
    lows, highs = zip(*bounds, strict=True) if bounds else ((), ())
    return pa.record_batch(
        {
            "column_name": pa.array(names, pa.utf8()),
            "min": _union(lows),
            "max": _union(highs),
            "has_null": pa.array([known.nulls for known in found], pa.bool_()),
            "has_not_null": pa.array([True] * len(found), pa.bool_()),
            "distinct_count": pa.array(
                [UNKNOWN_DISTINCT if known.distinct is None else known.distinct for known in found], pa.int64()
            ),
            "contains_unicode": pa.array(
                [known.unicode is not False if string else None for known, string in zip(found, strings, strict=True)],
                pa.bool_(),
            ),
            "max_string_length": pa.array(
                [_length(known) if string else None for known, string in zip(found, strings, strict=True)], pa.uint64()
            ),
        }
    )


def bounded_type(type: pa.DataType) -> pa.DataType | None:
    """The type of the bounds of a column of ``type``; None if it can have none.

    A dictionary has those of its values: the extension misreads others. Of nested types it takes
    bounds, but makes promises of it that nobody gave: that no member is NULL, and no string longer.
    """
    is_ = pa.types
    if is_.is_dictionary(type):
        return bounded_type(type.value_type)
    if isinstance(type, pa.BaseExtensionType):
        known = type in (HUGEINT, UHUGEINT, UUID, JSON) or same_extension(type, GEOMETRY)
        return type if known else None
    plain = is_.is_boolean(type) or is_.is_integer(type) or is_.is_floating(type) or is_.is_decimal(type)
    timed = is_.is_date(type) or is_.is_time(type) or is_.is_timestamp(type)
    return type if plain or timed or _is_string(type) else None


def _bounds(known: ColumnStatistics, type: pa.DataType, what: str) -> tuple[pa.Array, pa.Array] | None:
    """Both bounds, each in an array of its own; None if the column is left out."""
    carried = bounded_type(type)
    _check_counts(known, carried, what)
    if carried is None:
        if known.min is not None or known.max is not None:
            raise OutputError(f"{what}: {sql_name(type)} has no bounds; leave min and max out")
        return None
    low, high = (
        None if value is None else _encoded(value, carried, f"{what}: {name}")
        for name, value in (("min", known.min), ("max", known.max))
    )
    if low is None or high is None:
        if known == ColumnStatistics():
            return None
        extremes = _extremes(carried)
        if extremes is None:
            if low is not None or high is not None:
                raise OutputError(f"{what}: {sql_name(type)} needs both min and max, or none")
            return None
        low = extremes[0] if low is None else low
        high = extremes[1] if high is None else high
    elif not same_extension(carried, GEOMETRY) and _order(low) > _order(high):
        raise OutputError(f"{what}: min {_shown(known.min)} is greater than max {_shown(known.max)}")
    if _is_string(carried):
        _check_strings(known, what)
    return low, high


def _encoded(value: Any, type: pa.DataType, what: str) -> pa.Array:
    if not isinstance(value, pa.Scalar):
        return from_values([value], type, what)
    if not value.is_valid:
        raise OutputError(f"{what} must not be NULL; leave it out")
    return to_duckdb(pa.array([value], value.type), type, what)


def _order(array: pa.Array) -> Any:
    """A key by which Python compares a value as SQL does."""
    type = array.type
    if pa.types.is_date(type) or pa.types.is_time(type) or pa.types.is_timestamp(type):
        return array.view(pa.int32() if type.bit_width == 32 else pa.int64())[0].as_py()
    [value] = to_values(array)
    return (value != value, value) if pa.types.is_floating(type) else value


def _shown(value: Any) -> str:
    return str(value.type) if isinstance(value, pa.Scalar) else repr(value)  # an infinite date has no repr


def _extremes(type: pa.DataType) -> tuple[pa.Array, pa.Array] | None:
    """The least and the greatest value of a type, for a bound that is not known; None if there are none to be had.

    DuckDB's greatest TIME is 24:00:00, which the extension does not take.
    """
    is_ = pa.types
    low: Any
    high: Any
    if is_.is_boolean(type):
        low, high = False, True
    elif is_.is_integer(type):
        signed, bits = is_.is_signed_integer(type), type.bit_width
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    elif type in (HUGEINT, UHUGEINT):
        low, high = (0, 2**128 - 1) if type.equals(UHUGEINT) else (-(2**127), 2**127 - 1)
    elif is_.is_floating(type):
        low, high = float("-inf"), float("nan")
    elif is_.is_decimal(type):
        digits = (9,) * type.precision
        low, high = (Decimal((sign, digits, -type.scale)) for sign in (1, 0))
    elif is_text(type) or type.equals(JSON):
        low, high = "", "\U0010ffff\U0010ffff"  # DuckDB compares 8 bytes
    elif is_.is_fixed_size_binary(type):
        low, high = bytes(type.byte_width), b"\xff" * type.byte_width
    elif _is_string(type):
        low, high = b"", b"\xff" * 8
    elif type.equals(UUID):
        import uuid

        low, high = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
    elif is_.is_date32(type) or (is_.is_timestamp(type) and (type.tz is None or type.unit == "us")):
        last = 2 ** (type.bit_width - 1) - 1
        integer = pa.int32() if type.bit_width == 32 else pa.int64()
        return pa.array([-last], integer).view(type), pa.array([last], integer).view(type)  # ±infinity
    else:
        return None
    return from_values([low], type, "the least value"), from_values([high], type, "the greatest value")


def _check_counts(known: ColumnStatistics, type: pa.DataType | None, what: str) -> None:
    if not isinstance(known.nulls, bool):
        raise OutputError(f"{what}: nulls is True or False, not {known.nulls!r}")
    check_count(known.distinct, f"{what}: distinct")
    check_count(known.max_length, f"{what}: max_length")
    if known.unicode not in (None, True, False):
        raise OutputError(f"{what}: unicode is True or False, not {known.unicode!r}")
    if (known.max_length is not None or known.unicode is not None) and (type is None or not _is_string(type)):
        raise OutputError(f"{what}: unicode and max_length are those of strings, which the column has not")


def check_count(count: int | None, what: str) -> int | None:
    """``count`` as an int that the protocol can carry.

    Raises:
        OutputError: it is no number of anything.
    """
    if count is None:
        return None
    try:
        number = operator.index(count)
    except TypeError:
        number = -1
    if isinstance(count, bool) or not 0 <= number <= MAX_COUNT:
        raise OutputError(f"{what} is a number from 0, not {count!r}")
    return number


def _check_strings(known: ColumnStatistics, what: str) -> None:
    for value in (known.min, known.max):
        plain = value.as_py() if isinstance(value, pa.Scalar) else value
        data = plain.encode() if isinstance(plain, str) else plain
        if data is None:
            continue
        if known.max_length is not None and len(data) > known.max_length:
            raise OutputError(f"{what}: {plain!r} has {len(data)} bytes, but max_length is {known.max_length}")
        if known.unicode is False and not data.isascii():
            raise OutputError(f"{what}: {plain!r} is not ASCII, but unicode is False")


def _length(known: ColumnStatistics) -> int:
    return MAX_LENGTH if known.max_length is None else min(known.max_length, MAX_LENGTH)


def _is_string(type: pa.DataType) -> bool:
    """Whether DuckDB's statistics of the type are those of strings."""
    is_ = pa.types
    binary = is_.is_binary(type) or is_.is_large_binary(type) or is_.is_binary_view(type)
    return bool(is_text(type) or binary or is_.is_fixed_size_binary(type) or type.equals(JSON))


def _union(values: Sequence[pa.Array]) -> pa.Array:
    """A sparse union of one-element arrays: a child for each type in use, named by its number."""
    types = list(dict.fromkeys(value.type for value in values)) or [pa.null()]
    codes = [types.index(value.type) for value in values]
    children = [
        pa.concat_arrays([value if value.type.equals(type) else pa.nulls(1, type) for value in values])
        if values
        else pa.array([], type)
        for type in types
    ]
    names = [str(code) for code in range(len(types))]
    return pa.UnionArray.from_sparse(pa.array(codes, pa.int8()), children, names, list(range(len(types))))
