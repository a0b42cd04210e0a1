"""Which Arrow types DuckDB does not take (spec 06, section 8)."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from . import MAX_ARRAY_SIZE

MAX_DEPTH: Final = 60
"""Levels of a nested type. Arrow reads 64, of which arguments of table functions take some for themselves."""

TOO_DEEP: Final = f"types can be nested {MAX_DEPTH} deep"


def nesting(type: pa.DataType) -> int:
    """How many levels ``type`` has: 1 for one without members, 2 for a list of it, 3 for a MAP."""
    members = (type.field(i).type for i in range(type.num_fields))
    return 1 + max(map(nesting, members), default=0)


def refusal(type: pa.DataType, *, of_nothing: bool = False) -> str | None:
    """Why DuckDB takes no values of ``type``, with what to use instead; None if it does.

    Args:
        type: the type.
        of_nothing: it was made of types that arrived, among which is that of a bare NULL, ``"NULL"`` in SQL. In a
            declaration that would be ``ANY``, which cannot be part of another type.
    """
    return TOO_DEEP if nesting(type) > MAX_DEPTH else _refusal(type, of_nothing)


def _refusal(type: pa.DataType, of_nothing: bool) -> str | None:
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
    if is_.is_fixed_size_list(type) and not 1 <= type.list_size <= MAX_ARRAY_SIZE:
        return f"an ARRAY has 1 to {MAX_ARRAY_SIZE} items"
    if is_.is_struct(type) or is_.is_union(type):
        names = [type.field(i).name for i in range(type.num_fields)]
        if "" in names:
            return "a member needs a name"
        if len({name.casefold() for name in names}) < len(names):
            return "members need different names, also when case is ignored"
    if isinstance(type, pa.BaseExtensionType):
        name: str = type.extension_name
        if name.startswith("geoarrow.") and name != "geoarrow.wkb":
            return f"{name} makes DuckDB fail; use geoarrow.wkb"
        return _refusal(type.storage_type, of_nothing)
    if is_.is_dictionary(type):
        return _refusal(type.value_type, of_nothing)
    for index in range(type.num_fields):
        inner = type.field(index).type
        any_inside = is_.is_null(inner) and not of_nothing
        child = "ANY cannot be part of another type" if any_inside else _refusal(inner, of_nothing)
        if child is not None:
            return child
    return None
