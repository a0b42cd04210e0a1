"""Settings that a catalog declares and SQL sets: ``SET name = value`` (spec 06, section 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from ..types.convert import from_duckdb
from ..types.names import sql_name
from ..types.refusals import refusal
from ..types.values import from_values, to_values

_FAITHFUL = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_string,
    pa.types.is_binary,
)
"""Types whose defaults the client keeps as they are (spec 06, section 10.2)."""


@dataclass(frozen=True, eq=False)
class Setting:
    """A declared setting.

    Attributes:
        name: its name in SQL; settings belong to the whole database, so give it a prefix.
        type: type of its value.
        default: its Python value until somebody sets it; None: it has none.
        description: shown in ``duckdb_settings()``.
    """

    name: str
    type: pa.DataType
    default: Any
    description: str

    def default_batch(self) -> pa.RecordBatch | None:
        """The default as the client is told of it; None where the client could not keep its type."""
        if self.default is None or not any(is_type(self.type) for is_type in _FAITHFUL):
            return None
        value = from_values([self.default], self.type, f"default of setting '{self.name}'")
        return pa.record_batch([value], schema=pa.schema([pa.field("value", self.type)]))


def declare_setting(name: str, type: pa.DataType, default: Any, description: str) -> Setting:
    """Make a :class:`Setting`.

    Raises:
        DeclarationError: there is no such type, or the default is not of it.
    """
    what = f"setting '{name}'"
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
    return Setting(name, type, default, description)


def read_settings(data: bytes | None, declared: Mapping[str, Setting]) -> dict[str, Any]:
    """The values of the declared settings, their defaults where nobody set them.

    Args:
        data: the IPC stream of one row with a column for each setting that has a value.
        declared: the declarations by name in lower case.

    Raises:
        ArgumentError: a value is not of its type.
    """
    values: dict[str, Any] = {setting.name: setting.default for setting in declared.values()}
    if not data:
        return values
    from ..rpc.codec import decode_batch

    batch = decode_batch(data)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        setting = declared.get(name.casefold())
        if setting is None or not len(column) or not column[0].is_valid:
            continue
        try:
            convert = from_duckdb(column.type, setting.type)
            values[setting.name] = to_values(convert(column) if convert else column)[0]
        except (ArgumentError, ValueError, pa.ArrowException) as error:
            raise ArgumentError(f"setting '{name}' must be {sql_name(setting.type)}: {error}") from None
    return values
