"""Values as Python objects that compare as DuckDB compares them, for types that Arrow's kernels do not order.

NULLs inside of a value are values that sort last (spec 07, section 8); a NULL at the top is None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from ..errors import FilterError
from ..types import BIGNUM, BIT, HUGEINT, TIMETZ, UHUGEINT, UUID
from ..types.forms import has_union, is_list, is_text, same_extension
from ..types.nested import union_codes

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


def is_null(array: pa.Array) -> pa.Array:
    """Which values are NULL, also where Arrow keeps no account of it: in unions, and in the values of dictionaries."""
    import pyarrow.compute as pc

    type_ = array.type
    if pa.types.is_dictionary(type_):
        return array.dictionary_decode().is_null()
    if not pa.types.is_union(type_):
        return array.is_null()
    codes = union_codes(array)
    result = pa.repeat(False, len(array))
    for place, code in enumerate(type_.type_codes):
        result = pc.or_(result, pc.and_(pc.equal(codes, pa.scalar(code, pa.int8())), is_null(array.field(place))))
    return result


def struct_field(array: pa.StructArray, index: int) -> pa.Array:
    """A field of structs, NULL where the struct is."""
    if not array.null_count:
        return array.field(index)
    if not has_union(array.type):
        return array.flatten()[index]
    # With a union in any field, flatten() aborts the process.
    valid = array.is_valid().to_pylist()
    return array.field(index).take(pa.array([row if ok else None for row, ok in enumerate(valid)], pa.int64()))


def _keys_of(type_: pa.DataType) -> Callable[[pa.Array], list[Any]]:
    is_ = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return _extension_keys(type_)
    if is_.is_dictionary(type_):
        return lambda array: keys(array.dictionary_decode())
    if is_.is_struct(type_):
        return _struct_keys
    if is_list(type_) or is_.is_fixed_size_list(type_) or is_.is_map(type_):
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
    if plain or is_.is_null(type_) or is_text(type_) or _is_binary(type_):
        return lambda array: array.to_pylist()  # strings order by code point, which is the order of their UTF-8 bytes
    raise FilterError(f"values of type {type_} cannot be compared here")


def _extension_keys(type_: pa.BaseExtensionType) -> Callable[[pa.Array], list[Any]]:
    if type_.extension_name == "arrow.bool8":
        return lambda array: [None if v is None else v != 0 for v in array.storage.to_pylist()]
    if same_extension(type_, UUID) or is_transparent(type_):
        return lambda array: keys(array.storage)
    if same_extension(type_, TIMETZ):
        return lambda array: [None if v is None else _timetz_key(v) for v in array.storage.to_pylist()]
    if same_extension(type_, BIT):
        return lambda array: array.storage.to_pylist()
    if any(same_extension(type_, number) for number in (HUGEINT, UHUGEINT, BIGNUM)):
        from ..types.opaque import DECODE

        decode = next(decode for known, decode in DECODE.items() if same_extension(type_, known))
        return lambda array: [None if v is None else decode(v) for v in array.storage.to_pylist()]
    raise FilterError(f"values of type {type_} cannot be compared here")


def sortable(array: pa.Array) -> pa.Array:
    """Integers of 128 bits as bytes in the same order: the highest byte first, negative ones below others."""
    import numpy as np

    storage = array.storage
    data = np.frombuffer(storage.buffers()[1], np.uint8)[16 * storage.offset : 16 * (storage.offset + len(array))]
    flipped = np.ascontiguousarray(data.reshape(-1, 16)[:, ::-1])
    if same_extension(array.type, HUGEINT):
        flipped[:, 0] ^= 0x80
    validity = None if storage.null_count == 0 else storage.is_valid().buffers()[1]
    valid = pa.Array.from_buffers(pa.binary(16), len(array), [validity, pa.py_buffer(flipped)])
    return valid.cast(pa.binary())


def is_transparent(type_: pa.DataType) -> bool:
    """Whether values of an extension type compare as those of the type that they are stored in."""
    return isinstance(type_, pa.BaseExtensionType) and type_.extension_name in ("arrow.json", "geoarrow.wkb")


def _integers(array: pa.Array) -> list[Any]:
    width = pa.int32() if array.type.bit_width == 32 else pa.int64()
    values: list[Any] = array.view(width).to_pylist()
    return values


def _inside(array: pa.Array) -> list[Any]:
    """Keys of what is within nested values."""
    if same_extension(array.type, TIMETZ):  # here, DuckDB compares their bits
        bits = array.storage.to_pylist()
        return [_NULL_INSIDE if v is None else (False, int.from_bytes(v, "little")) for v in bits]
    return [_NULL_INSIDE if k is None else (False, k) for k in keys(array)]


def _struct_keys(array: pa.Array) -> list[Any]:
    fields = [_inside(array.field(i)) for i in range(array.type.num_fields)]
    rows = zip(*fields, strict=True) if fields else [()] * len(array)
    return [row if ok else None for row, ok in zip(rows, array.is_valid().to_pylist(), strict=True)]


def spans(lists: pa.Array) -> tuple[Sequence[int], Sequence[int]]:
    """Where the items of each list, array or map begin and end in ``values``; NULLs may have some, too."""
    is_ = pa.types
    type_ = lists.type
    if is_.is_fixed_size_list(type_):
        size = type_.list_size
        edges: Sequence[int] = [(lists.offset + row) * size for row in range(len(lists) + 1)]
        return edges[:-1], edges[1:]
    edges = lists.offsets.to_pylist() if len(lists) else []
    if is_.is_list_view(type_) or is_.is_large_list_view(type_):
        sizes = [size or 0 for size in lists.sizes.to_pylist()]
        return edges, [start + size for start, size in zip(edges, sizes, strict=True)]
    return edges[:-1], edges[1:]


def _list_keys(array: pa.Array) -> list[Any]:
    starts, ends = spans(array)
    first = min(starts, default=0)
    count = max(ends, default=first) - first
    if pa.types.is_map(array.type):
        members = (_inside(entries.slice(first, count)) for entries in (array.keys, array.items))
        inside: list[Any] = [(False, entry) for entry in zip(*members, strict=True)]
    else:
        inside = _inside(array.values.slice(first, count))
    rows = zip(starts, ends, array.is_valid().to_pylist(), strict=True)
    return [tuple(inside[start - first : end - first]) if ok else None for start, end, ok in rows]


def _union_keys(array: pa.Array) -> list[Any]:
    fields = [_inside(array.field(i)) for i in range(array.type.num_fields)]
    places = {code: place for place, code in enumerate(array.type.type_codes)}
    rows = []
    for row, code in enumerate(union_codes(array).to_pylist()):
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


def _is_binary(type_: pa.DataType) -> bool:
    is_ = pa.types
    return bool(
        is_.is_binary(type_)
        or is_.is_large_binary(type_)
        or is_.is_fixed_size_binary(type_)
        or is_.is_binary_view(type_)
    )
