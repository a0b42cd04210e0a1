"""Arrays of lists, structs, maps and unions with their members converted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pyarrow as pa

Converter = Callable[[pa.Array], pa.Array]


def nested_converter(
    actual: pa.DataType, declared: pa.DataType, convert: Callable[[pa.DataType, pa.DataType], Converter | None]
) -> Converter:
    """How arrays of the nested type ``actual`` become arrays of ``declared``.

    Args:
        actual: a nested type of the same kind as ``declared``.
        declared: the type of the result.
        convert: gives the converter of members, or None if they stay as they are.
    """
    is_ = pa.types
    if is_.is_map(declared):
        members = [convert(actual.key_type, declared.key_type), convert(actual.item_type, declared.item_type)]
        return lambda array: _map(array, declared, members)
    if is_.is_struct(declared) or is_.is_union(declared):
        members = [convert(actual.field(i).type, declared.field(i).type) for i in range(declared.num_fields)]
        rebuild = _struct if is_.is_struct(declared) else _union
        return lambda array: rebuild(array, declared, members)
    item = convert(actual.value_type, declared.value_type)
    if is_.is_fixed_size_list(declared):
        return lambda array: _fixed_size_list(array, declared, item)
    return lambda array: _list(array, declared, item)


def union_codes(array: pa.Array) -> pa.Array:
    """The type code of each value of a sparse union. (Its ``type_codes`` forgets where a slice begins.)"""
    if not len(array):
        return pa.array([], pa.int8())  # one that was read has no buffer
    codes = array.buffers()[1].slice(array.offset, len(array))
    return pa.Array.from_buffers(pa.int8(), len(array), [None, codes])


def _list(array: pa.Array, declared: pa.DataType, item: Converter | None) -> pa.Array:
    values = _apply(item, array.values)
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        return _list_of_view(array, declared, values)
    validity, offsets = array.buffers()[:2]
    position = array.offset
    if pa.types.is_large_list(array.type):
        offsets, position = array.offsets.cast(pa.int32()).buffers()[1], 0
        validity = None if array.null_count == 0 else array.is_valid().buffers()[1]
    return pa.Array.from_buffers(declared, len(array), [validity, offsets], offset=position, children=[values])


def _list_of_view(array: pa.Array, declared: pa.DataType, values: pa.Array) -> pa.Array:
    """A list of a list view, whose items may lie in any order. (``cast`` makes invalid lists of it.)"""
    valid = array.is_valid().to_pylist()
    spans = zip(valid, array.offsets.to_pylist(), array.sizes.to_pylist(), strict=True)
    items = [(start, size) if ok else (0, 0) for ok, start, size in spans]
    ends = list(itertools.accumulate((size for _, size in items), initial=0))
    starts = [end if ok else None for ok, end in zip(valid, ends, strict=False)]
    values = _take(values, [row for start, size in items for row in range(start, start + size)])
    return pa.ListArray.from_arrays(pa.array([*starts, ends[-1]], pa.int32()), values, type=declared)


def _take(values: pa.Array, rows: list[int]) -> pa.Array:
    if isinstance(values.type, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(values.type, _take(values.storage, rows))
    return values.take(pa.array(rows, pa.int64()))


def _fixed_size_list(array: pa.Array, declared: pa.DataType, item: Converter | None) -> pa.Array:
    validity = array.buffers()[0]
    values = _apply(item, array.values)
    return pa.Array.from_buffers(declared, len(array), [validity], offset=array.offset, children=[values])


def _map(array: pa.Array, declared: pa.DataType, members: Sequence[Converter | None]) -> pa.Array:
    validity, offsets = array.buffers()[:2]
    keys, items = _apply(members[0], array.keys), _apply(members[1], array.items)
    entries = pa.StructArray.from_arrays([keys, items], fields=[declared.key_field, declared.item_field])
    return pa.Array.from_buffers(declared, len(array), [validity, offsets], offset=array.offset, children=[entries])


def _struct(array: pa.Array, declared: pa.DataType, members: Sequence[Converter | None]) -> pa.Array:
    children = [_apply(member, array.field(i)) for i, member in enumerate(members)]
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(children, fields=list(declared), mask=mask)


def _union(array: pa.Array, declared: pa.DataType, members: Sequence[Converter | None]) -> pa.Array:
    children = [_apply(member, array.field(i)) for i, member in enumerate(members)]
    names = [declared.field(i).name for i in range(declared.num_fields)]
    return pa.UnionArray.from_sparse(union_codes(array), children, names, list(declared.type_codes))


def _apply(convert: Converter | None, array: pa.Array) -> pa.Array:
    return array if convert is None else convert(array)
