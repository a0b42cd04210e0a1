"""Which Arrow types DuckDB does not take (spec 06, section 8)."""

from __future__ import annotations

import pyarrow as pa


def refusal(type: pa.DataType) -> str | None:
    """Why DuckDB takes no values of ``type``, with what to use instead; None if it does."""
    is_ = pa.types
    if is_.is_float16(type):
        return "DuckDB has no 16-bit float; use FLOAT"
    if is_.is_decimal256(type):
        return "DuckDB has no 256-bit decimal; use DECIMAL(p, s) with p <= 38"
    if is_.is_decimal(type) and not 0 <= type.scale <= type.precision:
        return f"DuckDB has no decimal of scale {type.scale}"
    if is_.is_union(type) and type.mode == "dense":
        return "DuckDB reads sparse unions only; use UNION({…}) of duckwing.types"
    if is_.is_struct(type) and type.num_fields == 0:
        return "a STRUCT has at least one member"
    if isinstance(type, pa.BaseExtensionType):
        name: str = type.extension_name
        if name.startswith("geoarrow.") and name != "geoarrow.wkb":
            return f"{name} makes DuckDB fail; use geoarrow.wkb"
        return refusal(type.storage_type)
    if is_.is_dictionary(type):
        return refusal(type.value_type)
    for index in range(type.num_fields):
        inner = type.field(index).type
        child = "ANY cannot be part of another type" if is_.is_null(inner) else refusal(inner)
        if child is not None:
            return child
    return None
