"""Options of ATTACH that a catalog declares: ``ATTACH 'name' (TYPE vgi, LOCATION …, file 'x.db')`` (spec 04, 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from .given import check_declared, given_value, value_batch

RESERVED = frozenset(
    (
        "type",
        "location",
        "path",
        "pool",
        "pool_max",
        "pool_timeout",
        "worker_debug",
        "cache",
        "secrets",
        "global_functions",
        "attach_companions",
        "attach_companion_secrets",
        "data_version_spec",
        "implementation_version",
        "bearer_token",
        "oauth_refresh_token",
        "oauth_profile",
        "oauth_issuer",
        "launcher_idle_timeout",
        "launcher_state_dir",
    )
)
"""Options that the extension takes for itself and never hands on."""


@dataclass(frozen=True, eq=False)
class AttachOption:
    """A declared option of ATTACH.

    Attributes:
        name: its name in SQL, compared without regard to case.
        type: type of its value.
        default: its Python value where the user gives none.
        required: the user must give it.
        secret: its value is kept sealed, and never shown.
        description: what it is for.
    """

    name: str
    type: pa.DataType
    default: Any = None
    required: bool = False
    secret: bool = False
    description: str = ""

    def default_batch(self) -> pa.RecordBatch | None:
        """The default as tools are told of it. The client does not fill it in."""
        if self.default is None or self.secret:
            return None
        return value_batch(f"attach option '{self.name}'", self.type, self.default)


def declare_attach_option(
    name: str,
    type: pa.DataType,
    default: Any,
    required: bool,
    secret: bool,
    description: str,
) -> AttachOption:
    """Make an :class:`AttachOption`.

    Raises:
        DeclarationError: it cannot be one.
    """
    what = f"attach option '{name}'"
    if name.casefold() in RESERVED:
        raise DeclarationError(f"{what}: DuckDB's vgi extension has an option of this name; take another one")
    check_declared(what, type, default)
    if required and default is not None:
        raise DeclarationError(f"{what} is required, so its default would never be used; leave out one of the two")
    return AttachOption(name, type, default, required, secret, description)


def read_attach_options(
    given: pa.RecordBatch | None, declared: Mapping[str, AttachOption], catalog: str
) -> dict[str, Any]:
    """The values of all declared options: those that the user gave, and defaults.

    Args:
        given: one row, a column for each option that the user gave.
        declared: the declarations by name in lower case.
        catalog: its name, for error messages.

    Raises:
        ArgumentError: an option is unknown, of another type, or missing.
    """
    values: dict[str, Any] = {option.name: option.default for option in declared.values()}
    seen: set[str] = set()
    for name, column in zip(given.schema.names, given.columns, strict=True) if given is not None else ():
        option = declared.get(name.casefold())
        if option is None:
            known = ", ".join(option.name for option in declared.values()) or "none"
            raise ArgumentError(f"Catalog '{catalog}' has no attach option '{name}'; it takes: {known}")
        value = given_value(f"attach option '{name}'", option.type, column, secret=option.secret)
        if value is not None:
            values[option.name] = value
            seen.add(option.name)
    missing = [option.name for option in declared.values() if option.required and option.name not in seen]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        plural = "s" if len(missing) > 1 else ""
        raise ArgumentError(f"Catalog '{catalog}' cannot be attached without the required option{plural} {names}.")
    return values
