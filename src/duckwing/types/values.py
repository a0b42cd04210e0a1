"""Arrow arrays as Python values and back, for functions that work row by row.

=====================  ==========================  =====================================
SQL                    Python                      remarks
=====================  ==========================  =====================================
BOOLEAN                ``bool``
TINYINT … UHUGEINT     ``int``
FLOAT, DOUBLE          ``float``
DECIMAL                ``decimal.Decimal``
VARCHAR, JSON          ``str``
BLOB, GEOMETRY         ``bytes``
BIT                    ``str``                     of ``0`` and ``1``
UUID                   ``uuid.UUID``
DATE                   ``datetime.date``
TIME                   ``datetime.time``
TIMESTAMP (S, MS)      ``datetime.datetime``       naive
TIMESTAMP_NS, TIME_NS  as above                    an error where nanoseconds would be lost
TIMESTAMPTZ            ``datetime.datetime``       aware, UTC
TIMETZ                 ``datetime.time``           aware
INTERVAL               ``pyarrow.MonthDayNano``    or a ``timedelta``, on the way back
LIST, ARRAY            ``list``
STRUCT                 ``dict``
MAP                    ``list`` of pairs           a ``dict`` too, on the way back
=====================  ==========================  =====================================
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from ..errors import OutputError
from . import BIGNUM, BIT, HUGEINT, JSON, TIMETZ, UHUGEINT, UUID
from .names import sql_name

MAX_TIMETZ_OFFSET = 16 * 60 * 60 - 1
"""DuckDB stores an offset as this minus its seconds."""


def to_values(array: pa.Array) -> list[Any]:
    """The Python values of ``array``, None for NULL.

    Raises:
        ValueError: a value has no Python form, such as a timestamp in nanoseconds or an infinite date.
    """
    type = array.type
    decode = _DECODE.get(type)
    if decode is not None:
        return [None if value is None else decode(value) for value in array.storage.to_pylist()]
    if isinstance(type, pa.BaseExtensionType):
        array = array if type.equals(UUID) else array.storage
    elif pa.types.is_timestamp(type) and type.unit == "ns":
        array = array.cast(pa.timestamp("us", type.tz))
    elif type.equals(pa.time64("ns")):
        array = array.cast(pa.time64("us"))
    values: list[Any] = array.to_pylist()
    return values


def from_values(values: Sequence[Any], type: pa.DataType, what: str) -> pa.Array:
    """An array of ``type`` of Python values, None for NULL.

    Args:
        values: the values.
        type: the declared type.
        what: names the values in the error message, such as ``result of f``.

    Raises:
        OutputError: a value does not fit the type.
    """
    encode = _ENCODE.get(type)
    try:
        if encode is not None:
            values = [None if value is None else encode(value) for value in values]
        if isinstance(type, pa.BaseExtensionType):
            return pa.ExtensionArray.from_storage(type, pa.array(values, type.storage_type))
        return pa.array(values, type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise OutputError(f"{what} must be {sql_name(type)}{_culprit(values, type)}: {error}") from None


def _culprit(values: Sequence[Any], type: pa.DataType) -> str:
    """The first value that does not fit, for the message."""
    storage = type.storage_type if isinstance(type, pa.BaseExtensionType) else type
    for value in values:
        try:
            pa.array([value], storage)
        except Exception:
            text = repr(value)
            return f", got {text if len(text) <= 80 else text[:77] + '...'}"
    return ""


def _bit_decode(data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data[1:])
    return bits[data[0] :]


def _bit_encode(text: str) -> bytes:
    if not text or text.strip("01"):
        raise ValueError(f"a BIT value is a string of 0 and 1, not {text!r}")
    padding = -len(text) % 8
    return bytes([padding]) + int("1" * padding + text, 2).to_bytes((len(text) + padding) // 8, "big")


def _timetz_decode(data: bytes) -> datetime.time:
    bits = int.from_bytes(data, "little")
    offset = MAX_TIMETZ_OFFSET - (bits & 0xFFFFFF)
    zone = datetime.timezone(datetime.timedelta(seconds=offset))
    micros = bits >> 24
    if micros >= 86_400_000_000:
        raise ValueError("TIME '24:00:00' has no Python form")
    return (datetime.datetime.min + datetime.timedelta(microseconds=micros)).time().replace(tzinfo=zone)


def _timetz_encode(value: datetime.time) -> bytes:
    offset = value.utcoffset() or datetime.timedelta()
    midnight = datetime.timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )
    micros = midnight // datetime.timedelta(microseconds=1)
    return (micros << 24 | (MAX_TIMETZ_OFFSET - int(offset.total_seconds()))).to_bytes(8, "little")


def _bignum_decode(data: bytes) -> int:
    negative = not data[0] & 0x80
    body = bytes(byte ^ 0xFF for byte in data[3:]) if negative else data[3:]
    magnitude = int.from_bytes(body, "big")
    return -magnitude if negative else magnitude


def _bignum_encode(value: int) -> bytes:
    magnitude = abs(value)
    body = magnitude.to_bytes(max(1, (magnitude.bit_length() + 7) // 8), "big")
    header = (len(body) | 0x800000).to_bytes(3, "big")
    data = header + body
    return bytes(byte ^ 0xFF for byte in data) if value < 0 else data


def _uuid_encode(value: Any) -> bytes:
    if isinstance(value, str):
        import uuid

        value = uuid.UUID(value)
    data: bytes = value.bytes
    return data


_DECODE: dict[pa.DataType, Callable[[Any], Any]] = {
    HUGEINT: lambda data: int.from_bytes(data, "little", signed=True),
    UHUGEINT: lambda data: int.from_bytes(data, "little"),
    BIT: _bit_decode,
    TIMETZ: _timetz_decode,
    BIGNUM: _bignum_decode,
}

_ENCODE: dict[pa.DataType, Callable[[Any], Any]] = {
    HUGEINT: lambda value: value.to_bytes(16, "little", signed=True),
    UHUGEINT: lambda value: value.to_bytes(16, "little"),
    BIT: _bit_encode,
    TIMETZ: _timetz_encode,
    BIGNUM: _bignum_encode,
    UUID: _uuid_encode,
    JSON: str,
}
