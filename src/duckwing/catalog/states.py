"""Declared tables of one name that differ by version: which of them is meant (spec 04, section 7.5)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import CatalogError, DeclarationError
from .table_options import in_utc

if TYPE_CHECKING:
    from ..functions.context import At, Context
    from .branches import BranchTable
    from .tables import Table


def check_state(table: Table | BranchTable, others: Sequence[Table | BranchTable]) -> None:
    """Refuse a table that could not be told from the others of its name.

    Args:
        table: is to be added.
        others: are there already, the oldest first.

    Raises:
        DeclarationError: it could not, or it is older than the one before it.
    """
    for other in others:
        if table.data_versions and other.data_versions and not {*table.data_versions} & {*other.data_versions}:
            continue
        if table.version is None or other.version is None:
            raise DeclarationError(
                f"schema '{table.schema}' already has a table or view '{table.name}'; "
                "tables of one name need version=, or data_versions= without a common one"
            )
        if table.version == other.version:
            raise DeclarationError(f"table '{table.name}' already has a version {table.version}")
        if table.since is not None and other.since is not None and table.since <= other.since:
            raise DeclarationError(
                f"table '{table.name}': version {table.version} is since {table.since}, and version {other.version}, "
                f"which was declared before it, since {other.since}; declare the oldest first"
            )


def choose_state(tables: Sequence[Table | BranchTable], ctx: Context) -> Table | BranchTable | None:
    """The table that a query means; None if there is none in the version of the data that was attached.

    Args:
        tables: all of one name, the oldest first.
        ctx: who asks.

    Raises:
        CatalogError: an earlier state is asked for that the table does not have.
    """
    here = [table for table in tables if table.is_in(ctx.data_version)]
    if not here:
        return None
    current = here[-1]
    if ctx.at is None:
        return current
    if current.version is None:
        if current.refuses_at:
            raise CatalogError(
                f"Table '{current.schema}.{current.name}' does not support time travel queries; leave out AT"
            )
        return current
    return _by_version(here, ctx.at.value) if ctx.at.unit == "version" else _by_time(here, ctx.at)


def _by_version(tables: Sequence[Table | BranchTable], version: str) -> Table | BranchTable:
    found = next((table for table in tables if table.version == version), None)
    if found is None:
        raise CatalogError(f"Unknown version: {version} of table '{tables[0].name}'; {_known(tables)}")
    return found


def _by_time(tables: Sequence[Table | BranchTable], at: At) -> Table | BranchTable:
    dated = [table for table in tables if table.since is not None]
    if not dated:
        raise CatalogError(f"table '{tables[0].name}' has versions without a time: AT (VERSION => …); {_known(tables)}")
    try:
        moment = _moment(at.value)
    except ValueError:
        raise CatalogError(
            f"table '{tables[0].name}': AT (TIMESTAMP => {at.value}) is no time of its history"
        ) from None
    found = [table for table in dated if table.since is not None and table.since <= moment]
    if not found:
        raise CatalogError(
            f"{at.value}: table did not exist before {dated[0].since:%Y-%m-%d %H:%M:%S}: '{tables[0].name}'; "
            f"{_known(tables)}"
        )
    return found[-1]


def _moment(text: str) -> datetime.datetime:
    """The time in an AT clause, of which the end may be missing; a year or a month is its first day.

    Raises:
        ValueError: it is no time.
    """
    whole = text + "-01" * (2 - text.count("-")) if re.fullmatch(r"\d{4}(-\d\d)?", text) else text
    return in_utc(datetime.datetime.fromisoformat(whole))


def _known(tables: Sequence[Table | BranchTable]) -> str:
    known = (str(t.version) if t.since is None else f"{t.version} (since {t.since:%Y-%m-%d %H:%M:%S})" for t in tables)
    return f"there is {', '.join(known)}"
