"""Python values as the arguments of a call (spec 06, section 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..rpc.codec import encode_batch
from ..types.values import array_of_one


def encode_arguments(positional: Sequence[Any], named: Mapping[str, Any]) -> bytes:
    """The ``arguments`` cell of a bind request.

    Args:
        positional: Python values, or Arrow scalars or arrays of one value where the type matters.
        named: the same, by name.
    """
    values = {f"positional_{i}": _array(value) for i, value in enumerate(positional)}
    values |= {f"named_{name}": _array(value) for name, value in named.items()}
    if values:
        record = pa.StructArray.from_arrays(list(values.values()), names=list(values))
    else:
        record = pa.nulls(1, pa.struct([]))
    return encode_batch(pa.RecordBatch.from_arrays([record], names=["args"]))


def _array(value: Any) -> pa.Array:
    if isinstance(value, pa.Array):
        return value
    if isinstance(value, pa.Scalar):
        return pa.array([value.as_py()], value.type)
    return array_of_one(value)
