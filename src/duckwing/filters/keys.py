"""Values as Python objects that compare as DuckDB compares them, for types that Arrow's kernels do not order.

NULLs inside of a value are values that sort last (spec 07, section 8); a NULL at the top is None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..errors import FilterError
from ..types import BIGNUM, BIT, HUGEINT, JSON, TIMETZ, UHUGEINT, UUID
from ..types.forms import same_extension

_NULL_INSIDE = (True, None)

_MICROS_PER_DAY = 86_400_000_000
_DAYS_PER_MONTH = 30
_MICROS_PER_MONTH = _MICROS_PER_DAY * _DAYS_PER_MONTH
_NANOS_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}


def keys(array: pa.Array) -> list[Any]:
    """A key for each value of ``array``, None for NULL.

    Keys of two arrays may be compared if the arrays have types of one family: two numbers, two
    texts, two timestamps, two lists of such.

    Raises:
        FilterError: values of this type have no order that is known here.
    """
    return _keys_of(array.type)(array)


def key(value: pa.Scalar) -> Any:
    """The key of one value."""
    return keys(one(value))[0]


def one(value: pa.Scalar) -> pa.Array:
    """An array of one value."""
    if isinstance(value, pa.ExtensionScalar):
        storage = pa.nulls(1, value.type.storage_type) if value.value is None else one(value.value)
        return value.type.wrap_array(storage)
    if isinstance(value, pa.DictionaryScalar):
        return one(value.value)
    if not value.is_valid:
        return pa.nulls(1, value.type)
    return pa.repeat(value, 1)


def _keys_of(type_: pa.DataType) -> Callable[[pa.Array], list[Any]]:
    is_ = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return _extension_keys(type_)
    if is_.is_dictionary(type_):
        return lambda array: keys(array.dictionary_decode())
    if is_.is_struct(type_):
        return _struct_keys
    if is_.is_map(type_):
        return _map_keys
    if is_.is_list(type_) or is_.is_large_list(type_) or is_.is_fixed_size_list(type_):
        return _list_keys
    if is_.is_union(type_):
        return _union_keys
    if is_.is_floating(type_):
        return lambda array: [None if v is None else (v != v, 0.0 if v != v else v) for v in array.to_pylist()]
    if is_.is_interval(type_):
        return lambda array: [None if v is None else _interval_key(v) for v in array.to_pylist()]
    if is_.is_duration(type_):
        return lambda array: [
            None if v is None else _normalised(0, 0, v * _NANOS_PER_UNIT[type_.unit] // 1000) for v in _integers(array)
        ]
    if is_.is_timestamp(type_) or is_.is_time(type_):
        factor = _NANOS_PER_UNIT[type_.unit]
        return lambda array: [None if v is None else v * factor for v in _integers(array)]
    if is_.is_date32(type_):
        return _integers
    if is_.is_date64(type_):
        return lambda array: [None if v is None else v // 86_400_000 for v in _integers(array)]
    plain = is_.is_boolean(type_) or is_.is_integer(type_) or is_.is_decimal(type_)
    if plain or is_.is_null(type_) or _is_text(type_) or _is_binary(type_):
        return lambda array: array.to_pylist()  # strings order by code point, which is the order of their UTF-8 bytes
    raise FilterError(f"values of type {type_} cannot be compared here")


def _extension_keys(type_: pa.BaseExtensionType) -> Callable[[pa.Array], list[Any]]:
    if same_extension(type_, UUID) or same_extension(type_, JSON) or type_.extension_name == "geoarrow.wkb":
        return lambda array: keys(array.storage)
    if type_.extension_name == "arrow.bool8":
        return lambda array: [None if v is None else v != 0 for v in array.storage.to_pylist()]
    if same_extension(type_, TIMETZ):
        return lambda array: [None if v is None else _timetz_key(v) for v in array.storage.to_pylist()]
    if same_extension(type_, BIT):
        return lambda array: array.storage.to_pylist()
    if any(same_extension(type_, number) for number in (HUGEINT, UHUGEINT, BIGNUM)):
        from ..types.values import to_values

        return to_values
    raise FilterError(f"values of type {type_} cannot be compared here")


def _integers(array: pa.Array) -> list[Any]:
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    values: list[Any] = array.view(width).to_pylist()
    return values


def _inside(array: pa.Array) -> list[Any]:
    return [_NULL_INSIDE if k is None else (False, k) for k in keys(array)]


def _struct_keys(array: pa.Array) -> list[Any]:
    valid = array.is_valid().to_pylist()
    fields = [_inside(field) for field in array.flatten()]
    rows = zip(*fields, strict=True) if fields else [()] * len(array)
    return [row if ok else None for row, ok in zip(rows, valid, strict=True)]


def _list_keys(array: pa.Array) -> list[Any]:
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        inside = _inside(array.values.slice(array.offset * size, len(array) * size))
        starts = range(0, len(array) * size + 1, size) if size else [0] * (len(array) + 1)
    else:
        first = array.offsets[0].as_py() if len(array) else 0
        last = array.offsets[-1].as_py() if len(array) else 0
        inside = _inside(array.values.slice(first, last - first))
        starts = [offset - first for offset in array.offsets.to_pylist()]
    valid = array.is_valid().to_pylist()
    return [tuple(inside[starts[i] : starts[i + 1]]) if ok else None for i, ok in enumerate(valid)]


def _map_keys(array: pa.Array) -> list[Any]:
    entries = pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])
    inside = _inside(entries)
    offsets = array.offsets.to_pylist()
    valid = array.is_valid().to_pylist()
    return [tuple(inside[offsets[i] : offsets[i + 1]]) if ok else None for i, ok in enumerate(valid)]


def _union_keys(array: pa.Array) -> list[Any]:
    codes = array.type_codes.to_pylist()
    fields = [_inside(array.field(i)) for i in range(array.type.num_fields)]
    places = {code: place for place, code in enumerate(array.type.type_codes)}
    rows = []
    for row, code in enumerate(codes):
        inside = fields[places[code]][row]
        rows.append(None if inside is _NULL_INSIDE else (places[code], inside))
    return rows


def _interval_key(value: Any) -> tuple[int, int, int]:
    return _normalised(value.months, value.days, value.nanoseconds // 1000)


def _normalised(months: int, days: int, micros: int) -> tuple[int, int, int]:
    """DuckDB compares intervals with 30 days to the month and 24 hours to the day."""
    extra_months, days = _divided(days, _DAYS_PER_MONTH)
    more_months, micros = _divided(micros, _MICROS_PER_MONTH)
    extra_days, micros = _divided(micros, _MICROS_PER_DAY)
    return (months + extra_months + more_months, days + extra_days, micros)


def _divided(value: int, by: int) -> tuple[int, int]:
    """Quotient and rest, rounded to zero as in C."""
    quotient = abs(value) // by * (1 if value >= 0 else -1)
    return quotient, value - quotient * by


def _timetz_key(data: bytes) -> Any:
    """The time in UTC first, then the offset from west to east."""
    from ..types.opaque import MAX_TIMETZ_OFFSET

    bits = int.from_bytes(data, "little")
    offset = bits & 0xFFFFFF
    return ((bits >> 24) + (offset - MAX_TIMETZ_OFFSET) * 1_000_000, offset)


def _is_text(type_: pa.DataType) -> bool:
    is_ = pa.types
    return bool(is_.is_string(type_) or is_.is_large_string(type_) or is_.is_string_view(type_))


def _is_binary(type_: pa.DataType) -> bool:
    is_ = pa.types
    return bool(
        is_.is_binary(type_)
        or is_.is_large_binary(type_)
        or is_.is_fixed_size_binary(type_)
        or is_.is_binary_view(type_)
    )
