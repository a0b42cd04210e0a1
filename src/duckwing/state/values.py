"""The values of author classes as bytes: the fields of an instance by their annotations, anything else by its type.

What comes back is equal to what went in and of the same type: nothing is converted, and a value that
could only be kept as something similar is refused. No pickle: bytes become only values of the types
listed here, and of the classes that the annotations name.

The bytes are JSON. A value of a field becomes one that JSON has, by the field's :class:`Codec`; where
the annotation does not say what a value is, the value says it itself (:mod:`~duckwing.state.tagged`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import StateError
from .tagged import (
    ARROW_TYPES,
    COLLECTIONS,
    DAMAGED,
    JSON_TYPES,
    NONE,
    SCALARS,
    dump_any,
    is_numpy,
    load_any,
    shown,
    type_name,
)

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """How the values of one annotation are kept.

    Attributes:
        name: of the annotation.
        dump: a value to what JSON has. Raises ``TypeError`` for a value that the annotation does not allow.
        load: back again.
        plain: the types of values that JSON keeps as they are.
    """

    name: str
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    plain: frozenset[type] = frozenset()


def codec(annotation: Any) -> Codec:
    """The codec of a field annotated ``annotation`` (evaluated, not a string).

    Raises:
        TypeError: values of this type cannot be kept.
    """
    return _codec(annotation, {})


def dump_fields(codecs: Sequence[Codec], values: Sequence[Any]) -> bytes:
    """The values of an instance's fields, in the order of ``codecs``.

    Raises:
        TypeError: a value does not match its annotation.
    """
    for one, value in zip(codecs, values, strict=True):
        if type(value) not in one.plain:
            break
    else:
        try:
            return b"=" + _encode(values if type(values) is list else list(values)).encode()
        except ValueError:  # an integer of thousands of digits, or text with lone surrogates
            pass
    return b":" + _bytes(lambda: [one.dump(value) for one, value in zip(codecs, values, strict=True)])


def load_fields(codecs: Sequence[Codec], data: bytes) -> list[Any]:
    """What was given to :func:`dump_fields` with the same codecs.

    Raises:
        StateError: it was not given to it.
    """
    try:
        found = json.loads(data[1:])
        if data[:1] not in (b"=", b":") or len(found) != len(codecs):
            raise StateError(f"kept fields do not fit: expected {len(codecs)}; has the class changed?")
        if data[:1] == b"=":
            return list(found)
        return [one.load(value) for one, value in zip(codecs, found, strict=True)]
    except DAMAGED as error:
        raise StateError(f"kept fields do not fit {', '.join(one.name for one in codecs)}: {error}") from error


def dump_value(value: Any) -> bytes:
    """A value of any type that is kept: None, bool, int, float, str, bytes, bytearray, list, tuple, set, frozenset,
    dict, date, time, datetime, timedelta, MonthDayNano, Decimal, UUID, numpy arrays and scalars, Arrow data.

    Raises:
        TypeError: it is, or contains, something else.
    """
    return _bytes(lambda: dump_any(value))


def load_value(data: bytes) -> Any:
    """What was given to :func:`dump_value`.

    Raises:
        StateError: it was not given to it.
    """
    try:
        return load_any(json.loads(data))
    except DAMAGED as error:
        raise StateError(f"a kept value is damaged: {error}") from error


def _bytes(dump: Callable[[], Any]) -> bytes:
    try:
        return _encode(dump()).encode()
    except RecursionError:
        raise TypeError("cannot keep a value that contains itself, or is nested some hundred levels deep") from None


def _mismatch(name: str, value: Any) -> TypeError:
    return TypeError(f"cannot keep {shown(value)}, which is of type {type_name(type(value))}, as {name}")


def _codec(annotation: Any, known: dict[Any, Codec]) -> Codec:
    """See :func:`codec`; ``known`` has the classes that are being taken apart, which may contain themselves."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is object:
        return Codec("Any", dump_any, load_any, JSON_TYPES)
    if annotation is None or annotation is NONE:
        return _exact(NONE)
    if origin is typing.Annotated:
        return _codec(arguments[0], known)
    if origin in (typing.Union, types.UnionType):
        return _union([_codec(argument, known) for argument in arguments])
    if origin is typing.Literal:
        return _literal(arguments)
    if isinstance(annotation, typing.NewType):
        return _codec(annotation.__supertype__, known)
    if type(annotation).__name__ == "TypeAliasType":  # ``type X = ...``, since Python 3.12
        return _codec(annotation.__value__, known)
    kind = origin or annotation
    if not isinstance(kind, type):
        raise TypeError(f"cannot keep a field of type {type_name(annotation)}")
    if kind in SCALARS:
        return _exact(kind)
    if kind in COLLECTIONS:
        return _collection(annotation, kind, arguments, known)
    if issubclass(kind, enum.Enum):
        return _enum(kind)
    if dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return known.get(kind) or _record(kind, known)
    if issubclass(kind, ARROW_TYPES) or is_numpy(kind):
        return _instances(kind)
    raise TypeError(f"cannot keep a field of type {type_name(annotation)}")


def _exact(kind: type) -> Codec:
    """The codec of values whose type is exactly ``kind``, or one that the annotation allows beside it."""
    name = type_name(kind)
    allowed = _ALLOWED.get(kind, frozenset({kind}))
    plain = allowed & JSON_TYPES
    if not plain:
        content_of, value_of = SCALARS[kind]

        def dump_content(value: Any) -> Any:
            if type(value) is not kind:
                raise _mismatch(name, value)
            return content_of(value)

        return Codec(name, dump_content, value_of)

    def dump(value: Any) -> Any:
        if type(value) not in allowed and not _is_numpy_scalar(value, kind):
            raise _mismatch(name, value)
        return dump_any(value)

    return Codec(name, dump, load_any, plain)


def _union(members: Sequence[Codec]) -> Codec:
    name = " | ".join(member.name for member in members)
    plain = frozenset(kind for member in members for kind in member.plain)

    def dump(value: Any) -> Any:
        if value is None and NONE in plain:
            return None
        for index, member in enumerate(members):
            with contextlib.suppress(TypeError):
                return [index, member.dump(value)]
        raise _mismatch(name, value)

    def load(content: Any) -> Any:
        return None if content is None else members[content[0]].load(content[1])

    return Codec(name, dump, load, plain)


def _literal(values: tuple[Any, ...]) -> Codec:
    name = f"Literal[{', '.join(map(repr, values))}]"

    def dump(value: Any) -> Any:
        index = next((index for index, one in enumerate(values) if type(one) is type(value) and one == value), None)
        if index is None:
            raise _mismatch(name, value)
        return index

    return Codec(name, dump, lambda content: values[content])


def _collection(annotation: Any, kind: type, arguments: tuple[Any, ...], known: dict[Any, Codec]) -> Codec:
    name = type_name(annotation)
    if kind is dict:
        key, item = (_codec(argument, known) for argument in arguments or (Any, Any))
        return _checked(
            kind,
            name,
            lambda value: [[key.dump(k), item.dump(v)] for k, v in value.items()],
            lambda content: {key.load(k): item.load(v) for k, v in content},
        )
    if kind is tuple and arguments[1:2] != (...,) and annotation is not tuple and annotation is not typing.Tuple:  # noqa: UP006
        return _fixed_tuple(name, [_codec(argument, known) for argument in arguments])
    item = _codec(arguments[0] if arguments else Any, known)
    return _checked(
        kind,
        name,
        lambda value: [item.dump(one) for one in value],
        lambda content: kind(map(item.load, content)),
    )


def _fixed_tuple(name: str, members: Sequence[Codec]) -> Codec:
    def dump(value: Any) -> Any:
        if type(value) is not tuple or len(value) != len(members):
            raise _mismatch(name, value)
        return [member.dump(one) for member, one in zip(members, value, strict=True)]

    return Codec(
        name,
        dump,
        lambda content: tuple(member.load(one) for member, one in zip(members, content, strict=True)),
    )


def _enum(kind: type[enum.Enum]) -> Codec:
    members = kind.__members__
    # A combination of flags is no member of its own.
    return _checked(
        kind,
        type_name(kind),
        lambda value: value.name if value.name in members else [dump_any(value.value)],
        lambda content: members[content] if type(content) is str else kind(load_any(content[0])),
    )


def _record(kind: type, known: dict[Any, Codec]) -> Codec:
    """A dataclass or a named tuple: its fields in their order."""
    try:
        hints = typing.get_type_hints(kind, localns={kind.__name__: kind}, include_extras=True)
    except NameError as error:
        raise TypeError(f"cannot keep a field of type {type_name(kind)}: {error}") from error
    is_tuple = issubclass(kind, tuple)
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    names: Sequence[str] = kind._fields if is_tuple else [field.name for field in fields]  # type: ignore[attr-defined]
    codecs: list[Codec] = []

    def load(content: Any) -> Any:
        values = [one.load(value) for one, value in zip(codecs, content, strict=True)]
        if is_tuple:
            return tuple.__new__(kind, values)
        # As it was, whatever __init__ would do; and a frozen one has no other way.
        restored: Any = object.__new__(kind)
        for name, value in zip(names, values, strict=True):
            object.__setattr__(restored, name, value)
        return restored

    result = _checked(
        kind,
        type_name(kind),
        lambda value: [one.dump(getattr(value, name)) for one, name in zip(codecs, names, strict=True)],
        load,
    )
    known[kind] = result
    for name in names:
        codecs.append(_codec(hints.get(name, Any), known))
    return result


def _instances(kind: type) -> Codec:
    """Arrow or numpy data, of a type that the value itself says more exactly than its annotation."""
    name = type_name(kind)

    def dump(value: Any) -> Any:
        if not isinstance(value, kind):
            raise _mismatch(name, value)
        return dump_any(value)

    return Codec(name, dump, load_any)


def _checked(kind: type, name: str, dump: Callable[[Any], Any], load: Callable[[Any], Any]) -> Codec:
    def checked(value: Any) -> Any:
        if type(value) is not kind:
            raise _mismatch(name, value)
        return dump(value)

    return Codec(name, checked, load)


_ALLOWED: dict[type, frozenset[type]] = {
    int: frozenset({int, bool}),
    float: frozenset({float, int, bool}),
}
"""What else is a value of an annotation (PEP 484); it stays what it is."""


def _is_numpy_scalar(value: Any, kind: type) -> bool:
    """Whether ``value`` is a numpy scalar that can be used as a ``kind``: what sums of arrays are."""
    if not is_numpy(type(value)):
        return False
    import numpy as np

    scalars: dict[type, tuple[type, ...]] = {
        int: (np.integer, np.bool_),
        float: (np.floating, np.integer, np.bool_),
        bool: (np.bool_,),
        str: (np.str_,),
    }
    return isinstance(value, scalars.get(kind, ()))
