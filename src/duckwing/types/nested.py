"""Arrays of lists, structs, maps and unions with their members converted."""

from __future__ import annotations

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
    return pa.Array.from_buffers(pa.int8(), len(array), [None, array.buffers()[1]], offset=array.offset)


def _list(array: pa.Array, declared: pa.DataType, item: Converter | None) -> pa.Array:
    if not pa.types.is_list(array.type):
        array = _as_list(array)
    validity, offsets = array.buffers()[:2]
    values = _apply(item, array.values)
    return pa.Array.from_buffers(declared, len(array), [validity, offsets], offset=array.offset, children=[values])


def _as_list(array: pa.Array) -> pa.Array:
    """A large list, or a list view, as a list. (``cast`` makes invalid lists of list views.)"""
    plain = pa.list_(array.type.value_type)
    if pa.types.is_large_list(array.type):
        return array.cast(plain)
    import pyarrow.compute as pc

    sizes = pc.list_value_length(array).fill_null(0).cast(pa.int64())
    starts = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(sizes)]).cast(pa.int32())
    mask = array.is_null() if array.null_count else None
    return pa.ListArray.from_arrays(starts, array.flatten(), type=plain, mask=mask)


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
