"""What tables of any kind are declared with: versions, facts of their rows, filters that they require."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.signature import REQUIRED, Signature

if TYPE_CHECKING:
    from ..functions.hints import Cardinality, Hints
    from ..scans.statistics import ColumnStatistics, TableStatistics

_NO_PARAMETERS = Signature((), None, (), {}, REQUIRED, "")


def read_version(version: Any, since: Any, what: str) -> tuple[str | None, datetime.datetime | None]:
    """``version=`` and ``since=`` of a table as they are kept: a text, and a time in UTC.

    Raises:
        DeclarationError: they are neither.
    """
    if version is None and since is not None:
        raise DeclarationError(f"{what}: since= says since when a version is there; give version=, too")
    if version is not None and (isinstance(version, bool) or not isinstance(version, (str, int)) or version == ""):
        raise DeclarationError(f"{what}: version= is a number or a text, not {version!r:.80}")
    if since is not None and not isinstance(since, datetime.date):
        raise DeclarationError(f"{what}: since= is a date or a datetime, not {since!r:.80}")
    if since is not None and not isinstance(since, datetime.datetime):
        since = datetime.datetime(since.year, since.month, since.day)
    return None if version is None else str(version), None if since is None else in_utc(since)


def in_utc(moment: datetime.datetime) -> datetime.datetime:
    """A time without a zone is one in UTC."""
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment.astimezone(datetime.UTC)


def table_hints(
    cardinality: int | Cardinality | None,
    statistics: Mapping[str, ColumnStatistics] | TableStatistics | None,
    what: str,
) -> Hints | None:
    """What is declared of the rows of a table itself; None if nothing is.

    Raises:
        DeclarationError: it is no such thing.
    """
    if cardinality is None and statistics is None:
        return None
    from ..functions.hints import read_hints

    if callable(cardinality) or callable(statistics):
        raise DeclarationError(
            f"{what}: cardinality= and statistics= of a table are values; let its function compute them"
        )
    return read_hints(cardinality, statistics, _NO_PARAMETERS, what)


def column_group(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name is a group of one."""
    return (names,) if isinstance(names, str) else tuple(names)


def column_groups(groups: str | Sequence[str | Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Groups of columns; one name is a group of one."""
    return ((groups,),) if isinstance(groups, str) else tuple(column_group(group) for group in groups)


def check_required_filters(groups: Sequence[Sequence[str]], columns: pa.Schema, what: str) -> None:
    """Refuse required filters of columns that there are not.

    Raises:
        DeclarationError: there is one, or an empty group.
    """
    if not all(groups):
        raise DeclarationError(f"{what}: required_filters= has an empty group")
    check_paths(groups, dict(zip(columns.names, columns.types, strict=True)), what)


def check_paths(groups: Sequence[Sequence[str]], types: Mapping[str, pa.DataType], what: str) -> None:
    """Refuse paths to no column of ``types``.

    Raises:
        DeclarationError: there is one.
    """
    for path in (path for group in groups for path in group):
        if not _leads_somewhere(path, types):
            raise DeclarationError(
                f"{what}: required_filters= names '{path}', which is none of its columns {', '.join(types)}"
            )


def _leads_somewhere(path: str, types: Mapping[str, pa.DataType]) -> bool:
    """Whether a path is a column, or leads through the fields of one."""
    if path in types:
        return True
    for place in (place for place, letter in enumerate(path) if letter == "."):
        type_ = types.get(path[:place])
        if type_ is not None and pa.types.is_struct(type_):
            return _leads_somewhere(path[place + 1 :], {field.name: field.type for field in type_})
    return False
