"""Settings that a catalog declares and SQL sets: ``SET name = value`` (spec 06, section 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from ..types.forms import is_text
from ..types.names import sql_name
from ..types.values import from_values, to_values
from .given import check_declared, given_value, value_batch

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
        default: its value until somebody sets it, as ``to_values`` gives it; None: it has none.
        description: shown in ``duckdb_settings()``.
    """

    name: str
    type: pa.DataType
    default: Any
    description: str

    def default_batch(self) -> pa.RecordBatch | None:
        """The default as the client is told of it: of most types a text, because it makes one of them anyway.

        None where a text would not tell the value; then it is known here alone.
        """
        if self.default is None:
            return None
        if any(is_type(self.type) for is_type in _FAITHFUL):
            return value_batch(f"setting '{self.name}'", self.type, self.default)
        from ..types.text import has_text, to_text

        if not has_text(self.type):
            return None
        return pa.RecordBatch.from_pydict({"value": [to_text(self.default, self.type)]})


def require_settings(names: Iterable[str], values: Mapping[str, Any], function: str) -> None:
    """Refuse a call without the settings that its function needs, as the client does where it looks at them.

    Args:
        names: of the settings.
        values: those of the call.
        function: its name.

    Raises:
        ArgumentError: one has no value.
    """
    missing = [name for name in names if values.get(name) is None]
    if missing:
        raise ArgumentError(
            f"Function '{function}' requires the following settings to be set: {', '.join(missing)}. "
            "Use SET <setting_name> = <value> before calling this function."
        )


def declare_setting(name: str, type: pa.DataType, default: Any, description: str) -> Setting:
    """Make a :class:`Setting`.

    Raises:
        DeclarationError: there is no such type, or the default is not of it.
    """
    what = f"setting '{name}'"
    check_declared(what, type, default)
    [default] = to_values(from_values([default], type, what))
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
        if setting is None:
            continue
        value = given_value(f"setting '{name}'", setting.type, _typed(setting, column))
        if value is not None:
            values[setting.name] = value
    return values


def _typed(setting: Setting, column: pa.Array) -> pa.Array:
    """The value of a setting in its type. A default arrives as text, what a user sets does not (spec 06, section 10.2).

    Raises:
        ArgumentError: it is no text of such a value.
    """
    if not is_text(column.type) or is_text(setting.type) or not column.is_valid()[0].as_py():
        return column
    from ..types.text import from_text, has_text

    if not has_text(setting.type):
        return column
    try:
        return from_values([from_text(column[0].as_py(), setting.type)], setting.type, "the text")
    except (OutputError, ValueError, ArithmeticError) as error:
        raise ArgumentError(f"setting '{setting.name}' must be {sql_name(setting.type)}: {error}") from None
