"""DuckDB's types, each as the Arrow type that stands for it on the wire (spec 06, section 8).

There is no second type system: ``BIGINT`` *is* ``pyarrow.int64()``. The names exist because they
are the ones that appear in SQL, and because some DuckDB types (``UUID``, ``HUGEINT``, …) are Arrow
extension types that nobody should have to know by heart.

    >>> from duckwing.types import DECIMAL, LIST, VARCHAR
    >>> LIST(DECIMAL(10, 2))
    ListType(list<item: decimal128(10, 2)>)

:func:`sql_name` prints a type as SQL spells it, and :func:`parse` reads it back:

    >>> from duckwing.types import parse, sql_name
    >>> sql_name(parse("struct(price numeric(10, 2), tags text[])"))
    'STRUCT(price DECIMAL(10,2), tags VARCHAR[])'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from .names import sql_name as sql_name
    from .parsing import parse as parse

ANY = pa.null()
"""A parameter or result of any type; the call decides."""

BOOLEAN = pa.bool_()
TINYINT = pa.int8()
SMALLINT = pa.int16()
INTEGER = pa.int32()
BIGINT = pa.int64()
UTINYINT = pa.uint8()
USMALLINT = pa.uint16()
UINTEGER = pa.uint32()
UBIGINT = pa.uint64()
FLOAT = pa.float32()
DOUBLE = pa.float64()
VARCHAR = pa.utf8()
BLOB = pa.binary()
DATE = pa.date32()
TIME = pa.time64("us")
TIME_NS = pa.time64("ns")
TIMESTAMP_S = pa.timestamp("s")
TIMESTAMP_MS = pa.timestamp("ms")
TIMESTAMP = pa.timestamp("us")
TIMESTAMP_NS = pa.timestamp("ns")
TIMESTAMPTZ = pa.timestamp("us", "UTC")
INTERVAL = pa.month_day_nano_interval()

UUID = pa.uuid()
JSON = pa.json_()
HUGEINT = pa.opaque(pa.binary(16), "hugeint", "DuckDB")
"""128-bit integer: 16 bytes, little-endian, two's complement."""
UHUGEINT = pa.opaque(pa.binary(16), "uhugeint", "DuckDB")
"""Unsigned 128-bit integer: 16 bytes, little-endian."""
BIT = pa.opaque(pa.binary(), "bit", "DuckDB")
"""Bit string: a byte with the number of padding bits, then the bits, padding bits set."""
TIMETZ = pa.opaque(pa.binary(8), "time_tz", "DuckDB")
"""Time of day with offset, in DuckDB's own 8 bytes."""
BIGNUM = pa.opaque(pa.binary(), "bignum", "DuckDB")
"""Integer of any size, in DuckDB's own bytes."""


class _Geometry(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no annotations
    """``geoarrow.wkb``, which pyarrow does not have. It is not registered: that is for packages of geometry to do."""

    def __init__(self) -> None:
        super().__init__(pa.binary(), "geoarrow.wkb")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"{}"

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> _Geometry:
        return cls()

    def __hash__(self) -> int:
        return hash(self.extension_name)


GEOMETRY = _Geometry()
"""A geometry without a coordinate reference system, as WKB."""

MAX_ARRAY_SIZE = 100_000
"""Items that an ARRAY of DuckDB has at most."""


def DECIMAL(precision: int, scale: int = 0) -> pa.DataType:  # noqa: N802
    """``DECIMAL(precision, scale)``, 1 <= precision <= 38, 0 <= scale <= precision."""
    if not 1 <= precision <= 38 or not 0 <= scale <= precision:
        raise ValueError(f"DECIMAL({precision}, {scale}) does not exist: 1 <= precision <= 38, 0 <= scale <= precision")
    return pa.decimal128(precision, scale)


def LIST(item: pa.DataType) -> pa.DataType:  # noqa: N802
    """``item[]``: a list of any length."""
    return pa.list_(item)


def ARRAY(item: pa.DataType, size: int) -> pa.DataType:  # noqa: N802
    """``item[size]``: a list of exactly ``size`` items."""
    if not 1 <= size <= MAX_ARRAY_SIZE:
        raise ValueError(f"an ARRAY has 1 to {MAX_ARRAY_SIZE} items, not {size}")
    return pa.list_(item, size)


def STRUCT(members: Mapping[str, pa.DataType]) -> pa.DataType:  # noqa: N802
    """``STRUCT(name type, …)`` with at least one member."""
    if not members:
        raise ValueError("a STRUCT has at least one member")
    return pa.struct(list(members.items()))


def MAP(key: pa.DataType, value: pa.DataType) -> pa.DataType:  # noqa: N802
    """``MAP(key, value)``."""
    return pa.map_(key, value)


def UNION(members: Mapping[str, pa.DataType]) -> pa.DataType:  # noqa: N802
    """``UNION(tag type, …)`` with at least one member."""
    if not members:
        raise ValueError("a UNION has at least one member")
    return pa.sparse_union([pa.field(name, type) for name, type in members.items()])


def __getattr__(name: str) -> object:
    home = {"parse": "parsing", "sql_name": "names"}.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
