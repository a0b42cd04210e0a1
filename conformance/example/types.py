"""The types of results that depend on those of the arguments."""

from __future__ import annotations

import pyarrow as pa


def promoted(type: pa.DataType) -> pa.DataType:
    """A type with room for the sum of two values of ``type``; temporal types stay as they are."""
    is_ = pa.types
    if is_.is_signed_integer(type):
        return {8: pa.int16(), 16: pa.int32()}.get(type.bit_width, pa.int64())
    if is_.is_unsigned_integer(type):
        return {8: pa.uint16(), 16: pa.uint32()}.get(type.bit_width, pa.uint64())
    if is_.is_floating(type):
        return pa.float64()
    if is_.is_decimal(type):
        return pa.decimal128(min(type.precision + 1, 38), type.scale)
    return type


def is_number(type: pa.DataType) -> bool:
    """Whether ``type`` is one of integers, floats or decimals."""
    return bool(pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type))


def common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """A type that takes the values of two types.

    Raises:
        TypeError: there is none.
    """
    is_ = pa.types
    if one.equals(other):
        return one
    if not (is_number(one) and is_number(other)):
        raise TypeError(f"{one} and {other} have no common type")
    if is_.is_floating(one) or is_.is_floating(other):
        return pa.float64()
    if is_.is_decimal(one) or is_.is_decimal(other):
        decimals = [type if is_.is_decimal(type) else pa.decimal128(19, 0) for type in (one, other)]
        scale = max(type.scale for type in decimals)
        whole = max(type.precision - type.scale for type in decimals)
        return pa.decimal128(min(whole + scale, 38), scale)
    if is_.is_signed_integer(one) == is_.is_signed_integer(other):
        return max(one, other, key=lambda type: int(type.bit_width))
    return pa.int64()
