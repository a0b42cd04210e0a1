"""What a test passes to a function, as SQL would send it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..client.inputs import as_array, is_column
from ..errors import ArgumentError, OutputError
from ..functions.nulls import take
from ..functions.signature import Parameter, any_type
from ..rpc.codec import decode_batch, encode_batch
from ..types.values import from_values, to_values


def column(parameter: Parameter, value: object, what: str) -> pa.Array:
    """A column of a call. Values that are in no array yet get the declared type, as literals of SQL do.

    Raises:
        ArgumentError: a value is not of the type.
    """
    return _typed(value, parameter, what) if isinstance(value, (list, tuple)) else as_array(value)


def one_value(parameter: Parameter, value: object, what: str) -> pa.Array:
    """A constant as an array of one value: a Python value, or an Arrow scalar where the type matters.

    Raises:
        ArgumentError: it is not of the declared type.
    """
    if isinstance(value, pa.ExtensionScalar):
        return pa.ExtensionArray.from_storage(value.type, pa.repeat(value.value, 1))
    return pa.repeat(value, 1) if isinstance(value, pa.Scalar) else _typed([value], parameter, what)


def columns(pairs: Sequence[tuple[Parameter, object]], what: str, count: int | None = None) -> pa.RecordBatch:
    """The arguments of a call as the batch that DuckDB sends, single values repeated.

    Args:
        pairs: the parameters and what is passed for them. A list for a ``Const`` parameter is its value.
        what: names the function in error messages.
        count: number of rows; None: that of the columns, or one if there are none.

    Raises:
        ArgumentError: columns differ in length, or a value does not fit.
    """
    lengths: dict[str, int] = {} if count is None else {"groups=": count}
    arrays: list[pa.Array | None] = []
    for parameter, value in pairs:
        listed = parameter.const and isinstance(value, (list, tuple))
        array = column(parameter, value, what) if is_column(value) and not listed else None
        arrays.append(array)
        if array is not None:
            lengths[parameter.name] = len(array)
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length} rows" for name, length in lengths.items())
        raise ArgumentError(f"{what}: its columns differ in length: {shown}")
    count = next(iter(lengths.values()), 1)
    full = [
        take(one_value(parameter, value, what), pa.array([0] * count, pa.int32())) if array is None else array
        for array, (parameter, value) in zip(arrays, pairs, strict=True)
    ]
    if not full:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * count, pa.struct([])))
    return pa.RecordBatch.from_arrays(full, names=[f"col_{number}" for number in range(len(full))])


def values_of(column: object) -> list[Any]:
    """The Python values of a column of any kind."""
    if isinstance(column, (list, tuple)):
        return list(column)
    return to_values(as_array(column))


def encode_arguments(positional: Sequence[pa.Array], named: Mapping[str, pa.Array]) -> bytes:
    """The ``arguments`` cell of a bind request (spec 06, section 6.1); each array holds one value."""
    values = {f"positional_{number}": value for number, value in enumerate(positional)}
    values |= {f"named_{name}": value for name, value in named.items()}
    if values:
        record = pa.StructArray.from_arrays(list(values.values()), names=list(values))
    else:
        record = pa.nulls(1, pa.struct([]))
    return encode_batch(pa.RecordBatch.from_arrays([record], names=["args"]))


def table(value: object, what: str) -> pa.Table:
    """The rows of a table: anything of which Arrow makes a table, a dict of lists included.

    Raises:
        ArgumentError: Arrow makes none of it.
    """
    try:
        if isinstance(value, pa.RecordBatch):
            return pa.Table.from_batches([value])
        return value.read_all() if isinstance(value, pa.RecordBatchReader) else pa.table(value)
    except (TypeError, ValueError, pa.ArrowException) as error:
        raise ArgumentError(f"{what} takes a table, such as pyarrow.table({{'a': [1, 2]}}): {error}") from None


def slices(rows: pa.RecordBatch | pa.Table, size: int) -> list[pa.RecordBatch]:
    """``rows`` in batches of at most ``size`` rows, none of them empty, with memory as if it had travelled."""
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    if not table.num_columns:
        return [rows.slice(start, size) for start in range(0, rows.num_rows, size)]
    batches = []
    for start in range(0, table.num_rows, size):
        part = table.slice(start, size)
        arrays = [as_array(part.column(number)) for number in range(part.num_columns)]
        batches.append(decode_batch(encode_batch(pa.RecordBatch.from_arrays(arrays, schema=part.schema))))
    return batches


def _typed(values: Sequence[Any], parameter: Parameter, what: str) -> pa.Array:
    named = f"{what}: argument '{parameter.name}'"
    if any_type(parameter.type):
        try:
            return pa.array(values)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ArgumentError(f"{named}: give an Arrow array of the type that you mean: {error}") from None
    try:
        return from_values([v.as_py() if isinstance(v, pa.Scalar) else v for v in values], parameter.type, named)
    except OutputError as error:
        raise ArgumentError(str(error)) from None
