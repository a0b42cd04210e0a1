"""Arrow arrays from the form in which they arrive to the form that was declared, and back.

DuckDB exports some types as others (a UUID as text, a HUGEINT as a decimal), large or view
variants depending on session settings, and time zones under the session's name (spec 06,
section 7). Functions see what they declared; :func:`from_duckdb` and :func:`to_duckdb` see to it.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from . import ANY, HUGEINT, INTERVAL, TIMETZ, UHUGEINT, UUID
from .forms import compact, fits, is_text, same_extension
from .names import sql_name

Converter = Callable[[pa.Array], pa.Array]


def from_duckdb(actual: pa.DataType, declared: pa.DataType) -> Converter | None:
    """How arrays that arrive as ``actual`` become arrays of ``declared``; None if they already are.

    Raises:
        ArgumentError: values of ``actual`` cannot be what was declared.
    """
    if declared.equals(ANY):
        declared = compact(actual)
    if actual.equals(declared):
        return None
    if not fits(actual, declared):
        raise ArgumentError(f"expected {sql_name(declared)}, got {sql_name(actual)}")
    if actual.equals(ANY):
        return lambda array: pa.nulls(len(array), declared)
    if isinstance(declared, pa.BaseExtensionType):
        return _to_extension(actual, declared)
    if isinstance(actual, pa.BaseExtensionType):
        return lambda array: array.storage.cast(declared)
    if declared.num_fields:
        from .nested import nested_converter

        return nested_converter(actual, declared, from_duckdb)
    return lambda array: array.cast(declared)


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
    try:
        if pa.types.is_duration(actual) and declared.equals(INTERVAL):
            return pa.array(array.cast(pa.duration("us")).to_pylist(), INTERVAL)
        if declared.num_fields and fits(actual, declared):  # Arrow casts no unions, nor to extension types within
            convert = from_duckdb(actual, declared)
            return array if convert is None else convert(array)
        if not isinstance(declared, pa.BaseExtensionType):
            return array.cast(declared)
        if actual.equals(declared.storage_type):
            return pa.ExtensionArray.from_storage(declared, array)
        if pa.types.is_integer(actual) and declared in (HUGEINT, UHUGEINT):
            array = array.cast(pa.decimal128(38, 0))
        convert = from_duckdb(array.type, declared)
        return array if convert is None else convert(array)
    except (pa.ArrowException, ArgumentError, ValueError, TypeError) as error:
        raise OutputError(f"{what} must be {sql_name(declared)}, got {sql_name(actual)}: {error}") from None


def _to_extension(actual: pa.DataType, declared: pa.DataType) -> Converter:
    """For types that arrive as another one unless ``SET arrow_lossless_conversion = true``."""
    if declared in (HUGEINT, UHUGEINT) and pa.types.is_decimal128(actual):
        return lambda array: _reinterpret(array, declared)
    if declared.equals(UUID) and is_text(actual):
        return _uuid_from_text
    if declared.equals(TIMETZ) and pa.types.is_time64(actual):
        raise ArgumentError(
            "a TIME WITH TIME ZONE arrives without its offset; run SET arrow_lossless_conversion = true "
            "before the query, or declare the parameter as TIME"
        )
    wrapped = same_extension(actual, declared)
    inner = from_duckdb(actual.storage_type if wrapped else actual, declared.storage_type)

    def convert(array: pa.Array) -> pa.Array:
        storage = array.storage if wrapped else array
        return pa.ExtensionArray.from_storage(declared, storage if inner is None else inner(storage))

    return convert


def _reinterpret(array: pa.Array, declared: pa.DataType) -> pa.Array:
    """A HUGEINT column: the decimal's 16 bytes are the integer's, also beyond 38 digits."""
    validity, data = array.buffers()
    storage = pa.Array.from_buffers(declared.storage_type, len(array), [validity, data], offset=array.offset)
    return pa.ExtensionArray.from_storage(declared, storage)


def _uuid_from_text(array: pa.Array) -> pa.Array:
    texts = array.to_pylist()
    digits = "".join([t.replace("-", "") if t is not None else "0" * 32 for t in texts])
    data = pa.py_buffer(bytes.fromhex(digits))
    if data.size != 16 * len(texts):
        raise ValueError("not every text is a UUID")
    validity = None if array.null_count == 0 else pa.array([t is not None for t in texts], pa.bool_()).buffers()[1]
    storage = pa.Array.from_buffers(pa.binary(16), len(array), [validity, data])
    return pa.ExtensionArray.from_storage(UUID, storage)
