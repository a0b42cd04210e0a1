"""The constant arguments of a call, as bind receives them (spec 05, section 3.2, and 06, section 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError
from ..rpc.codec import decode_batch, encode_batch
from ..rpc.errors import MalformedMessage
from ..types.convert import Converter, from_duckdb
from ..types.names import sql_name
from ..types.values import to_values
from .signature import Parameter

_POSITIONAL = "positional_"
_NAMED = "named_"

_ARG = "arg_"

_PACKED = "_duckwing_arguments"
"""A named argument that holds all others, for the scans of tables. The client hands on any named argument
that a table says; but of values that are neither numbers nor text it hands on the text (spec 04, section 7.1)."""


@dataclass(frozen=True)
class Arguments:
    """Constant arguments, each an Arrow array of one value.

    Attributes:
        positional: those passed by position.
        named: those passed by name, under the name as the caller wrote it, in lower case.
    """

    positional: Sequence[pa.Array] = ()
    named: Mapping[str, pa.Array] = ()  # type: ignore[assignment]

    @classmethod
    def decode(cls, data: bytes) -> Arguments:
        """Read the ``arguments`` cell of a bind request; every form of "none" is understood.

        Raises:
            ArgumentError: they cannot be read, or the positional ones have a gap.
        """
        if not data:
            return cls((), {})
        try:
            batch = decode_batch(data)
        except MalformedMessage as error:
            raise ArgumentError(f"the arguments cannot be read: {error}") from None
        if batch.num_columns == 0 or batch.num_rows == 0 or not batch.column(0).is_valid()[0].as_py():
            return cls((), {})
        record = batch.column(0)
        positional: dict[int, pa.Array] = {}
        named: dict[str, pa.Array] = {}
        for index in range(record.type.num_fields):
            name, value = record.type.field(index).name, record.field(index)
            number = name.removeprefix(_POSITIONAL)
            if number != name and number.isdecimal():
                positional[int(number)] = value
            else:
                named[name.removeprefix(_NAMED).casefold()] = value
        packed = named.get(_PACKED)
        if packed is not None:
            return _unpacked(decode_batch(packed[0].as_py()))
        if sorted(positional) != list(range(len(positional))):
            raise ArgumentError(f"positional arguments arrived with gaps: {sorted(positional)}")
        return cls([positional[i] for i in range(len(positional))], named)

    def encode(self) -> bytes:
        """As the record of a table says what its scan function is called with (spec 04, section 7.1)."""
        if not self.positional and not self.named:
            return b""
        columns = {f"{_ARG}{place}": value for place, value in enumerate(self.positional)} | dict(self.named)
        batch = encode_batch(pa.RecordBatch.from_pydict(columns))
        if all(map(_travels, columns.values())):
            return batch
        return encode_batch(pa.RecordBatch.from_pydict({_PACKED: pa.array([batch], pa.binary())}))


def _unpacked(batch: pa.RecordBatch) -> Arguments:
    values = dict(zip(batch.schema.names, batch.columns, strict=True))
    positional = [values.pop(f"{_ARG}{place}") for place in range(len(values)) if f"{_ARG}{place}" in values]
    return Arguments(positional, values)


def _travels(value: pa.Array) -> bool:
    """Whether a client hands on a value of a table's record as it is."""
    type_, is_ = value.type, pa.types
    return bool(
        is_.is_boolean(type_)
        or is_.is_integer(type_)
        or is_.is_float32(type_)
        or is_.is_float64(type_)
        or is_.is_string(type_)
        or is_.is_binary(type_)
    )


def python_value(parameter: Parameter, value: pa.Array, what: str) -> Any:
    """The Python value of a constant argument.

    Args:
        parameter: its declaration.
        value: an array of one element.
        what: names the function in the error message.

    Raises:
        ArgumentError: it is of another type, or NULL where the parameter does not take None.
    """
    argument = f"{what}: argument '{parameter.name}'"
    try:
        convert = from_duckdb(value.type, parameter.type)
    except ArgumentError as error:
        raise ArgumentError(f"{argument}: {error}") from None
    try:
        array = convert(value) if convert else value
        if parameter.arrow:
            return array[0]
        result = to_values(array)[0]
        if result is not None and parameter.convert is not None:
            result = parameter.convert(result)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise _unusable(parameter, value, error, what) from None
    if result is None and not parameter.accepts_none:
        raise ArgumentError(f"{argument} cannot be NULL")
    return result


def declared_column(parameter: Parameter, convert: Converter | None, column: pa.Array, what: str) -> pa.Array:
    """A column in the declared type of its parameter.

    Args:
        parameter: its declaration.
        convert: what makes that type of the one in which the column arrives.
        column: as it arrives.
        what: names the function in the error message.

    Raises:
        ArgumentError: a value does not fit.
    """
    if convert is None:
        return column
    try:
        return convert(column)
    except (pa.ArrowException, ValueError) as error:
        raise _unusable(parameter, column, error, what) from None


def python_values(parameter: Parameter, column: pa.Array, what: str) -> list[Any]:
    """The Python values of a column of the declared type, as the function sees them.

    Args:
        parameter: its declaration.
        column: in the declared type.
        what: names the function in the error message.

    Raises:
        ArgumentError: Python cannot hold a value, or the parameter does not take it.
    """
    try:
        values: list[Any] = list(column) if parameter.arrow else to_values(column)
        convert = parameter.convert
        return values if convert is None else [None if v is None else convert(v) for v in values]
    except (ValueError, OverflowError) as error:
        raise _unusable(parameter, column, error, what) from None


def _unusable(parameter: Parameter, column: pa.Array, error: Exception, what: str) -> ArgumentError:
    return ArgumentError(f"{what}: argument '{parameter.name}' of type {sql_name(column.type)} cannot be used: {error}")
