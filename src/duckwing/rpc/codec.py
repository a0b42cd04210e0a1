"""Frozen dataclasses as Arrow records, and back (spec 01, section 17).

A message is declared once, as a frozen dataclass; its annotations give the Arrow schema::

    @dataclass(frozen=True)
    class Greeting:
        name: str                                    # utf8, not null
        times: Annotated[int, pa.int32()] = 1        # an explicit Arrow type
        title: str | None = None                     # nullable
        tags: Mapping[str, str | None] = EMPTY_MAP   # map<utf8, utf8>
        parts: tuple[Annotated[Part, NESTED], ...] = ()   # list<binary>: an IPC stream each

    encode(Greeting("duck"))         # -> bytes: an Arrow IPC stream of one row
    decode(Greeting, data)           # -> Greeting

=============================  ====================================================
annotation                     Arrow
=============================  ====================================================
``str bytes int float bool``   ``utf8 binary int64 float64 bool``
``T | None``                   the type of T, nullable
``list[T]``, ``tuple[T, ...]`` ``list<item: T>``, items nullable
``set[T]``, ``frozenset[T]``   the same, in any order
``dict[K, V]``, ``Mapping``    ``map<K, V>``
``Enum`` subclass              ``dictionary<int16, utf8>``, by member name
dataclass                      ``struct`` of its fields
``Annotated[D, NESTED]``       ``binary``: the IPC stream of the record D
``pa.Schema``                  ``binary``: a schema message
``pa.RecordBatch``             ``binary``: an IPC stream of one batch
``Annotated[T, arrow_type]``   ``arrow_type``
=============================  ====================================================
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import operator
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from .errors import CodecError, MalformedMessage
from .framing import END_OF_STREAM, batch_of_rows, empty_batch, has_dictionaries, read_stream, stream_bytes
from .limits import DEFAULT_LIMITS, Limits

NESTED: typing.Final = "nested"
"""Marks a dataclass annotation as ``binary`` that holds the record's own IPC stream."""


class _EmptyMap(Mapping[Any, Any]):
    """An empty mapping that is hashable, because dataclasses refuse other defaults."""

    __slots__ = ()

    def __getitem__(self, key: object) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "EMPTY_MAP"


EMPTY_MAP: Mapping[Any, Any] = _EmptyMap()
"""Default for a map field: an empty mapping that nobody can write to."""


class Record(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


R = TypeVar("R", bound=Record)

Convert = Callable[[Any], Any]


class ValueType(NamedTuple):
    """How values of one annotation travel; ``None`` as converter means "as they are"."""

    type: pa.DataType
    nullable: bool = False
    encode: Convert | None = None
    decode: Convert | None = None

    def array(self, value: object, name: str) -> pa.Array:
        """A one-element Arrow array of ``value``; ``name`` is for the error message."""
        try:
            plain = self.to_plain(value, name)
            # pa.array([None]) of a struct with an enum in it is not valid Arrow.
            return pa.nulls(1, self.type) if plain is None else pa.array([plain], self.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise CodecError(f"{name} cannot be written as {self.type}: {error}") from error

    def value(self, array: pa.Array, name: str) -> Any:
        """The Python value of the first element of ``array``.

        Raises:
            CodecError: it is null where it must not be, or of another type.
        """
        if not _same_kind(array.type, self.type):
            raise CodecError(f"{name} must be {self.type}, got {array.type}")
        return self.first(array, name)

    def first(self, array: pa.Array, name: str) -> Any:
        """As :meth:`value`, of an array whose type has been looked at."""
        try:
            if array.type.id in _FINE:
                array = _exact(array.slice(0, 1))
            return self.from_plain(array[0].as_py(), name)
        except (pa.ArrowException, KeyError, ValueError, TypeError, OverflowError, MalformedMessage) as error:
            raise CodecError(f"{name} cannot be read: {error}") from error

    def to_plain(self, value: Any, name: str) -> Any:
        """``value`` as pyarrow takes it."""
        if value is None:
            if not self.nullable:
                raise CodecError(f"{name} must not be null")
            return None
        return self.encode(value) if self.encode else value

    def from_plain(self, value: Any, name: str) -> Any:
        """``value``, which pyarrow gave, as the annotation says."""
        if value is None:
            if not self.nullable:
                raise CodecError(f"{name} must not be null")
            return None
        return self.decode(value) if self.decode else value


class RecordType(NamedTuple):
    """The Arrow form of a dataclass."""

    cls: type
    schema: pa.Schema
    fields: Mapping[str, ValueType]
    optional: frozenset[str]


@functools.cache
def record_type(cls: type[Record]) -> RecordType:
    """The Arrow form of the dataclass ``cls``.

    Raises:
        TypeError: an annotation has no Arrow form.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    fields: dict[str, ValueType] = {}
    optional = set()
    for field in dataclasses.fields(cls):
        fields[field.name] = value_type(hints[field.name])
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if has_default:
            optional.add(field.name)
    schema = pa.schema([pa.field(name, t.type, nullable=t.nullable) for name, t in fields.items()])
    return RecordType(cls, schema, fields, frozenset(optional))


def schema_of(cls: type[Record]) -> pa.Schema:
    """The Arrow schema of the records of ``cls``."""
    return record_type(cls).schema


def to_batch(record: Record) -> pa.RecordBatch:
    """``record`` as a batch of one row."""
    form = record_type(type(record))
    if not form.fields:
        return batch_of_rows(1)
    name = type(record).__name__
    defaults = _defaults(form.cls)
    arrays = []
    for f, t in form.fields.items():
        value = getattr(record, f)
        default = defaults.get(f)
        # Most fields of most records have their default, and a listing has thousands of records.
        if default is not None and value is default.value:
            arrays.append(default.array)
        else:
            arrays.append(t.array(value, f"{name}.{f}"))
    return pa.RecordBatch.from_arrays(arrays, schema=form.schema)


class _Default(NamedTuple):
    """The default of a field, and the array in which it travels."""

    value: object
    array: pa.Array


@functools.cache
def _defaults(cls: type[Record]) -> Mapping[str, _Default]:
    """The fields of ``cls`` whose default is one object for all records."""
    fields = record_type(cls).fields
    return {
        f.name: _Default(f.default, fields[f.name].array(f.default, f"{cls.__name__}.{f.name}"))
        for f in dataclasses.fields(cls)
        if f.default is not dataclasses.MISSING
    }


@functools.cache
def _opening(cls: type[Record]) -> bytes | None:
    """The schema message of the records of ``cls``; None if dictionaries come between it and the batch."""
    schema = record_type(cls).schema
    return None if has_dictionaries(schema) else encode_schema(schema)


def from_batch(cls: type[R], batch: pa.RecordBatch) -> R:
    """The record in the only row of ``batch``.

    Fields are found by name. Unknown ones are ignored; an absent one takes its default, or
    None where it is nullable; so peers of other patch versions are understood.

    Raises:
        CodecError: ``batch`` is no such record.
    """
    form = record_type(cls)
    name = cls.__name__
    if batch.num_rows != 1 and form.fields:
        raise CodecError(f"{name} must have exactly one row, got {batch.num_rows}")
    if batch.schema.equals(form.schema):
        columns = zip(form.fields.items(), batch.columns, strict=True)
        return _make(cls, form, {field: t.first(column, f"{name}.{field}") for (field, t), column in columns})
    names = batch.schema.names
    if len(set(names)) != len(names):
        raise CodecError(f"{name} has a field twice: {names}")
    values: dict[str, Any] = {}
    for index, field in enumerate(names):
        form_of_field = form.fields.get(field)
        if form_of_field is not None:
            values[field] = form_of_field.value(batch.column(index), f"{name}.{field}")
    return _make(cls, form, values)


def _make(cls: type[R], form: RecordType, values: dict[str, Any]) -> R:
    """A record of ``cls`` from ``values``, where absent fields take their defaults."""
    for field, form_of_field in form.fields.items():
        if field not in values and field not in form.optional:
            if not form_of_field.nullable:
                raise CodecError(f"{cls.__name__}.{field} is missing")
            values[field] = None
    try:
        return cls(**values)
    except (ValueError, TypeError) as error:
        raise CodecError(f"{cls.__name__} cannot be made: {error}") from error


def encode(record: Record) -> bytes:
    """``record`` as the bytes of an Arrow IPC stream of one row."""
    opening = _opening(type(record))
    batch = to_batch(record)
    return stream_bytes(batch) if opening is None else b"".join((opening, batch.serialize(), END_OF_STREAM))


def decode(cls: type[R], data: bytes | pa.Buffer, limits: Limits = DEFAULT_LIMITS) -> R:
    """The record in an Arrow IPC stream of one row.

    Raises:
        CodecError: the stream holds no such record.
        MalformedMessage: ``data`` is no Arrow stream.
    """
    return from_batch(cls, decode_batch(data, limits))


def decode_batch(data: bytes | pa.Buffer, limits: Limits = DEFAULT_LIMITS) -> pa.RecordBatch:
    """The only batch of an Arrow IPC stream; an empty batch if the stream has a schema only.

    Raises:
        MalformedMessage: ``data`` is no Arrow stream, or has several batches.
    """
    schema, batches = read_stream(data, limits)
    if len(batches) > 1:
        raise MalformedMessage(f"expected a stream of one batch, got {len(batches)}")
    return batches[0].data if batches else empty_batch(schema)


def decode_schema(data: bytes) -> pa.Schema:
    """The schema in a schema message or in an IPC stream (spec 01, section 17.4).

    Raises:
        MalformedMessage: ``data`` holds no schema.
    """
    return read_stream(data)[0]


def encode_batch(batch: pa.RecordBatch) -> bytes:
    """``batch`` as the bytes of an IPC stream."""
    return stream_bytes(batch)


def encode_schema(schema: pa.Schema) -> bytes:
    """``schema`` as the bytes of a schema message."""
    data: bytes = schema.serialize().to_pybytes()
    return data


_FINE = frozenset(
    type.id for type in (pa.date64(), pa.time32("s"), pa.time64("us"), pa.timestamp("ns"), pa.duration("ns"))
)
"""Types with values that Python has not, of which pyarrow would make other values."""


def _exact(array: pa.Array) -> pa.Array:
    """``array`` in a type of which pyarrow makes Python values as they are.

    Raises:
        pa.ArrowInvalid: Python has no such value.
    """
    array.validate(full=True)
    type = array.type
    if type.id == pa.date64().id:
        return array.cast(pa.date32())
    if type.unit != "ns":
        return array
    if pa.types.is_time(type):
        return array.cast(pa.time64("us"))
    return array.cast(pa.timestamp("us", type.tz) if pa.types.is_timestamp(type) else pa.duration("us"))


_PLAIN: dict[object, pa.DataType] = {
    str: pa.utf8(),
    bytes: pa.binary(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}

_ENUM = pa.dictionary(pa.int16(), pa.utf8())


def value_type(annotation: Any) -> ValueType:
    """How values with this annotation travel.

    Raises:
        TypeError: the annotation has no Arrow form.
    """
    plain = _PLAIN.get(annotation)
    if plain is not None:
        return _plain(plain)
    if isinstance(annotation, typing.NewType):
        return value_type(annotation.__supertype__)
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        base, *extras = typing.get_args(annotation)
        if NESTED in extras:
            return _nested(base)
        for extra in extras:
            if isinstance(extra, pa.DataType):
                return _plain(extra)
        return value_type(base)
    arguments = typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if a is not type(None)]
        if len(inner) != 1 or len(inner) == len(arguments):
            raise TypeError(f"{annotation} has no Arrow form: only T | None is a union that travels")
        return value_type(inner[0])._replace(nullable=True)
    if origin in (list, set, frozenset) or (origin is tuple and len(arguments) == 2 and arguments[1] is ...):
        return _list(value_type(arguments[0]), origin)
    if origin is dict or origin is Mapping:
        return _map(value_type(arguments[0]), value_type(arguments[1]))
    if isinstance(annotation, type):
        if issubclass(annotation, enum.Enum):
            members = annotation.__members__
            return ValueType(
                _ENUM,
                False,
                lambda member: member.name,
                lambda name: members[name] if name in members else members[name.upper()],
            )
        if dataclasses.is_dataclass(annotation):
            return _struct(annotation)
        if issubclass(annotation, pa.Schema):
            return ValueType(pa.binary(), False, encode_schema, decode_schema)
        if issubclass(annotation, pa.RecordBatch):
            return ValueType(pa.binary(), False, encode_batch, decode_batch)
    raise TypeError(f"{annotation!r} has no Arrow form in a record")


def result_type(annotation: Any) -> ValueType:
    """How the result of a method travels: as :func:`value_type`, but a record is nested.

    Raises:
        TypeError: the annotation has no Arrow form.
    """
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        if len(inner) == 1 and dataclasses.is_dataclass(inner[0]):
            return _nested(inner[0])._replace(nullable=True)
    return _nested(annotation) if dataclasses.is_dataclass(annotation) else value_type(annotation)


def _plain(type: pa.DataType) -> ValueType:
    # Arrow would cut the fraction off a float that is written as an integer.
    return ValueType(type, False, operator.index if pa.types.is_integer(type) else None)


def _nested(cls: Any) -> ValueType:
    return ValueType(pa.binary(), False, encode, functools.partial(decode, cls))


def _struct(cls: type[Record]) -> ValueType:
    form = record_type(cls)

    def to_dict(record: Any) -> dict[str, Any]:
        return {name: t.to_plain(getattr(record, name), f"{cls.__name__}.{name}") for name, t in form.fields.items()}

    def from_dict(values: Mapping[str, Any]) -> Any:
        known = {
            name: t.from_plain(values[name], f"{cls.__name__}.{name}")
            for name, t in form.fields.items()
            if name in values
        }
        return _make(cls, form, known)

    return ValueType(pa.struct(list(form.schema)), False, to_dict, from_dict)


def _list(item: ValueType, container: Any) -> ValueType:
    encode_item, decode_item = item.encode, item.decode

    def to_list(values: Iterable[Any]) -> list[Any]:
        if isinstance(values, (str, bytes)):
            raise TypeError("expected several values, got one text")
        return [encode_item(v) if encode_item and v is not None else v for v in values]

    def from_list(values: list[Any]) -> Any:
        return container(decode_item(v) if decode_item and v is not None else v for v in values)

    return ValueType(pa.list_(pa.field("item", item.type, nullable=True)), False, to_list, from_list)


def _map(key: ValueType, value: ValueType) -> ValueType:
    if key.decode or value.decode:
        raise TypeError("maps carry plain keys and values only")
    encode_key, encode_value = key.encode, value.encode

    def to_pairs(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
        return [
            (encode_key(k) if encode_key else k, encode_value(v) if encode_value and v is not None else v)
            for k, v in mapping.items()
        ]

    type = pa.map_(key.type, pa.field("value", value.type, nullable=True))
    return ValueType(type, False, to_pairs, dict)


def _same_kind(actual: pa.DataType, expected: pa.DataType) -> bool:
    if actual.equals(expected):
        return True
    if pa.types.is_dictionary(expected):
        return bool(pa.types.is_string(actual) or (pa.types.is_dictionary(actual) and actual.value_type == pa.utf8()))
    if actual.id != expected.id:
        return False
    # Units, precisions, and the names of list items and map entries are free: values are read one by one.
    if pa.types.is_map(expected):
        return _same_kind(actual.key_type, expected.key_type) and _same_kind(actual.item_type, expected.item_type)
    if pa.types.is_struct(expected):
        # A struct without any field of ours could claim any length at no cost, so it is refused.
        known = [child for child in actual if expected.get_field_index(child.name) >= 0]
        return bool(known) and all(_same_kind(child.type, expected.field(child.name).type) for child in known)
    if pa.types.is_nested(expected) and expected.num_fields == 1:
        return _same_kind(actual.field(0).type, expected.field(0).type)
    return True
