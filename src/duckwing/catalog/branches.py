"""Tables that DuckDB itself reads, in whole or in part: files, its own functions, other catalogs (spec 04, 7.2)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.about import check_name, check_tags, check_text
from ..functions.columns import Columns, check_columns
from ..functions.context import Context
from ..functions.table import TableFunction
from .statements import check_expression
from .table_options import check_required_filters, column_groups, table_hints

if TYPE_CHECKING:
    from ..functions.hints import Cardinality, Hints
    from ..scans.statistics import ColumnStatistics, TableStatistics
    from .tables import Table


@dataclass(frozen=True)
class Files:
    """Files that DuckDB reads.

    Attributes:
        format: ``parquet``, ``csv`` or ``json``.
        locations: paths or URLs, each perhaps with wildcards.
        options: of DuckDB's reader, such as ``{"delim": ";"}``.
    """

    format: str
    locations: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Native:
    """A table function of DuckDB, or of one of its extensions.

    Attributes:
        function: its name, such as ``read_parquet``.
        args: positional arguments: bool, int, float, str or bytes.
        named: named arguments.
        extensions: DuckDB extensions to load first.
    """

    function: str
    args: Sequence[Any] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    extensions: Sequence[str] = ()


@dataclass(frozen=True)
class CatalogTable:
    """A table of another catalog, which the user or :meth:`duckwing.Catalog.companion` attaches.

    Attributes:
        catalog: the alias under which it is attached.
        schema: its schema.
        table: its name.
    """

    catalog: str
    schema: str
    table: str


Source: TypeAlias = "TableFunction[..., Any] | Files | Native | CatalogTable"


@dataclass(frozen=True)
class Branch:
    """One part of a table. Its columns are those of the table by name; those that it lacks are NULL.

    Attributes:
        source: a table function of the worker, :class:`Files`, :class:`Native` or :class:`CatalogTable`.
        args: positional arguments, if it is a function of the worker.
        named: named arguments of it.
        where: only rows that meet this are read: columns, constants, comparisons, AND and OR. A query that
            contradicts it leaves the part out. Where parts overlap, rows come twice.
    """

    source: Source
    args: Sequence[Any] = ()
    named: Mapping[str, Any] = field(default_factory=dict)
    where: str | None = None


@dataclass(frozen=True, eq=False)
class BranchTable:
    """A table of such parts. Make it with :meth:`Schema.branches`.

    Attributes:
        name: its name in SQL.
        schema: the name of its schema.
        columns: names and types.
        branches: the parts; a :class:`Table` each that the worker scans.
        extensions: DuckDB extensions to load before a scan.
        comment: as ``COMMENT ON TABLE`` would set it.
        tags: free key-value pairs.
        required_filters: every group must have a column that the query filters by.
        hints: what the optimizer may know of its rows; None: nothing.
    """

    name: str
    schema: str
    columns: pa.Schema
    branches: Sequence[tuple[Branch, Table | None]]
    extensions: Sequence[str] = ()
    comment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    required_filters: Sequence[Sequence[str]] = ()
    hints: Hints | None = None

    time_travel = False
    data_versions: ClassVar[Sequence[str]] = ()
    version: ClassVar[str | None] = None
    since: ClassVar[datetime.datetime | None] = None

    @property
    def refuses_at(self) -> bool:
        """Whether a query with AT is refused here: where there are several branches, DuckDB does so itself."""
        return len(self.branches) == 1

    def is_in(self, data_version: str | None) -> bool:
        """Whether it is there in a version of the data: in all."""
        return True

    def seen_by(self, context: Context) -> BranchTable:
        """The table as somebody sees it: always the same."""
        return self


def declare_branches(
    name: str,
    schema: str,
    columns: Columns,
    branches: Sequence[Branch | Source],
    *,
    extensions: Sequence[str] = (),
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    required_filters: str | Sequence[str | Sequence[str]] = (),
    cardinality: int | Cardinality | None = None,
    statistics: Mapping[str, ColumnStatistics] | TableStatistics | None = None,
) -> BranchTable:
    """Make a :class:`BranchTable`; :meth:`Schema.branches` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    what = f"table '{check_name(name, 'a table')}'"
    if not branches:
        raise DeclarationError(f"{what} needs one branch at least")
    parts = [branch if isinstance(branch, Branch) else Branch(branch) for branch in branches]
    checked = check_columns(columns, what)
    groups = column_groups(required_filters)
    check_required_filters(groups, checked, what)
    return BranchTable(
        name,
        schema,
        checked,
        tuple((branch, _scanned(name, schema, branch, what)) for branch in parts),
        extensions=_extensions(parts, extensions, what),
        comment=None if comment is None else check_text(comment, f"{what}: comment="),
        tags=check_tags(tags, what),
        required_filters=groups,
        hints=table_hints(cardinality, statistics, what),
    )


def _extensions(branches: Sequence[Branch], extensions: Sequence[str], what: str) -> tuple[str, ...]:
    """Those of the whole table, and those of its branches."""
    if isinstance(extensions, str):
        raise DeclarationError(f"{what}: extensions= takes a list of names, not {extensions!r}")
    of_branches = [name for branch in branches for name in getattr(branch.source, "extensions", ())]
    return tuple(dict.fromkeys([*extensions, *of_branches]))


def _scanned(name: str, schema: str, branch: Branch, what: str) -> Table | None:
    if branch.where is not None:
        check_expression(branch.where, f"{what}: where=")
    source = branch.source
    if isinstance(source, TableFunction):
        from .tables import declare_table

        return declare_table(name, schema, source, args=branch.args, named=branch.named)
    if not isinstance(source, (Files, Native, CatalogTable)):
        raise DeclarationError(
            f"{what}: a branch is a table function, dw.Files, dw.Native or dw.CatalogTable, not {source!r:.80}"
        )
    if isinstance(source, Files) and (isinstance(source.locations, str) or not source.locations):
        raise DeclarationError(f"{what}: dw.Files takes a list of paths or URLs, not {source.locations!r:.80}")
    if branch.args or branch.named:
        raise DeclarationError(f"{what}: args= and named= are for functions of the worker; give them to dw.Native")
    return None
