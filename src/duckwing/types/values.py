"""Arrow arrays as Python values and back, for functions that work row by row.

=====================  ==========================  =====================================
SQL                    Python                      remarks
=====================  ==========================  =====================================
BOOLEAN                ``bool``
TINYINT … UHUGEINT     ``int``
BIGNUM                 ``int``
FLOAT, DOUBLE          ``float``
DECIMAL                ``decimal.Decimal``
VARCHAR, JSON          ``str``
BLOB, GEOMETRY         ``bytes``
BIT                    ``str``                     of ``0`` and ``1``
UUID                   ``uuid.UUID``
DATE                   ``datetime.date``
TIME, TIME_NS          ``datetime.time``           naive
TIMESTAMP (S, MS, NS)  ``datetime.datetime``       naive
TIMESTAMPTZ            ``datetime.datetime``       aware, UTC
TIMETZ                 ``datetime.time``           aware
INTERVAL               ``pyarrow.MonthDayNano``    or a ``timedelta``, on the way back
LIST, ARRAY            ``list``
STRUCT                 ``dict``                    or a tuple, on the way back
MAP                    ``list`` of pairs           or a ``dict``, on the way back
UNION                  ``(tag, value)``
=====================  ==========================  =====================================

What Python cannot hold (an infinite date, ``TIME '24:00:00'``, nanoseconds) and what SQL cannot
hold (a fraction in a BIGINT, microseconds in a TIMESTAMP_S) is an error, never another value.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..errors import OutputError
from . import BIGNUM, BIT, HUGEINT, TIMETZ, UHUGEINT, UUID
from .names import sql_name


def to_values(array: pa.Array) -> list[Any]:
    """The Python values of ``array``, None for NULL.

    Raises:
        ValueError: a value has no Python form, such as a timestamp in nanoseconds or an infinite date.
    """
    try:
        return _decode(array)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise ValueError(f"{_without_form(array)} has no Python form ({_first_line(error)})") from None


def from_values(values: Sequence[Any], type: pa.DataType, what: str) -> pa.Array:
    """An array of ``type`` of Python values, None for NULL.

    Args:
        values: the values.
        type: the declared type.
        what: names the values in the error message, such as ``result of f``.

    Raises:
        OutputError: a value does not fit the type.
    """
    from .encode import encode

    try:
        return encode(values, type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise OutputError(f"{what} must be {sql_name(type)}{_culprit(values, type)}: {_first_line(error)}") from None


_PLAIN: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    type(None): pa.null(),
}


def array_of_one(value: Any) -> pa.Array:
    """A value by itself, of the type that pyarrow finds for it. (It imports pandas to find any.)

    Raises:
        pa.ArrowException: Arrow has no type for it.
        OverflowError: an integer of more than 64 bits.
    """
    return pa.array([value], _PLAIN.get(type(value)))


def _decode(array: pa.Array) -> list[Any]:
    type = array.type
    is_ = pa.types
    if _to_pylist_is_right(type):
        values: list[Any] = array.to_pylist()
        return values
    if isinstance(type, pa.BaseExtensionType):
        if type in (HUGEINT, UHUGEINT, BIT, TIMETZ, BIGNUM):
            from .opaque import DECODE

            decode = DECODE[type]
            return [None if value is None else decode(value) for value in array.storage.to_pylist()]
        return _decode(array.storage)
    if is_.is_time64(type):
        array.validate(full=True)  # to_pylist reads 24:00:00 as 00:00:00
        values = array.cast(pa.time64("us")).to_pylist()
        return values
    if is_.is_timestamp(type):
        values = array.cast(pa.timestamp("us", type.tz)).to_pylist()
        return values
    if is_.is_struct(type):
        names = [field.name for field in type]
        # Not flatten(): Arrow aborts the process if a struct that is NULL has a union in it.
        rows = zip(*(_decode(array.field(i)) for i in range(type.num_fields)), strict=True)
        return [dict(zip(names, row, strict=True)) if ok else None for row, ok in zip(rows, _valid(array), strict=True)]
    if is_.is_union(type):
        return _decode_union(array)
    return _decode_lists(array)


def _decode_lists(array: pa.Array) -> list[Any]:
    type = array.type
    starts: Sequence[int]
    if pa.types.is_fixed_size_list(type):
        starts = range(array.offset * type.list_size, (array.offset + len(array) + 1) * type.list_size, type.list_size)
    else:
        starts = array.offsets.to_pylist()
    ends = starts[1:]
    if pa.types.is_list_view(type) or pa.types.is_large_list_view(type):
        ends = [start + size for start, size in zip(starts, array.sizes.to_pylist(), strict=True)]
    # Not flatten(): it cannot leave out the items of NULLs if they are of an extension type.
    first = min(starts, default=0)
    count = max(ends, default=first) - first
    if pa.types.is_map(type):
        entries = (_decode(members.slice(first, count)) for members in (array.keys, array.items))
        items: list[Any] = list(zip(*entries, strict=True))
    else:
        items = _decode(array.values.slice(first, count))
    rows = zip(_valid(array), starts, ends, strict=False)
    return [items[start - first : end - first] if ok else None for ok, start, end in rows]


def _decode_union(array: pa.Array) -> list[Any]:
    from .nested import union_codes

    type = array.type
    members = {code: (type.field(i).name, _decode(array.field(i))) for i, code in enumerate(type.type_codes)}
    values: list[Any] = []
    for row, code in enumerate(union_codes(array).to_pylist()):
        tag, column = members[code]
        values.append(None if column[row] is None else (tag, column[row]))
    return values


def _valid(array: pa.Array) -> Sequence[bool]:
    valid: list[bool] = array.is_valid().to_pylist() if array.null_count else [True] * len(array)
    return valid


@functools.cache
def _to_pylist_is_right(type: pa.DataType) -> bool:
    """Whether ``to_pylist`` gives the values of the table above for ``type`` itself and all its members."""
    is_ = pa.types
    if isinstance(type, pa.BaseExtensionType):
        return bool(type.equals(UUID))
    if is_.is_time64(type) or is_.is_union(type) or (is_.is_timestamp(type) and type.unit == "ns"):
        return False
    return all(_to_pylist_is_right(type.field(i).type) for i in range(type.num_fields))


def _without_form(array: pa.Array) -> str:
    """The first value without Python form, for the message."""
    type = array.type
    for row in range(len(array)):
        one = array.slice(row, 1)
        try:
            _decode(one)
        except (pa.ArrowException, ValueError, OverflowError):
            where = f" in row {row}" if len(array) > 1 else ""
            return f"the {sql_name(type)} value{_infinity(one)}{where}"
    return f"a {sql_name(type)} value"


def _infinity(one: pa.Array) -> str:
    if not (pa.types.is_date32(one.type) or pa.types.is_timestamp(one.type)):
        return ""
    bits = one.type.bit_width
    number = one.view(pa.int32() if bits == 32 else pa.int64())[0].as_py()
    last = (1 << (bits - 1)) - 1
    return {last: " 'infinity'", -last: " '-infinity'"}.get(number, "")


def _culprit(values: Sequence[Any], type: pa.DataType) -> str:
    """The first value that does not fit, for the message."""
    from .encode import encode

    for value in values:
        try:
            encode([value], type)
        except Exception:
            text = repr(value)
            return f", got {text if len(text) <= 80 else text[:77] + '...'}"
    return ""


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]
