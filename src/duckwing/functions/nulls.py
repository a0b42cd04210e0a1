"""The NULL rule: the result is NULL wherever an argument is NULL, and user code never sees such a row.

The client leaves this to the worker for rows of a column (spec 06, section 2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from ..types.names import sql_name

_UNIONS = (pa.sparse_union([]).id, pa.dense_union([]).id)


def may_have_nulls(column: pa.Array) -> bool:
    """Whether a row of ``column`` may be NULL. Unions do not count theirs."""
    return bool(column.null_count) or column.type.id in _UNIONS


def rows_without_nulls(columns: Sequence[pa.Array]) -> pa.Array | None:
    """A boolean array, true for the rows where no column is NULL; None if that is all of them."""
    valid: pa.Array | None = None
    for column in columns:
        if may_have_nulls(column):
            import pyarrow.compute as pc

            ours = column.is_valid()
            valid = ours if valid is None else pc.and_(valid, ours)
    return valid


def evaluate_valid(
    evaluate: Callable[[Sequence[pa.Array]], pa.Array],
    columns: Sequence[pa.Array],
    valid: pa.Array,
    result_type: pa.DataType,
) -> pa.Array:
    """Evaluate the rows where ``valid`` is true, and put NULL everywhere else.

    Args:
        evaluate: makes an array of as many values as its arguments have.
        columns: the arguments.
        valid: a boolean array.
        result_type: type of the result.
    """
    import pyarrow.compute as pc

    indices = pc.indices_nonzero(valid)
    if len(indices) == 0:
        return pa.nulls(len(valid), result_type)
    if len(indices) == len(valid):
        return evaluate(columns)
    result = evaluate([column.take(indices) for column in columns])
    position = pc.if_else(valid, pc.subtract(pc.cumulative_sum(pc.cast(valid, pa.int32())), 1), None)
    return take(result, position)


def take(array: pa.Array, indices: pa.Array) -> pa.Array:
    """``array.take(indices)`` for every type, extension types included."""
    if isinstance(array.type, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(array.type, array.storage.take(indices))
    try:
        return array.take(indices)
    except pa.ArrowNotImplementedError as error:
        raise TypeError(f"NULL rows of {sql_name(array.type)} cannot be left out: {error}; use nulls='pass'") from None
