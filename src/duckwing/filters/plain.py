"""Values as Arrow's kernels order them in DuckDB's way (spec 07, section 8)."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from ..types import BIGNUM, BIT, HUGEINT, UHUGEINT, UUID
from ..types.forms import same_extension
from .keys import is_transparent, sortable

Convert = Callable[[pa.Array], pa.Array]


def same(array: pa.Array) -> pa.Array:
    """An array as it is."""
    return array


def chain(*steps: Convert) -> Convert:
    """One step after the other."""
    needed = [step for step in steps if step is not same]
    if not needed:
        return same
    if len(needed) == 1:
        return needed[0]

    def run(array: pa.Array) -> pa.Array:
        for step in needed:
            array = step(array)
        return array

    return run


def identities(type_: pa.DataType) -> tuple[str, ...]:
    """The extension types in a type that compare in a way of their own."""
    bare = compared_as(type_)
    if isinstance(bare, pa.BaseExtensionType):
        return (f"{bare.extension_name} {getattr(bare, 'type_name', '')}",)
    return tuple(name for i in range(bare.num_fields) for name in identities(bare.field(i).type))


def compared_as(type_: pa.DataType) -> pa.DataType:
    """The type as which values of ``type_`` compare."""
    if pa.types.is_dictionary(type_):
        return compared_as(type_.value_type)
    if is_transparent(type_):
        return type_.storage_type
    return pa.bool_() if getattr(type_, "extension_name", "") == "arrow.bool8" else type_


def plain(type_: pa.DataType) -> tuple[Convert, pa.DataType | None]:
    """How values of a type become values that Arrow's kernels order as DuckDB does; None: there are no such kernels."""
    is_ = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        if type_.extension_name == "arrow.bool8":
            return (lambda array: pc.not_equal(array.storage, pa.scalar(0, pa.int8()))), pa.bool_()
        if any(same_extension(type_, wide) for wide in (HUGEINT, UHUGEINT)):
            return sortable, pa.binary()
        if is_transparent(type_) or any(same_extension(type_, bytewise) for bytewise in (UUID, BIT, BIGNUM)):
            inner, target = plain(type_.storage_type)
            return chain(lambda array: array.storage, inner), target
        return same, None
    if is_.is_dictionary(type_):
        inner, target = plain(type_.value_type)
        return chain(lambda array: array.dictionary_decode(), inner), target
    if is_.is_timestamp(type_):
        naive = pa.timestamp(type_.unit)
        return (same if type_.tz is None else lambda array: array.view(naive)), naive
    target = type_
    if is_.is_large_string(type_) or is_.is_string_view(type_):
        target = pa.utf8()
    elif is_.is_large_binary(type_) or is_.is_fixed_size_binary(type_) or is_.is_binary_view(type_):
        target = pa.binary()
    elif is_.is_date64(type_):
        target = pa.date32()
    elif is_.is_time32(type_):
        target = pa.time64("us")
    elif is_.is_float16(type_):
        target = pa.float32()
    elif type_.num_fields or is_.is_duration(type_) or is_.is_interval(type_) or is_.is_union(type_):
        return same, None
    return (same if target is type_ else lambda array: array.cast(target)), target
