"""Values that SQL gives by name and that have a declared type: of settings, and of options of ATTACH."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from ..types.convert import from_duckdb
from ..types.names import sql_name
from ..types.refusals import refusal
from ..types.values import from_values, to_values


def check_declared(what: str, type: Any, default: Any) -> None:
    """Refuse a type that no value can have, and a default that is not of it.

    Args:
        what: names the declaration in error messages.
        type: the declared type.
        default: the Python value where nobody gives one; None: there is none.

    Raises:
        DeclarationError: either cannot be.
    """
    if not isinstance(type, pa.DataType):
        raise DeclarationError(f"{what} needs a type from duckwing.types, not {type!r}")
    reason = refusal(type)
    if reason is not None:
        raise DeclarationError(f"{what} cannot be {sql_name(type)}: {reason}")
    if default is not None:
        try:
            from_values([default], type, f"the default of {what}")
        except Exception as error:
            raise DeclarationError(str(error)) from None


def value_batch(what: str, type: pa.DataType, value: Any) -> pa.RecordBatch:
    """A value as the protocol tells of it: one row of the column ``value``.

    Raises:
        OutputError: it is not of the type.
    """
    array = from_values([value], type, f"the default of {what}")
    return pa.record_batch([array], schema=pa.schema([pa.field("value", type)]))


def given_value(what: str, type: pa.DataType, column: pa.Array, *, secret: bool = False) -> Any:
    """The Python value in the only row of a column; None: nobody gave one.

    Args:
        what: names the declaration in error messages.
        type: the declared type.
        column: as it arrived.
        secret: an error message must not show the value.

    Raises:
        ArgumentError: it is not of the type.
    """
    if not len(column) or not column[0].is_valid:
        return None
    try:
        convert = from_duckdb(column.type, type)
        return to_values(convert(column) if convert else column)[0]
    except (ArgumentError, ValueError, pa.ArrowException) as error:
        shown = "" if secret else f": {error}"
        raise ArgumentError(f"{what} must be {sql_name(type)}{shown}") from None
