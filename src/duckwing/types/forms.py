"""In which Arrow forms values of a declared type arrive, and how well they fit (spec 06, section 7)."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from . import (
    ANY,
    BIGNUM,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    GEOMETRY,
    HUGEINT,
    INTERVAL,
    JSON,
    TIME,
    TIMESTAMPTZ,
    TIMETZ,
    UHUGEINT,
    UUID,
)

NO_FIT, CONVERTIBLE, ANYTHING, SAME_TYPE, EXACT = range(5)


_EXTENSIONS = (BIGNUM, BIT, HUGEINT, JSON, TIMETZ, UHUGEINT, UUID)


def fits(actual: pa.DataType, declared: pa.DataType) -> int:
    """How well values that arrive as ``actual`` fit a declaration: from ``NO_FIT``, which is 0, to ``EXACT``.

    ``SAME_TYPE`` means another Arrow form of the same SQL type. A declared ``ANY`` comes before a
    conversion: DuckDB would have converted the values itself, had it meant the other overload.
    """
    if actual.equals(declared):
        return EXACT
    if declared.equals(ANY):
        return ANYTHING
    if actual.equals(ANY):
        return CONVERTIBLE
    if same_extension(actual, declared) or _plain(actual).equals(arrival(declared)):
        return SAME_TYPE
    if isinstance(actual, pa.BaseExtensionType):
        wkb = same_extension(actual, GEOMETRY) and declared.equals(BLOB)  # a schema that pyarrow has read says so
        return SAME_TYPE if wkb or (_is_bool8(actual) and declared.equals(BOOLEAN)) else NO_FIT
    if isinstance(declared, pa.BaseExtensionType):
        return NO_FIT
    if actual.num_fields and declared.num_fields:
        return _nested_fits(actual, declared)
    number = _is_number(actual) and _is_number(declared)
    return CONVERTIBLE if number and _rank(actual) <= _rank(declared) else NO_FIT


def arrival(type: pa.DataType) -> pa.DataType:
    """The form in which values of ``type`` arrive under DuckDB's default settings.

    Different types that arrive in one form, such as UUID and VARCHAR, cannot be told apart then.
    """
    if type in (UUID, JSON):
        return pa.utf8()
    if type.equals(BIT) or same_extension(type, GEOMETRY):  # geoarrow.wkb is unknown to pyarrow itself
        return pa.binary()
    if type in (HUGEINT, UHUGEINT):
        return pa.decimal128(38, 0)
    if type.equals(TIMETZ):
        return TIME
    return _rebuilt(_plain(type), arrival)


def shares_arrival(type: pa.DataType) -> bool:
    """Whether values of another type, too, arrive in the form of ``type``."""
    form = arrival(type)
    if form in (pa.utf8(), pa.binary(), pa.decimal128(38, 0), TIME):
        return True
    return any(shares_arrival(form.field(i).type) for i in range(form.num_fields))


def compact(type: pa.DataType) -> pa.DataType:
    """``type`` without large and view variants and narrow decimals, for which much of Arrow has no functions.

    Where DuckDB's session says what is what (spec 06, section 7), our own types stay, and BOOLEAN is ``bool``.
    """
    if isinstance(type, pa.BaseExtensionType):
        return BOOLEAN if _is_bool8(type) else _ours(type)
    return _rebuilt(type, compact)


def canonical(type: pa.DataType) -> pa.DataType:
    """The type of :mod:`duckwing.types` for the SQL type that DuckDB takes ``type`` for (spec 06, section 8)."""
    is_ = pa.types
    if isinstance(type, pa.BaseExtensionType):
        return _ours(type)
    if is_.is_fixed_size_binary(type):
        return BLOB
    if is_.is_date(type):
        return DATE
    if is_.is_time32(type):
        return TIME
    if is_.is_duration(type):
        return INTERVAL
    if is_.is_dictionary(type):
        return canonical(type.value_type)
    return TIMESTAMPTZ if is_.is_timestamp(type) and type.tz else _rebuilt(type, canonical)


def _ours(type: pa.BaseExtensionType) -> pa.DataType:
    return next((ours for ours in _EXTENSIONS if same_extension(type, ours)), type)


def _plain(type: pa.DataType) -> pa.DataType:
    """As :func:`compact`, and with the time zone and the values that we use."""
    if pa.types.is_timestamp(type) and type.tz:
        return pa.timestamp("us", "UTC")
    return _plain(type.value_type) if pa.types.is_dictionary(type) else _rebuilt(type, _plain)


def _rebuilt(type: pa.DataType, member: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    is_ = pa.types
    if is_text(type):
        return pa.utf8()
    if _is_binary(type):
        return pa.binary()
    if is_.is_decimal(type) and type.precision <= 38:
        return pa.decimal128(type.precision, type.scale)
    if is_.is_fixed_size_list(type):
        return pa.list_(member(type.value_type), type.list_size)
    if is_list(type):
        return pa.list_(member(type.value_type))
    if is_.is_map(type):
        return pa.map_(member(type.key_type), member(type.item_type))
    if is_.is_struct(type):
        return pa.struct([(field.name, member(field.type)) for field in type])
    if is_.is_union(type):
        return pa.sparse_union([pa.field(f.name, member(f.type)) for f in map(type.field, range(type.num_fields))])
    return type


def is_text(type: pa.DataType) -> bool:
    """Whether ``type`` is one of Arrow's forms of VARCHAR."""
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type))


def is_list(type: pa.DataType) -> bool:
    """Whether ``type`` is one of Arrow's forms of LIST."""
    is_ = pa.types
    return bool(is_.is_list(type) or is_.is_large_list(type) or is_.is_list_view(type) or is_.is_large_list_view(type))


def has_union(type: pa.DataType) -> bool:
    """Whether ``type`` is a UNION or has one in it."""
    return bool(pa.types.is_union(type)) or any(has_union(type.field(i).type) for i in range(type.num_fields))


def same_extension(actual: pa.DataType, declared: pa.DataType) -> bool:
    """Whether both are one extension type, be it over another storage type (spec 06, section 7)."""
    return (
        isinstance(actual, pa.BaseExtensionType)
        and isinstance(declared, pa.BaseExtensionType)
        and actual.extension_name == declared.extension_name
        and getattr(actual, "type_name", None) == getattr(declared, "type_name", None)
    )


def _is_binary(type: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type) or pa.types.is_large_binary(type) or pa.types.is_binary_view(type))


def _is_bool8(type: pa.BaseExtensionType) -> bool:
    return bool(type.extension_name == "arrow.bool8")


def _is_number(type: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type))


def _rank(type: pa.DataType) -> int:
    """Position in DuckDB's order of implicit casts between numbers."""
    is_ = pa.types
    if is_.is_integer(type):
        return int(type.bit_width) // 8 * 2 + (0 if is_.is_signed_integer(type) else 1)
    if is_.is_decimal(type):
        return 20
    return 30 + int(type.bit_width)


def _nested_fits(actual: pa.DataType, declared: pa.DataType) -> int:
    is_ = pa.types
    if is_.is_map(actual) and is_.is_map(declared):
        return min(fits(actual.key_type, declared.key_type), fits(actual.item_type, declared.item_type), SAME_TYPE)
    if is_.is_fixed_size_list(actual) and is_.is_fixed_size_list(declared):
        same_size = actual.list_size == declared.list_size
        return min(fits(actual.value_type, declared.value_type), SAME_TYPE) if same_size else NO_FIT
    if is_list(actual) and is_list(declared):
        return min(fits(actual.value_type, declared.value_type), SAME_TYPE)
    if (is_.is_struct(actual) and is_.is_struct(declared)) or (is_.is_union(actual) and is_.is_union(declared)):
        ours = [actual.field(i) for i in range(actual.num_fields)]
        theirs = [declared.field(i) for i in range(declared.num_fields)]
        if [f.name for f in ours] != [f.name for f in theirs]:
            return NO_FIT
        return min(SAME_TYPE, *(fits(a.type, d.type) for a, d in zip(ours, theirs, strict=True)))
    return NO_FIT
