"""The bytes of DuckDB's own types (``arrow.opaque``) as Python values and back (spec 06, section 7)."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from . import BIGNUM, BIT, HUGEINT, TIMETZ, UHUGEINT

MAX_TIMETZ_OFFSET = 16 * 60 * 60 - 1
"""DuckDB stores an offset as this minus its seconds."""

MICROSECONDS_PER_DAY = 86_400_000_000


def _bit_decode(data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data[1:])
    return bits[data[0] :]


def _bit_encode(text: str) -> bytes:
    if not isinstance(text, str) or not text or text.strip("01"):
        raise ValueError(f"a BIT value is a string of 0 and 1, not {text!r}")
    padding = -len(text) % 8
    return bytes([padding]) + int("1" * padding + text, 2).to_bytes((len(text) + padding) // 8, "big")


def _timetz_decode(data: bytes) -> datetime.time:
    bits = int.from_bytes(data, "little")
    offset = MAX_TIMETZ_OFFSET - (bits & 0xFFFFFF)
    zone = datetime.timezone(datetime.timedelta(seconds=offset))
    micros = bits >> 24
    if micros >= MICROSECONDS_PER_DAY:
        raise ValueError("datetime.time ends before 24:00:00")
    return (datetime.datetime.min + datetime.timedelta(microseconds=micros)).time().replace(tzinfo=zone)


def _timetz_encode(value: datetime.time) -> bytes:
    if not isinstance(value, datetime.time) or value.tzinfo is None:
        raise ValueError("a TIME WITH TIME ZONE is a datetime.time with tzinfo")
    offset = value.utcoffset()
    if offset is None:
        raise ValueError("the tzinfo gives no offset without a date; use datetime.timezone")
    seconds = offset // datetime.timedelta(seconds=1)
    if offset != datetime.timedelta(seconds=seconds) or abs(seconds) > MAX_TIMETZ_OFFSET:
        raise ValueError("an offset has whole seconds and less than 16 hours")
    midnight = datetime.timedelta(
        hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
    )
    micros = midnight // datetime.timedelta(microseconds=1)
    return (micros << 24 | (MAX_TIMETZ_OFFSET - seconds)).to_bytes(8, "little")


def _bignum_decode(data: bytes) -> int:
    negative = not data[0] & 0x80
    body = bytes(byte ^ 0xFF for byte in data[3:]) if negative else data[3:]
    magnitude = int.from_bytes(body, "big")
    return -magnitude if negative else magnitude


def _bignum_encode(value: int) -> bytes:
    value = operator.index(value)
    magnitude = abs(value)
    body = magnitude.to_bytes(max(1, (magnitude.bit_length() + 7) // 8), "big")
    header = (len(body) | 0x800000).to_bytes(3, "big")
    data = header + body
    return bytes(byte ^ 0xFF for byte in data) if value < 0 else data


DECODE: dict[pa.DataType, Callable[[bytes], Any]] = {
    HUGEINT: lambda data: int.from_bytes(data, "little", signed=True),
    UHUGEINT: lambda data: int.from_bytes(data, "little"),
    BIT: _bit_decode,
    TIMETZ: _timetz_decode,
    BIGNUM: _bignum_decode,
}

ENCODE: dict[pa.DataType, Callable[[Any], bytes]] = {
    HUGEINT: lambda value: operator.index(value).to_bytes(16, "little", signed=True),
    UHUGEINT: lambda value: operator.index(value).to_bytes(16, "little"),
    BIT: _bit_encode,
    TIMETZ: _timetz_encode,
    BIGNUM: _bignum_encode,
}
