"""Arrow's numbers as NumPy sees them: views where that is possible.

pyarrow's own ``to_numpy`` imports pandas, where it is installed, which takes a worker longer than its whole start.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def to_numpy(array: pa.Array) -> Any:
    """What ``array.to_numpy(zero_copy_only=False)`` returns; a view, which cannot be written to, if that is enough."""
    import numpy as np

    type, length, offset = array.type, len(array), array.offset
    if array.null_count:
        return array.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(type):
        if not length:
            return np.empty(0, bool)
        bits = np.frombuffer(array.buffers()[1], np.uint8)
        return np.unpackbits(bits, count=offset + length, bitorder="little")[offset:].view(bool)
    kind = _kind(type)
    if kind is None:
        return array.to_numpy(zero_copy_only=False)
    dtype = np.dtype(kind)
    if not length:
        return np.empty(0, dtype)
    view = np.frombuffer(array.buffers()[1], dtype, length, offset * dtype.itemsize)
    view.flags.writeable = False
    return view


def _kind(type: pa.DataType) -> str | None:
    """NumPy's name for the type of a number."""
    if pa.types.is_integer(type):
        return str(type)
    if pa.types.is_floating(type):
        return f"float{type.bit_width}"
    return None
