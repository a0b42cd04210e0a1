"""Which SQL type a plain Python or Arrow annotation stands for."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import types
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..errors import DeclarationError
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
    pa.MonthDayNano: INTERVAL,
    Any: ANY,
    object: ANY,
    pa.Scalar: ANY,
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

_EXAMPLES: dict[Any, str] = {
    decimal.Decimal: "DECIMAL(10, 2)",
    pa.Decimal128Array: "DECIMAL(10, 2)",
    pa.TimestampArray: "TIMESTAMP",
    pa.Time64Array: "TIME",
    pa.ListArray: "LIST(DOUBLE)",
    pa.FixedSizeListArray: "ARRAY(DOUBLE, 3)",
    pa.StructArray: "STRUCT({'a': BIGINT, 'b': VARCHAR})",
    pa.MapArray: "MAP(VARCHAR, BIGINT)",
    pa.UnionArray: "UNION({'a': BIGINT, 'b': VARCHAR})",
}
"""What to write with annotations that leave something open."""

_UNIONS = (typing.Union, types.UnionType)
_WRAPPERS = (
    typing.Annotated,
    typing.Required,
    typing.NotRequired,
    typing.Final,
    getattr(typing, "ReadOnly", typing.Annotated),
)


def arrow_array_type(annotation: Any) -> pa.DataType | None:
    """The type that an Arrow array class names by itself, None if it names none."""
    return _ARROW.get(annotation)


def is_arrow_array(annotation: Any) -> bool:
    """Whether ``annotation`` is a class of Arrow arrays."""
    return isinstance(annotation, type) and issubclass(annotation, (pa.Array, pa.ChunkedArray))


def python_type(annotation: Any) -> pa.DataType | None:
    """The type that a Python annotation names by itself, None if it names none (see :func:`why_untyped`).

    ``list[T]``, ``dict[K, V]``, and ``NamedTuple``, dataclass and ``TypedDict`` classes are taken apart; what is
    in them may also be ``T | None`` and ``Annotated[T, TYPE]``. ``decimal.Decimal`` names none: its precision and
    scale have to be said.
    """
    try:
        return _resolve(annotation, ())
    except _UntypedError:
        return None


def why_untyped(annotation: Any) -> str:
    """Why :func:`python_type` finds no type, and what to write instead."""
    try:
        _resolve(annotation, ())
    except _UntypedError as reason:
        return str(reason)
    raise ValueError(f"{annotation!r} has a type")


def struct_fields(cls: Any) -> list[tuple[str, pa.DataType]] | None:
    """Names and types of the members of a ``NamedTuple``, dataclass or ``TypedDict``; None for anything else.

    Raises:
        DeclarationError: an annotation of a member does not say which type it is.
    """
    try:
        return _fields(cls, ())
    except _UntypedError as reason:
        raise DeclarationError(str(reason)) from None


def value_converter(annotation: Any) -> Callable[[Any], Any] | None:
    """What makes of a value of ``to_values`` what was annotated; None if they are the same.

    A ``timedelta``, a ``dict`` of a MAP, instances of classes, and lists and dicts of them. The converter is
    not called for NULL, and raises ValueError if there is no such value.

    Raises:
        DeclarationError: an annotation of a member cannot be evaluated.
    """
    try:
        return _converter(annotation, ())
    except _UntypedError as reason:
        raise DeclarationError(str(reason)) from None


def _converter(annotation: Any, within: tuple[Any, ...]) -> Callable[[Any], Any] | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in _WRAPPERS:
        return _converter(arguments[0], within)
    if origin in _UNIONS:
        inner = [a for a in arguments if a is not type(None)]
        return _converter(inner[0], within) if len(inner) == 1 else None
    if annotation is datetime.timedelta:
        return _to_timedelta
    if annotation is dict or origin in (dict, Mapping):
        return functools.partial(_to_dict, [_or_none(a, within) for a in arguments])
    if origin in (list, Sequence):
        item = _or_none(arguments[0], within)
        return None if item is None else lambda values: [item(value) for value in values]
    if not _has_members(annotation):
        return None
    _check_recursion(annotation, within)
    members = {name: _or_none(member, (*within, annotation)) for name, member in _annotations(annotation).items()}
    converters = {name: convert for name, convert in members.items() if convert is not None}
    if _is_typed_dict(annotation):
        return functools.partial(_to_members, converters) if converters else None
    return lambda value: annotation(**_to_members(converters, value))


def _or_none(annotation: Any, within: tuple[Any, ...]) -> Callable[[Any], Any] | None:
    convert = _converter(annotation, within)
    return None if convert is None else lambda value: None if value is None else convert(value)


def _to_timedelta(value: Any) -> datetime.timedelta:
    months, days, nanoseconds = value
    if months:
        raise ValueError(f"an INTERVAL of months has no timedelta; annotate with pyarrow.MonthDayNano: {value}")
    return datetime.timedelta(days=days, microseconds=nanoseconds // 1000)


def _to_dict(converters: Sequence[Callable[[Any], Any] | None], value: Any) -> Any:
    """A MAP, which is a list of pairs. (A STRUCT annotated as ``dict`` is one already.)"""
    if isinstance(value, dict):
        return value
    key, item = converters or (None, None)
    try:
        return {k if key is None else key(k): v if item is None else item(v) for k, v in value}
    except TypeError as error:
        raise ValueError(f"a MAP with such keys is no dict ({error}); annotate with list") from None


def _to_members(converters: Mapping[str, Callable[[Any], Any]], value: dict[str, Any]) -> dict[str, Any]:
    for name, convert in converters.items():
        value[name] = convert(value[name])
    return value


class _UntypedError(Exception):
    """An annotation that names no type; the message says what to write instead."""


def _resolve(annotation: Any, within: tuple[Any, ...]) -> pa.DataType:
    """The type of ``annotation``, found inside the classes ``within``."""
    known = _PYTHON.get(annotation) if isinstance(annotation, Hashable) else None
    if known is not None:
        return known
    if getattr(annotation, "__module__", "") == "uuid" and getattr(annotation, "__name__", "") == "UUID":
        return UUID
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, Sequence) and arguments:
        return pa.list_(_resolve_part(annotation, arguments[0], within))
    if origin in (dict, Mapping) and len(arguments) == 2:
        key, value = (_resolve_part(annotation, argument, within) for argument in arguments)
        return pa.map_(key, value)
    fields = _fields(annotation, within)
    if fields is None:
        raise _UntypedError(_advice(annotation))
    return pa.struct(fields)


def _resolve_part(whole: Any, annotation: Any, within: tuple[Any, ...]) -> pa.DataType:
    try:
        return _resolve_member(annotation, within)
    except _UntypedError as reason:
        raise _UntypedError(f"{_shown(whole)}: {reason}") from None


def _resolve_member(annotation: Any, within: tuple[Any, ...]) -> pa.DataType:
    """As :func:`_resolve`, with ``T | None`` and ``Annotated[T, TYPE]`` taken apart."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in _WRAPPERS:
        given = next((extra for extra in arguments[1:] if isinstance(extra, pa.DataType)), None)
        return given if given is not None else _resolve_member(arguments[0], within)
    if origin in _UNIONS:
        inner = [a for a in arguments if a is not type(None)]
        if len(inner) == 1:
            return _resolve_member(inner[0], within)
    known = _resolve(annotation, within)
    if known.equals(ANY):
        raise _UntypedError(f"{_shown(annotation)} does not say which SQL type it is, which it must within another")
    return known


def _fields(cls: Any, within: tuple[Any, ...]) -> list[tuple[str, pa.DataType]] | None:
    if not _has_members(cls):
        return None
    _check_recursion(cls, within)
    fields: list[tuple[str, pa.DataType]] = []
    for name, annotation in _annotations(cls).items():
        try:
            fields.append((name, _resolve_member(annotation, (*within, cls))))
        except _UntypedError as reason:
            raise _UntypedError(f"member '{name}' of {cls.__name__}: {reason}") from None
    if not fields:
        raise _UntypedError(f"{cls.__name__} has no annotated members, and a STRUCT has at least one")
    return fields


def _check_recursion(cls: Any, within: tuple[Any, ...]) -> None:
    if cls in within:
        raise _UntypedError(f"{cls.__name__} contains itself, which no STRUCT can")


def _annotations(cls: Any) -> dict[str, Any]:
    """Members of a class and their annotations, in order; those that a dataclass computes itself left out."""
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise _UntypedError(
            f"an annotation in {cls.__name__} cannot be evaluated ({error}); "
            "annotations must name types that exist at module level"
        ) from None
    if dataclasses.is_dataclass(cls):
        return {field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init}
    return hints if _is_typed_dict(cls) else {name: hints[name] for name in cls._fields if name in hints}


def _has_members(cls: Any) -> bool:
    if not isinstance(cls, type):
        return False
    return dataclasses.is_dataclass(cls) or _is_typed_dict(cls) or (issubclass(cls, tuple) and hasattr(cls, "_fields"))


def _is_typed_dict(cls: Any) -> bool:
    return issubclass(cls, dict) and hasattr(cls, "__total__")


def _advice(annotation: Any) -> str:
    shown = _shown(annotation)
    unsaid = f"{shown} does not say which SQL type it is"
    base = typing.get_origin(annotation) or annotation
    if base is tuple:
        return f"{unsaid}: members of a STRUCT have names; use a NamedTuple or a dataclass"
    if base in (list, dict, Sequence, Mapping):
        return f"{unsaid}; write {'list[int]' if base in (list, Sequence) else 'dict[str, int]'}, say"
    if base in _UNIONS:
        return f"{unsaid}; for either of several, write Annotated[tuple, UNION({{'a': BIGINT, 'b': VARCHAR}})], say"
    example = _EXAMPLES.get(annotation, "BIGINT") if isinstance(annotation, Hashable) else "BIGINT"
    return (
        f"{unsaid}; write Annotated[{shown}, TYPE] with a type from duckwing.types, "
        f"such as Annotated[{shown}, {example}]"
    )


def _shown(annotation: Any) -> str:
    if not isinstance(annotation, type):
        return repr(annotation).replace("typing.", "")
    return f"pa.{annotation.__name__}" if is_arrow_array(annotation) else annotation.__name__
