"""Arrow arrays from the form in which they arrive to the form that was declared, and back.

DuckDB exports some types as others (a UUID as text, a HUGEINT as a decimal), large or view
variants depending on session settings, and time zones under the session's name (spec 06,
section 7). Functions see what they declared; :func:`from_duckdb` and :func:`to_duckdb` see to it.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from . import ANY, BIT, HUGEINT, JSON, TIMETZ, UHUGEINT, UUID
from .names import sql_name

Converter = Callable[[pa.Array], pa.Array]


def from_duckdb(actual: pa.DataType, declared: pa.DataType) -> Converter | None:
    """How arrays that arrive as ``actual`` become arrays of ``declared``; None if they already are.

    Raises:
        ArgumentError: values of ``actual`` cannot be what was declared.
    """
    if declared.equals(ANY) or actual.equals(declared):
        return None
    if actual.equals(ANY):
        return lambda array: pa.nulls(len(array), declared)
    if isinstance(declared, pa.BaseExtensionType):
        return _to_extension(actual, declared)
    if isinstance(actual, pa.BaseExtensionType):
        inner = from_duckdb(actual.storage_type, declared)
        return (lambda array: inner(array.storage)) if inner else (lambda array: array.storage)
    if not fits(actual, declared):
        raise ArgumentError(f"expected {sql_name(declared)}, got {sql_name(actual)}")
    return lambda array: array.cast(declared)


def fits(actual: pa.DataType, declared: pa.DataType) -> int:
    """How well values that arrive as ``actual`` fit a declaration: 0 not at all, 3 exactly.

    2 means the same SQL type in another Arrow form, 1 a type that converts without loss.
    """
    if actual.equals(declared):
        return 3
    if declared.equals(ANY) or actual.equals(ANY):
        return 1
    if sql_name(actual) == sql_name(declared) or _family(actual) == _family(declared) is not None:
        return 2
    if _is_number(actual) and _is_number(declared) and _rank(actual) <= _rank(declared):
        return 1
    return 1 if _nested_fits(actual, declared) else 0


def to_duckdb(array: pa.Array, declared: pa.DataType, what: str) -> pa.Array:
    """``array``, as a function returned it, as an array of exactly the declared type.

    Args:
        array: the array.
        declared: the declared type.
        what: names the array in the error message, such as ``result of f``.

    Raises:
        OutputError: its values do not fit.
    """
    actual = array.type
    if actual.equals(declared):
        return array
    if isinstance(declared, pa.BaseExtensionType) and not isinstance(actual, pa.BaseExtensionType):
        storage = to_duckdb(array, declared.storage_type, what)
        return pa.ExtensionArray.from_storage(declared, storage)
    if isinstance(actual, pa.BaseExtensionType) and not isinstance(declared, pa.BaseExtensionType):
        return to_duckdb(array.storage, declared, what)
    try:
        return array.cast(declared)
    except (pa.ArrowException, ValueError) as error:
        raise OutputError(f"{what} must be {sql_name(declared)}, got {sql_name(actual)}: {error}") from None


# The types that arrive as another one unless `SET arrow_lossless_conversion = true`.


def _to_extension(actual: pa.DataType, declared: pa.DataType) -> Converter:
    if isinstance(actual, pa.BaseExtensionType):
        raise ArgumentError(f"expected {sql_name(declared)}, got {sql_name(actual)}")
    if declared in (HUGEINT, UHUGEINT) and pa.types.is_decimal128(actual) and actual.scale == 0:
        return lambda array: _reinterpret(array, declared)
    if declared.equals(UUID) and _is_text(actual):
        return _uuid_from_text
    if declared.equals(TIMETZ):
        raise ArgumentError(
            "a TIME WITH TIME ZONE arrives without its offset; run SET arrow_lossless_conversion = true "
            "before the query, or declare the parameter as TIME"
        )
    storage = declared.storage_type
    if (declared in (JSON, BIT) or actual.equals(storage)) and fits(actual, storage) >= 2:
        inner = from_duckdb(actual, storage)
        return lambda array: pa.ExtensionArray.from_storage(declared, inner(array) if inner else array)
    raise ArgumentError(f"expected {sql_name(declared)}, got {sql_name(actual)}")


def _reinterpret(array: pa.Array, declared: pa.DataType) -> pa.Array:
    """A HUGEINT column: the decimal's 16 bytes are the integer's, also beyond 38 digits."""
    validity, data = array.buffers()
    storage = pa.Array.from_buffers(declared.storage_type, len(array), [validity, data], offset=array.offset)
    return pa.ExtensionArray.from_storage(declared, storage)


def _uuid_from_text(array: pa.Array) -> pa.Array:
    texts = array.to_pylist()
    digits = "".join([t.replace("-", "") if t is not None else "0" * 32 for t in texts])
    data = pa.py_buffer(bytes.fromhex(digits))
    validity = None if array.null_count == 0 else pa.array([t is not None for t in texts]).buffers()[1]
    storage = pa.Array.from_buffers(pa.binary(16), len(array), [validity, data])
    return pa.ExtensionArray.from_storage(UUID, storage)


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type))


def _family(type: pa.DataType) -> str | None:
    """Types of one family arrive in place of each other."""
    is_ = pa.types
    if _is_text(type) or type in (UUID, JSON):
        return "text"
    if is_.is_dictionary(type):
        return _family(type.value_type)
    if is_.is_binary(type) or is_.is_large_binary(type) or is_.is_binary_view(type) or type.equals(BIT):
        return "binary"
    if is_.is_timestamp(type):
        return "timestamptz" if type.tz else "timestamp"
    if type in (HUGEINT, UHUGEINT) or (is_.is_decimal(type) and type.scale == 0 and type.precision == 38):
        return "hugeint"
    return None


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


def _nested_fits(actual: pa.DataType, declared: pa.DataType) -> bool:
    is_ = pa.types
    lists = (is_.is_list, is_.is_large_list, is_.is_list_view, is_.is_large_list_view, is_.is_fixed_size_list)
    if any(test(actual) for test in lists) and any(test(declared) for test in lists):
        return bool(fits(actual.value_type, declared.value_type))
    if is_.is_map(actual) and is_.is_map(declared):
        return bool(fits(actual.key_type, declared.key_type) and fits(actual.item_type, declared.item_type))
    if (is_.is_struct(actual) and is_.is_struct(declared)) or (is_.is_union(actual) and is_.is_union(declared)):
        if actual.num_fields != declared.num_fields:
            return False
        return all(fits(actual.field(i).type, declared.field(i).type) for i in range(actual.num_fields))
    if is_.is_duration(actual):
        return bool(declared == pa.month_day_nano_interval())
    return False
