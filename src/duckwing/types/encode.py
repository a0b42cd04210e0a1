"""Python values as Arrow arrays. ``pa.array`` alone would lose what does not fit, without a word."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import operator
import struct
from builtins import type as class_of
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from . import JSON, UUID
from .forms import is_list
from .opaque import ENCODE

NoneType = class_of(None)


def encode(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    """An array of ``type`` of Python values, None for NULL.

    Raises:
        pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError: a value does not fit.
    """
    is_ = pa.types
    if isinstance(type, pa.BaseExtensionType):
        convert = _extension_encoder(type)
        if convert is not None:
            values = [None if value is None else convert(value) for value in values]
        return pa.ExtensionArray.from_storage(type, encode(values, type.storage_type))
    if is_.is_map(type):
        return _map(values, type)
    if is_list(type):
        return _list(values, type)
    if is_.is_fixed_size_list(type):
        return _fixed_size_list(values, type)
    if is_.is_struct(type):
        return _struct(values, type)
    if is_.is_union(type):
        return _union(values, type)
    exact, check = _check(type)
    if check is not None and not exact.issuperset(map(class_of, values)):
        values = [None if value is None else check(value) for value in values]
    return pa.array(values, type)


def _extension_encoder(type: pa.DataType) -> Callable[[Any], Any] | None:
    if type.equals(UUID):
        return _uuid
    return _text if type.equals(JSON) else ENCODE.get(type)


@functools.cache
def _check(type: pa.DataType) -> tuple[frozenset[Any], Callable[[Any], Any] | None]:
    """Classes whose values ``pa.array`` converts exactly, and what checks a value of another class."""
    is_ = pa.types
    if is_.is_integer(type):
        return frozenset({int, NoneType}), _integer
    if is_.is_float32(type):
        return frozenset({NoneType}), _float32
    if is_.is_date(type):
        return frozenset({datetime.date, NoneType}), _date
    unit = {"s": 1_000_000, "ms": 1000}.get(getattr(type, "unit", ""), 1)
    if is_.is_time(type):
        return frozenset({NoneType}), functools.partial(_time, unit=unit)
    if is_.is_timestamp(type):
        return frozenset({NoneType}), functools.partial(_timestamp, unit=unit, aware=type.tz is not None)
    if is_.is_duration(type):
        return frozenset({NoneType}), functools.partial(_duration, unit=unit)
    return frozenset(), None


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError("a bool is no integer")
    return operator.index(value)


def _float32(value: Any) -> Any:
    struct.pack("<f", value)  # OverflowError where pa.array would give infinity
    return value


def _date(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        if value.time() != datetime.time() or value.tzinfo is not None:
            raise ValueError("a DATE has no time of day; return value.date()")
    elif not isinstance(value, datetime.date) and isinstance(value, (int, float)):
        raise TypeError("a DATE is a datetime.date, not a number")
    return value


def _duration(value: Any, unit: int) -> Any:
    if not isinstance(value, datetime.timedelta):
        raise TypeError("an INTERVAL is a datetime.timedelta here")
    _check_fraction(value.microseconds, unit)
    return value


def _check_fraction(microseconds: int, unit: int) -> None:
    if microseconds % unit:
        raise ValueError("its fraction of a second does not fit")


def _time(value: Any, unit: int) -> Any:
    if isinstance(value, (int, float)):
        raise TypeError("a TIME is a datetime.time, not a number")
    if getattr(value, "tzinfo", None) is not None:
        raise ValueError("a TIME has no time zone; remove tzinfo, or declare TIMETZ")
    if isinstance(value, datetime.time):
        _check_fraction(value.microsecond, unit)
    return value


def _timestamp(value: Any, unit: int, aware: bool) -> Any:
    if isinstance(value, datetime.datetime):
        if aware and value.tzinfo is None:
            raise ValueError("a TIMESTAMP WITH TIME ZONE is an instant; give the datetime a tzinfo")
        if not aware and value.tzinfo is not None:
            raise ValueError("a TIMESTAMP has no time zone; remove tzinfo, or declare TIMESTAMPTZ")
        _check_fraction(value.microsecond, unit)
    elif isinstance(value, (int, float, datetime.date)):
        raise TypeError("a timestamp is a datetime.datetime")
    return value


def _uuid(value: Any) -> bytes:
    if isinstance(value, str):
        import uuid

        value = uuid.UUID(value)
    data: bytes = value.bytes
    return data


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("JSON is a string; return json.dumps(value)")
    return value


# Nested values


def _list(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    starts: list[int | None] = []
    items: list[Any] = []
    for value in values:
        starts.append(None if value is None else len(items))
        if value is not None:
            items.extend(_items(value))
    starts.append(len(items))
    lists = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), encode(items, type.value_type))
    return lists if lists.type.equals(type) else lists.cast(type)


def _fixed_size_list(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    size = type.list_size
    items: list[Any] = []
    for value in values:
        found = [None] * size if value is None else list(_items(value))
        if len(found) != size:
            raise ValueError(f"an ARRAY of {size} has {size} items, not {len(found)}")
        items.extend(found)
    return pa.FixedSizeListArray.from_arrays(encode(items, type.value_type), type=type, mask=_mask(values))


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError(f"a list is expected, not a {class_of(value).__name__}")
    items: Sequence[Any] = value
    return items


def _map(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    starts: list[int | None] = []
    keys: list[Any] = []
    items: list[Any] = []
    for value in values:
        starts.append(None if value is None else len(keys))
        if value is not None:
            for key, item in value.items() if isinstance(value, Mapping) else value:
                if key is None:
                    raise ValueError("a key of a MAP is not NULL")
                keys.append(key)
                items.append(item)
    starts.append(len(keys))
    offsets = pa.array(starts, pa.int32())
    return pa.MapArray.from_arrays(offsets, encode(keys, type.key_type), encode(items, type.item_type), type=type)


def _struct(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    names = [field.name for field in type]
    known = set(names)
    rows = [_members(value, names, known) for value in values]
    columns = [encode(column, field.type) for field, column in zip(type, _transpose(rows, len(names)), strict=True)]
    return pa.StructArray.from_arrays(columns, fields=list(type), mask=_mask(values))


def _members(value: Any, names: Sequence[str], known: set[str]) -> Sequence[Any]:
    if value is None:
        return [None] * len(names)
    if isinstance(value, Mapping):
        if not known.issuperset(value):
            unknown = ", ".join(repr(key) for key in value if key not in known)
            raise ValueError(f"the STRUCT has no member {unknown}")
        return [value.get(name) for name in names]
    given = _names(value)
    if given is not None:
        if len(given) != len(names) or not known.issuperset(given):
            raise TypeError(f"the STRUCT has the members {', '.join(names)}, not {', '.join(given)}")
        return [getattr(value, name) for name in names]
    if not isinstance(value, tuple) or len(value) != len(names):
        raise TypeError(f"a STRUCT is a dict, or a tuple of {len(names)} values")
    return value


def _names(value: Any) -> Sequence[str] | None:
    """The names of the members of a NamedTuple or dataclass."""
    if isinstance(value, tuple):
        names: Sequence[str] | None = getattr(value, "_fields", None)
        return names
    if not dataclasses.is_dataclass(value) or isinstance(value, class_of):
        return None
    return [field.name for field in dataclasses.fields(value) if field.init]


def _union(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    names = [type.field(i).name for i in range(type.num_fields)]
    codes: list[int] = []
    rows: list[list[Any]] = []
    for value in values:
        if value is not None and not (isinstance(value, tuple) and len(value) == 2 and value[0] in names):
            raise TypeError(f"a UNION is a pair of a tag ({', '.join(names)}) and a value")
        member = 0 if value is None else names.index(value[0])
        codes.append(type.type_codes[member])
        rows.append([None if value is None or i != member else value[1] for i in range(len(names))])
    columns = [encode(column, type.field(i).type) for i, column in enumerate(_transpose(rows, len(names)))]
    return pa.UnionArray.from_sparse(pa.array(codes, pa.int8()), columns, names, list(type.type_codes))


def _transpose(rows: Sequence[Sequence[Any]], columns: int) -> list[Sequence[Any]]:
    return [[row[i] for row in rows] for i in range(columns)]


def _mask(values: Sequence[Any]) -> pa.Array | None:
    absent = [value is None for value in values]
    return pa.array(absent, pa.bool_()) if any(absent) else None
