"""Checks that make an array of somebody else's bytes safe to touch, and no more than that."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa


def is_fixed_width(type: pa.DataType) -> bool:
    """Whether arrays of ``type`` are values of one width side by side, with nothing that leads elsewhere."""
    if isinstance(type, pa.BaseExtensionType):
        return is_fixed_width(type.storage_type)
    return bool(pa.types.is_primitive(type) or pa.types.is_decimal(type) or pa.types.is_fixed_size_binary(type))


def validate(array: pa.Array) -> None:
    """Check offsets, indices, type codes and UTF-8, at every level.

    Values of fixed width are not looked at: their bytes cannot lead outside the buffers, and the
    check of Arrow refuses values that DuckDB has and Arrow has not, such as TIME '24:00:00' or a
    HUGEINT beyond 38 digits.

    Args:
        array: one whose buffers have been found long enough, by its ``validate()``.

    Raises:
        pa.ArrowInvalid: it is not safe.
    """
    type = array.type
    is_ = pa.types
    if is_fixed_width(type):
        return
    if isinstance(type, pa.BaseExtensionType):
        validate(array.storage)
    elif is_.is_struct(type):
        for index in range(type.num_fields):
            validate(array.field(index))
    elif is_.is_fixed_size_list(type):
        validate(array.values)
    elif is_.is_list(type) or is_.is_large_list(type) or is_.is_map(type):
        _validate_list(array, pa.large_list if is_.is_large_list(type) else pa.list_)
    elif is_.is_list_view(type) or is_.is_large_list_view(type):
        _validate_list(array, pa.large_list_view if is_.is_large_list_view(type) else pa.list_view)
    elif is_.is_union(type) and type.mode == "sparse":
        _validate_union(array)
    else:
        array.validate(full=True)


def _validate_list(array: pa.Array, list_of: Callable[[pa.DataType], pa.DataType]) -> None:
    """Check the offsets of a list by a list of nothing in the same places."""
    children = [array.keys, array.items] if pa.types.is_map(array.type) else [array.values]
    nothing = pa.nulls(len(children[0]))
    buffers = array.buffers()[: array.type.num_buffers]
    same = pa.Array.from_buffers(list_of(pa.null()), len(array), buffers, offset=array.offset, children=[nothing])
    same.validate(full=True)
    for child in children:
        validate(child)


def _validate_union(array: pa.Array) -> None:
    """Check the type codes of a sparse union by a union of nothing in the same places."""
    type = array.type
    if len(array):  # one without values may have no buffer
        nothing = [pa.nulls(array.offset + len(array)) for _ in range(type.num_fields)]
        union = pa.sparse_union([pa.field(str(code), pa.null()) for code in type.type_codes], type.type_codes)
        buffers = array.buffers()[:2]
        pa.Array.from_buffers(union, len(array), buffers, offset=array.offset, children=nothing).validate(full=True)
    for index in range(type.num_fields):
        validate(array.field(index))
