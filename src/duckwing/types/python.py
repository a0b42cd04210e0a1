"""Which SQL type a plain Python or Arrow annotation stands for."""

from __future__ import annotations

import datetime
import decimal
import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from . import ANY, BIGINT, BLOB, BOOLEAN, DATE, DOUBLE, INTERVAL, TIME, TIMESTAMP, UUID, VARCHAR

_PYTHON: dict[Any, pa.DataType] = {
    bool: BOOLEAN,
    int: BIGINT,
    float: DOUBLE,
    str: VARCHAR,
    bytes: BLOB,
    datetime.date: DATE,
    datetime.datetime: TIMESTAMP,
    datetime.time: TIME,
    datetime.timedelta: INTERVAL,
    Any: ANY,
    object: ANY,
}

_ARROW: dict[Any, pa.DataType] = {
    pa.Array: ANY,
    pa.BooleanArray: BOOLEAN,
    pa.Int8Array: pa.int8(),
    pa.Int16Array: pa.int16(),
    pa.Int32Array: pa.int32(),
    pa.Int64Array: pa.int64(),
    pa.UInt8Array: pa.uint8(),
    pa.UInt16Array: pa.uint16(),
    pa.UInt32Array: pa.uint32(),
    pa.UInt64Array: pa.uint64(),
    pa.FloatArray: pa.float32(),
    pa.DoubleArray: pa.float64(),
    pa.StringArray: VARCHAR,
    pa.BinaryArray: BLOB,
    pa.Date32Array: DATE,
    pa.MonthDayNanoIntervalArray: INTERVAL,
    pa.UuidArray: UUID,
}


def arrow_array_type(annotation: Any) -> pa.DataType | None:
    """The type that an Arrow array class names by itself, None if it names none."""
    return _ARROW.get(annotation)


def is_arrow_array(annotation: Any) -> bool:
    """Whether ``annotation`` is a class of Arrow arrays."""
    return isinstance(annotation, type) and issubclass(annotation, (pa.Array, pa.ChunkedArray))


def python_type(annotation: Any) -> pa.DataType | None:
    """The type that a Python annotation names by itself, None if it names none.

    ``decimal.Decimal`` names none: its precision and scale have to be said.
    """
    known = _PYTHON.get(annotation) if isinstance(annotation, Hashable) else None
    if known is not None:
        return known
    if annotation is decimal.Decimal:
        return None
    if getattr(annotation, "__module__", "") == "uuid" and getattr(annotation, "__name__", "") == "UUID":
        return UUID
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, Sequence) and arguments:
        item = nested_type(arguments[0])
        return pa.list_(item) if item is not None else None
    if origin in (dict, Mapping) and len(arguments) == 2:
        key, value = nested_type(arguments[0]), nested_type(arguments[1])
        return pa.map_(key, value) if key is not None and value is not None else None
    return None


def nested_type(annotation: Any) -> pa.DataType | None:
    """As :func:`python_type`, with ``T | None`` and ``Annotated[T, TYPE]`` taken apart."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        for extra in arguments[1:]:
            if isinstance(extra, pa.DataType):
                return extra
        return nested_type(arguments[0])
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if a is not type(None)]
        return nested_type(inner[0]) if len(inner) == 1 else None
    known = python_type(annotation)
    return None if known is None or known.equals(ANY) else known
