"""Values that say themselves what they are, as JSON.

A value that JSON keeps as it is stays so; any other becomes ``[tag, content]``.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import reprlib
import sys
import typing
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

NONE = type(None)
JSON_TYPES: frozenset[type] = frozenset({int, float, str, bool, NONE})
"""Types whose values JSON keeps, integers of thousands of digits and lone surrogates excepted."""


def dump_any(value: Any) -> Any:
    """``value`` as what JSON has.

    Raises:
        TypeError: it is, or contains, what cannot be kept.
    """
    kind = type(value)
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else ["int", hex(value)]
    if kind is str:
        return value if _is_text(value) else ["str", _base64(value.encode("utf-8", "surrogatepass"))]
    if kind in JSON_TYPES:
        return value
    if kind in SCALARS:
        return [kind.__name__, SCALARS[kind][0](value)]
    if kind is dict:
        return ["dict", [[dump_any(k), dump_any(v)] for k, v in value.items()]]
    if kind in COLLECTIONS:
        return [kind.__name__, [dump_any(one) for one in value]]
    for arrow, tag in _ARROW_TAGS:
        if isinstance(value, arrow):
            return [tag, _base64(_dump_arrow(value))]
    if is_numpy(kind):
        return ["numpy", *_dump_numpy(value)]
    raise TypeError(f"cannot keep {shown(value)}: values of type {type_name(kind)} are not supported")


def load_any(content: Any) -> Any:
    """The value that :func:`dump_any` made ``content`` of; any of ``DAMAGED`` if it did not."""
    if type(content) is not list:
        return content
    tag, inner = content[0], content[1]
    if tag == "int":
        return int(inner, 16)
    if tag == "str":
        return base64.b64decode(inner).decode("utf-8", "surrogatepass")
    if tag == "dict":
        return {load_any(k): load_any(v) for k, v in inner}
    if tag == "numpy":
        return _load_numpy(inner, content[2])
    kind = _TAGS.get(tag)
    if kind is None:
        return _load_arrow(tag, base64.b64decode(inner))
    if kind in COLLECTIONS:
        return kind(map(load_any, inner))
    return SCALARS[kind][1](inner)


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _base64(data: Any) -> str:
    return base64.b64encode(data).decode("ascii")


def _dump_time(value: datetime.time | datetime.datetime) -> Any:
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return [naive, value.fold, _dump_zone(value.tzinfo)]


def _load_time(content: Any) -> datetime.time:
    return datetime.time.fromisoformat(content[0]).replace(fold=content[1], tzinfo=_load_zone(content[2]))


def _load_datetime(content: Any) -> datetime.datetime:
    return datetime.datetime.fromisoformat(content[0]).replace(fold=content[1], tzinfo=_load_zone(content[2]))


def _dump_zone(zone: datetime.tzinfo | None) -> Any:
    if zone is None:
        return None
    zoneinfo: Any = sys.modules.get("zoneinfo")  # whoever has such a zone has it loaded
    if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo:
        key: str | None = getattr(zone, "key", None)
        if key is not None:
            return key
    if type(zone) is datetime.timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
        return [_dump_timedelta(offset), *name]
    raise TypeError(
        f"cannot keep a time zone of type {type_name(type(zone))}: use datetime.timezone or zoneinfo.ZoneInfo"
    )


def _load_zone(content: Any) -> datetime.tzinfo | None:
    if content is None:
        return None
    if type(content) is str:
        import zoneinfo

        return zoneinfo.ZoneInfo(content)
    return datetime.timezone(_load_timedelta(content[0]), *content[1:])


def _dump_timedelta(value: datetime.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _load_timedelta(content: Any) -> datetime.timedelta:
    return datetime.timedelta(*content)


SCALARS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    int: (dump_any, load_any),
    float: (dump_any, load_any),
    str: (dump_any, load_any),
    bool: (dump_any, load_any),
    NONE: (dump_any, load_any),
    bytes: (_base64, base64.b64decode),
    bytearray: (_base64, lambda content: bytearray(base64.b64decode(content))),
    datetime.date: (datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.time: (_dump_time, _load_time),
    datetime.datetime: (_dump_time, _load_datetime),
    datetime.timedelta: (_dump_timedelta, _load_timedelta),
    decimal.Decimal: (str, decimal.Decimal),
    uuid.UUID: (str, uuid.UUID),
    pa.MonthDayNano: (list, pa.MonthDayNano),
}
"""Types without parts: what JSON keeps of a value, and the value from that."""

COLLECTIONS = frozenset({list, tuple, set, frozenset, dict})

_TAGS: dict[str, type] = {kind.__name__: kind for kind in (*SCALARS, *COLLECTIONS)}


_ARROW_TAGS: tuple[tuple[type, str], ...] = (
    (pa.Array, "arrow array"),
    (pa.ChunkedArray, "arrow chunks"),
    (pa.RecordBatch, "arrow batch"),
    (pa.Table, "arrow table"),
    (pa.Scalar, "arrow scalar"),
    (pa.Schema, "arrow schema"),
)
ARROW_TYPES = tuple(kind for kind, _ in _ARROW_TAGS)


def _dump_arrow(value: Any) -> Any:
    if isinstance(value, pa.Schema):
        return value.serialize()
    if isinstance(value, pa.RecordBatch):
        return _stream(value.schema, [value])
    if isinstance(value, pa.Table):
        return _stream(value.schema, value.to_batches())
    if isinstance(value, pa.Scalar):
        value = pa.repeat(value, 1)
    chunks = value.chunks if isinstance(value, pa.ChunkedArray) else [value]
    schema = pa.schema([pa.field("", value.type)])
    return _stream(schema, [pa.RecordBatch.from_arrays([chunk], schema=schema) for chunk in chunks])


def _stream(schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def _load_arrow(tag: str, data: bytes) -> Any:
    if tag == "arrow schema":
        return pa.ipc.read_schema(pa.py_buffer(data))
    reader = pa.ipc.open_stream(data)
    if tag == "arrow table":
        return reader.read_all()
    batches = list(reader)
    if tag == "arrow batch":
        return batches[0]
    columns = [batch.column(0) for batch in batches]
    if tag == "arrow chunks":
        return pa.chunked_array(columns, type=reader.schema.field(0).type)
    if tag == "arrow array":
        return columns[0]
    if tag == "arrow scalar":
        return columns[0][0]
    raise ValueError(f"there is no type {tag!r}")


def is_numpy(kind: type) -> bool:
    """Whether ``kind`` is the class of arrays, or one of numpy's scalars. Whoever has such a class has numpy loaded."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and (kind is numpy.ndarray or issubclass(kind, numpy.generic))


def _dump_numpy(value: Any) -> tuple[str, bool]:
    """The content of a ``.npy`` file, and whether it is a scalar."""
    import numpy as np

    if value.dtype.hasobject or value.dtype.kind == "T":
        raise TypeError(f"cannot keep a numpy array of {value.dtype}: its values are Python objects")
    sink = io.BytesIO()
    np.lib.format.write_array(sink, np.asanyarray(value), version=(3, 0), allow_pickle=False)
    return _base64(sink.getbuffer()), isinstance(value, np.generic)


def _load_numpy(content: str, is_scalar: bool) -> Any:
    import numpy as np

    array = np.lib.format.read_array(io.BytesIO(base64.b64decode(content)), allow_pickle=False)
    return array[()] if is_scalar else array


def shown(value: Any) -> str:
    """How messages show a value: short, whatever it is."""
    try:
        return reprlib.repr(value)
    except Exception:
        return f"a value of type {type_name(type(value))}"


def type_name(annotation: Any) -> str:
    """How messages call a type or another annotation."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return "None" if annotation is NONE else annotation.__qualname__
    return repr(annotation) if isinstance(annotation, str) else str(annotation)


DAMAGED = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, pa.ArrowException)
"""What is raised when content is loaded that was not dumped."""
