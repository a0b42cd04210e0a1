"""Scalar functions of ``example``: arithmetic, texts, overloads and varargs."""

from __future__ import annotations

import hashlib
from typing import Annotated

import pyarrow as pa
from annotated_types import Ge, Le

import duckwing as dw
from duckwing.types import ARRAY, BIGINT, DOUBLE, INTEGER, LIST, STRUCT, UBIGINT, UINTEGER, VARCHAR

from .catalog import data, example
from .types import common, is_number, promoted

POINT = STRUCT({"lat": DOUBLE, "lon": DOUBLE})

Fixed = Annotated[pa.FixedSizeListArray, ARRAY(DOUBLE, 2)]
Listed = Annotated[pa.ListArray, LIST(DOUBLE)]
Struct = Annotated[pa.StructArray, POINT]
Precision = Annotated[dw.Const[int], Ge(0), Le(10)]


# Arithmetic: the type of the result follows those of the arguments.


def doubled_type(value: pa.DataType) -> pa.DataType:
    """The type of ``double``.

    Raises:
        TypeError: it cannot be doubled.
    """
    if not is_number(value):
        raise TypeError(f"column type {value} does not match any of: _is_multipliable_type")
    return promoted(value)


def added_type(col1: pa.DataType, col2: pa.DataType) -> pa.DataType:
    """The type of ``add_values``.

    Raises:
        TypeError: the values cannot be added.
    """
    for type in (col1, col2):
        if not (is_number(type) or pa.types.is_temporal(type) or pa.types.is_interval(type)):
            raise TypeError(f"column type {type} does not match any of: _is_addable_type")
    return promoted(common(col1, col2))


def summed_type(values: tuple[pa.DataType, ...]) -> pa.DataType:
    """The type of ``sum_values``.

    Raises:
        TypeError: a value is no number.
    """
    for type in values:
        if not is_number(type):
            raise TypeError(f"column type {type} does not match any of: _is_addable_type")
    return promoted(values[0])


def add(one: pa.Array, other: pa.Array, type: pa.DataType) -> pa.Array:
    """The sums of two arrays in a type that has room for them.

    Raises:
        pa.ArrowInvalid: a sum does not fit.
    """
    import pyarrow.compute as pc

    if pa.types.is_decimal(type):
        wide = pa.decimal256(75, type.scale)
        return pc.add_checked(one.cast(wide), other.cast(wide)).cast(type)
    exact = not pa.types.is_floating(type)
    return pc.add_checked(one.cast(type, safe=exact), other.cast(type, safe=exact)).cast(type)


@example.scalar(returns=doubled_type)
def double(value: pa.Array) -> pa.Array:
    """Doubles numeric values"""
    return add(value, value, doubled_type(value.type))


@example.scalar(returns=added_type)
def add_values(col1: pa.Array, col2: pa.Array) -> pa.Array:
    """Adds two numeric values"""
    return add(col1, col2, added_type(col1.type, col2.type))


@example.scalar(returns=summed_type)
def sum_values(*values: pa.Array) -> pa.Array:
    """Sum multiple numeric values"""
    type = summed_type(tuple(value.type for value in values))
    total = values[0].cast(type)
    for value in values[1:]:
        total = add(total, value, type)
    return total


@example.scalar(constants="bound")
def multiply(value: pa.Int64Array, factor: dw.Const[int]) -> pa.Int64Array:
    """Multiplies a value by a constant factor

    Args:
        value: Integer value to multiply
        factor: Multiplication factor
    """
    import pyarrow.compute as pc

    return pc.multiply_checked(value, factor)


@example.scalar
def null_handling(value: pa.Int64Array | None) -> pa.Int64Array:
    """Returns value or -5000 if null"""
    import pyarrow.compute as pc

    return pc.fill_null(value, -5000)


@example.scalar
def collatz_steps(value: int) -> int:
    """Steps of the Collatz sequence down to 1."""
    steps = 0
    while value > 1:
        value = 3 * value + 1 if value % 2 else value // 2
        steps += 1
    return steps


# Texts and bytes.


@example.scalar
def upper_case(value: pa.StringArray) -> pa.StringArray:
    """Converts string values to uppercase"""
    import pyarrow.compute as pc

    return pc.utf8_upper(value)


@example.scalar
def passthru(value: pa.StringArray) -> pa.StringArray:
    """The text as it is."""
    return value


@example.scalar
def sha256_hex(value: str) -> str:
    """The SHA-256 digest of a text in UTF-8."""
    return hashlib.sha256(value.encode()).hexdigest()


@example.scalar(constants="bound")
def hash_rounds(value: str, rounds: dw.Const[int]) -> str:
    """The digest of the digest, and so on."""
    digest = value.encode()
    for _ in range(rounds):
        digest = hashlib.sha256(digest).digest()
    return digest.hex()


@example.scalar(constants="bound")
def conditional_message(repeat_count: dw.Const[int], message: dw.Const[str], condition: bool) -> str:
    """Returns repeated message when condition is true"""
    return message * repeat_count if condition else ""


@example.scalar(constants="bound")
def binary_packet(
    header: dw.Const[bytes],
    payload: bytes | None,
    config: Annotated[dw.Const[dict[str, object]], STRUCT({"label": VARCHAR, "version": BIGINT})],
) -> bytes:
    """Build binary packets with header, payload, and config"""
    label, version = config["label"], config["version"]
    assert isinstance(label, str)
    assert isinstance(version, int)
    return header + (payload or b"") + label.encode() + bytes([version & 0xFF])


@example.scalar(name="format_number")
def format_whole(value: float) -> str:
    """Format number with default precision (0 decimals)"""
    return f"{value:.0f}"


@example.scalar(name="format_number", constants="bound")
def format_precise(precision: Precision, value: float) -> str:
    """Format number with specified precision"""
    return f"{value:.{precision}f}"


@example.scalar(name="format_number", constants="bound")
def format_prefixed(precision: Precision, prefix: dw.Const[str], value: float) -> str:
    """Format number with precision and prefix"""
    return f"{prefix}{value:.{precision}f}"


@example.scalar(name="smart_format", constants="bound")
def format_aligned(width: dw.Const[int], value: float) -> str:
    """A number, aligned to the right."""
    return f"{value!r:>{width}}"


@example.scalar(name="smart_format", constants="bound")
def format_with_prefix(prefix: dw.Const[str], value: float) -> str:
    """A number with a text in front of it."""
    return f"{prefix}{value!r}"


# Overloads that the types of the arguments tell apart.


@example.scalar(name="type_info")
def info_of_integer(v: Annotated[int, INTEGER]) -> str:
    """The name of the type."""
    return "int32"


@example.scalar(name="type_info")
def info_of_bigint(v: Annotated[int, BIGINT]) -> str:
    """The name of the type."""
    return "int64"


@example.scalar(name="type_info")
def info_of_uinteger(v: Annotated[int, UINTEGER]) -> str:
    """The name of the type."""
    return "uint32"


@example.scalar(name="type_info")
def info_of_ubigint(v: Annotated[int, UBIGINT]) -> str:
    """The name of the type."""
    return "uint64"


@example.scalar(name="type_info")
def info_of_varchar(v: str) -> str:
    """The name of the type."""
    return "varchar"


@example.scalar(name="pair_type")
def pair_of_numbers(a: int, b: int) -> str:
    """The types of both."""
    return "int+int"


@example.scalar(name="pair_type")
def pair_of_texts(a: str, b: str) -> str:
    """The types of both."""
    return "str+str"


@example.scalar(name="pair_type")
def pair_of_both(a: int, b: str) -> str:
    """The types of both."""
    return "int+str"


@example.scalar(name="any_mixed")
def any_and_number(a: pa.Array | None, b: pa.Int64Array) -> pa.StringArray:
    """Anything and a number."""
    return pa.array([f"any+int: {value}" for value in b.to_pylist()], pa.utf8())


@example.scalar(name="any_mixed")
def any_and_text(a: pa.Array | None, b: pa.StringArray) -> pa.StringArray:
    """Anything and a text."""
    return pa.array([f"any+str: {value}" for value in b.to_pylist()], pa.utf8())


@example.scalar(name="concat_values", returns=lambda values: VARCHAR)
def concat_numbers(*values: int) -> str:
    """The sum as text."""
    return str(sum(values))


@example.scalar(name="concat_values", returns=lambda values: VARCHAR)
def concat_texts(*values: str) -> str:
    """The texts, one after the other."""
    return "".join(values)


# Points: arrays of a fixed size, lists and structs.


def distance(lat: pa.Array, lon: pa.Array, other_lat: pa.Array, other_lon: pa.Array) -> pa.DoubleArray:
    """The Euclidean distances of points."""
    import pyarrow.compute as pc

    square = pc.add(pc.power(pc.subtract(other_lat, lat), 2.0), pc.power(pc.subtract(other_lon, lon), 2.0))
    return pc.sqrt(square)


def centroid(points: list[tuple[pa.Array, pa.Array]]) -> pa.StructArray:
    """The means of points, each a pair of latitudes and longitudes."""
    import pyarrow.compute as pc

    lat, lon = points[0]
    for other_lat, other_lon in points[1:]:
        lat, lon = pc.add(lat, other_lat), pc.add(lon, other_lon)
    return pa.StructArray.from_arrays(
        [pc.divide(lat, float(len(points))), pc.divide(lon, float(len(points)))], fields=list(POINT)
    )


def of_list(points: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Latitudes and longitudes of lists."""
    import pyarrow.compute as pc

    return pc.list_element(points, 0), pc.list_element(points, 1)


def of_struct(points: pa.StructArray) -> tuple[pa.Array, pa.Array]:
    """Latitudes and longitudes of structs."""
    import pyarrow.compute as pc

    return pc.struct_field(points, "lat"), pc.struct_field(points, "lon")


@example.scalar
def geo_distance_fixed(p1: Fixed, p2: Fixed) -> pa.DoubleArray:
    """Euclidean distance between two fixed-size list points"""
    return distance(*of_list(p1), *of_list(p2))


@example.scalar
def geo_distance_list(p1: Listed, p2: Listed) -> pa.DoubleArray:
    """Euclidean distance between two list points"""
    return distance(*of_list(p1), *of_list(p2))


@example.scalar
def geo_distance_struct(p1: Struct, p2: Struct) -> pa.DoubleArray:
    """Euclidean distance between two struct points"""
    return distance(*of_struct(p1), *of_struct(p2))


@example.scalar
def geo_centroid_fixed(*points: Fixed) -> Struct:
    """Centroid of N fixed-size list points"""
    return centroid([of_list(point) for point in points])


@example.scalar
def geo_centroid_list(*points: Listed) -> Struct:
    """Centroid of N list points"""
    return centroid([of_list(point) for point in points])


@example.scalar
def geo_centroid_struct(*points: Struct) -> Struct:
    """Centroid of N struct points"""
    return centroid([of_struct(point) for point in points])


# The same name in two schemas.


@example.scalar(name="test_same_name_bind")
def same_name_main(value: int) -> str:
    """Schema-disambiguation probe; the main-schema implementation"""
    return f"main:{value}"


@data.scalar(name="test_same_name_bind")
def same_name_data(value: int) -> str:
    """Schema-disambiguation probe; the data-schema implementation"""
    return f"data:{value}"
