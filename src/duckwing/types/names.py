"""DuckDB's names of Arrow types, for messages and listings."""

from __future__ import annotations

import pyarrow as pa

from . import ANY, BIGNUM, BIT, GEOMETRY, HUGEINT, JSON, TIMETZ, UHUGEINT, UUID
from .forms import same_extension

_SIMPLE: dict[pa.DataType, str] = {
    ANY: "ANY",
    UUID: "UUID",
    JSON: "JSON",
    HUGEINT: "HUGEINT",
    UHUGEINT: "UHUGEINT",
    BIT: "BIT",
    TIMETZ: "TIME WITH TIME ZONE",
    BIGNUM: "BIGNUM",
    GEOMETRY: "GEOMETRY",
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.utf8(): "VARCHAR",
    pa.large_utf8(): "VARCHAR",
    pa.string_view(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.binary_view(): "BLOB",
    pa.date32(): "DATE",
    pa.date64(): "DATE",
    pa.time32("s"): "TIME",
    pa.time32("ms"): "TIME",
    pa.time64("us"): "TIME",
    pa.time64("ns"): "TIME_NS",
    pa.timestamp("s"): "TIMESTAMP_S",
    pa.timestamp("ms"): "TIMESTAMP_MS",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("ns"): "TIMESTAMP_NS",
    pa.month_day_nano_interval(): "INTERVAL",
}


def sql_name(type: pa.DataType) -> str:
    """DuckDB's name of an Arrow type, such as ``DECIMAL(10,2)[]``; :func:`duckwing.types.parse` reads it back.

    Names of members are quoted where SQL needs it. Types that DuckDB does not take are printed as
    Arrow prints them.
    """
    name = _SIMPLE.get(type)
    if name is not None:
        return name
    is_ = pa.types
    if is_.is_timestamp(type):
        return "TIMESTAMP WITH TIME ZONE"
    if is_.is_decimal(type):
        return f"DECIMAL({type.precision},{type.scale})"
    if is_.is_fixed_size_binary(type):
        return "BLOB"
    if is_.is_duration(type):
        return "INTERVAL"
    if is_.is_map(type):
        return f"MAP({sql_name(type.key_type)}, {sql_name(type.item_type)})"
    if is_.is_fixed_size_list(type):
        return f"{sql_name(type.value_type)}[{type.list_size}]"
    if is_.is_list(type) or is_.is_large_list(type) or is_.is_list_view(type) or is_.is_large_list_view(type):
        return f"{sql_name(type.value_type)}[]"
    if is_.is_struct(type) or is_.is_union(type):
        from .keywords import identifier

        members = (type.field(i) for i in range(type.num_fields))
        word = "STRUCT" if is_.is_struct(type) else "UNION"
        return f"{word}({', '.join(f'{identifier(m.name)} {sql_name(m.type)}' for m in members)})"
    if is_.is_dictionary(type):
        return sql_name(type.value_type)
    if isinstance(type, pa.BaseExtensionType):
        return _extension_name(type)
    return str(type)


def _extension_name(type: pa.BaseExtensionType) -> str:
    """The name of an extension type over another storage type than ours."""
    known = {"arrow.json": "JSON", "arrow.bool8": "BOOLEAN"}.get(type.extension_name)
    if known is not None:
        return known
    for ours, name in _SIMPLE.items():
        if same_extension(type, ours):
            return name
    return sql_name(type.storage_type)
