"""An attached catalog: what is in it, and its functions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from ..protocol.attach import CatalogAttachResult
from ..protocol.calls import CallType
from ..protocol.listing import ObjectType
from ..protocol.shared import SchemaParams
from ..rpc.codec import Record
from ..rpc.method import Method
from .batches import Batches
from .session import Session

if TYPE_CHECKING:
    from ..filters.build import Condition
    from ..protocol.formats import CopyFormatInfo
    from ..protocol.functions import FunctionInfo
    from ..protocol.listing import IndexInfo, MacroInfo, SchemaInfo, ViewInfo
    from ..protocol.tables import TableInfo
    from ..scans.scan import Sample
    from .scans import OrderBy
    from .tables import At, TableReader
    from .transactions import Transaction

R = TypeVar("R", bound=Record)

FUNCTION_KINDS = (ObjectType.SCALAR_FUNCTION, ObjectType.TABLE_FUNCTION, ObjectType.AGGREGATE_FUNCTION)


class AttachedCatalog:
    """A catalog, attached. Several threads may use it at once.

    In all calls of functions, a column is an Arrow array, a list of Python values, or an array of another library,
    and a single value in its place stands for a column of it. Values get the type that the function declares; an
    Arrow scalar or array that cannot be cast to it without loss is refused.

    Attributes:
        session: what its calls have in common; for calls that have no method here.
    """

    def __init__(self, session: Session):
        self.session = session

    @property
    def about(self) -> CatalogAttachResult:
        """What the worker said of the catalog when it was attached."""
        return self.session.about

    # What there is

    def schemas(self) -> list[SchemaInfo]:
        """The schemas."""
        return self.session.schemas()

    def functions(self, schema: str | None = None) -> list[FunctionInfo]:
        """The functions of a schema, or of all; a record for each overload."""
        return [
            signature.info
            for name in self._names(schema)
            for kind in FUNCTION_KINDS
            for signature in self.session.listed(kind, name)
        ]

    def tables(self, schema: str | None = None) -> list[TableInfo]:
        """The tables of a schema, or of all."""
        from ..protocol.listing import CATALOG_SCHEMA_CONTENTS_TABLES
        from ..protocol.tables import TableInfo

        return self._contents(CATALOG_SCHEMA_CONTENTS_TABLES, TableInfo, schema)

    def views(self, schema: str | None = None) -> list[ViewInfo]:
        """The views of a schema, or of all; they are SQL, which only a database runs."""
        from ..protocol.listing import CATALOG_SCHEMA_CONTENTS_VIEWS, ViewInfo

        return self._contents(CATALOG_SCHEMA_CONTENTS_VIEWS, ViewInfo, schema)

    def macros(self, schema: str | None = None) -> list[MacroInfo]:
        """The macros of a schema, or of all; they are SQL, which only a database runs."""
        from ..protocol.listing import CATALOG_SCHEMA_CONTENTS_MACROS, MacroInfo, SchemaContentsParams

        found: list[MacroInfo] = []
        for name in self._names(schema):
            for kind in (ObjectType.SCALAR_MACRO, ObjectType.TABLE_MACRO):
                request = SchemaContentsParams(self.session.attachment, (name,), kind, self.session.transaction)
                found += self.session.items(CATALOG_SCHEMA_CONTENTS_MACROS, request, MacroInfo)
        return found

    def indexes(self, schema: str | None = None) -> list[IndexInfo]:
        """The indexes of a schema, or of all."""
        from ..protocol.listing import CATALOG_SCHEMA_CONTENTS_INDEXES, IndexInfo

        return self._contents(CATALOG_SCHEMA_CONTENTS_INDEXES, IndexInfo, schema)

    def copy_formats(self) -> list[CopyFormatInfo]:
        """The formats of :meth:`copy_from` and :meth:`copy_to`."""
        from .copying import copy_formats

        return copy_formats(self.session)

    def table(self, name: str, *, schema: str | None = None, at: At | None = None) -> TableReader:
        """A table.

        Args:
            name: of the table.
            schema: the schema to look in; the default schema if None.
            at: an earlier state; None: that of now.

        Raises:
            CatalogError: there is none.
        """
        from .tables import get_table

        return get_table(self.session, name, schema, at)

    # Its functions

    def scalar(self, name: str, *columns: Any, schema: str | None = None, rows: int | None = None) -> pa.Array:
        """Call a scalar function on columns, in batches of 2,048 rows.

        Args:
            name: the function.
            columns: its arguments, in order.
            schema: the schema to look in; the default schema if None.
            rows: the number of rows where no argument is a column; one if None.

        Returns:
            A value for each row.

        Raises:
            ArgumentError: the function does not take such columns.
            RemoteError: it refuses them, or failed.
        """
        from .exchanges import scalar

        return scalar(self.session, name, columns, schema, rows)

    def scan(
        self,
        name: str,
        *positional: Any,
        schema: str | None = None,
        columns: Sequence[str] | None = None,
        where: Condition | None = None,
        order_by: OrderBy | None = None,
        limit: int | None = None,
        sample: float | Sample | None = None,
        threads: int = 1,
        arguments: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Batches:
        """Run a table function.

        Args:
            name: the function.
            positional: its positional arguments: Python values, or Arrow scalars.
            schema: the schema to look in; the default schema if None.
            columns: names of the columns that are wanted, in this order; all if None.
            where: what the rows must meet, such as ``col("n") > 3``.
            order_by: a column, or pairs such as ``("n", "descending")``; NULL comes last.
            limit: so many rows at most.
            sample: a percentage of the rows, or a ``Sample`` with a seed; it is taken before anything else.
            threads: streams that are read at the same time, each by a process of its own where the client starts the
                processes, if the function can share its work. The rows come in any order then.
            arguments: named arguments whose names are those of parameters of this method.
            named: its named arguments.

        Returns:
            The rows. Leaving them early cancels the scan.

        Raises:
            ArgumentError: the function does not take such arguments, or has no such column.
            CatalogError: the function takes columns or a table.
            RemoteError: it refuses them, or failed.
        """
        from .exchanges import table_arguments
        from .scans import Wanted, scan

        passed = {**named, **(arguments or {})}
        signatures = self.session.signatures(name, ObjectType.TABLE_FUNCTION, schema)
        signature, encoded = table_arguments(signatures, name, positional, passed)
        info = None if signature is None else signature.info
        request = self.session.request(name, CallType.TABLE, schema, arguments=encoded)
        start = self.session.bind(request, () if info is None else info.required_secrets)
        return scan(self.session, start, info, Wanted(columns, where, order_by, limit, sample, threads))

    def row(
        self,
        name: str,
        *columns: Any,
        schema: str | None = None,
        lateral: bool = False,
        arguments: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Batches:
        """Call a row function: none to many rows for each row of its columns.

        Args:
            name: the function.
            columns: its columns, in order.
            schema: the schema to look in; the default schema if None.
            lateral: before its rows come those of the columns that they were made of, as in ``FROM t, f(t.a)``.
            arguments: named arguments whose names are those of parameters of this method.
            named: its named arguments.

        Raises:
            ArgumentError: the function does not take such arguments.
            CatalogError: it is no row function.
            RemoteError: it refuses them, or failed.
        """
        from .exchanges import row

        return row(self.session, name, columns, {**named, **(arguments or {})}, schema, lateral)

    def transform(
        self,
        name: str,
        table: Any,
        *positional: Any,
        schema: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Batches:
        """Send a table through a table-in-out or buffering function.

        Args:
            name: the function.
            table: the rows: a table of Arrow or another library, a dict of lists, or a stream, which is not collected.
            positional: its other positional arguments.
            schema: the schema to look in; the default schema if None.
            arguments: named arguments whose names are those of parameters of this method.
            named: its named arguments.

        Returns:
            Its rows. As in a query, a function is not called for a table without rows.

        Raises:
            ArgumentError: the function does not take such arguments.
            CatalogError: it takes no table.
            RemoteError: it refuses them, or failed.
        """
        from .exchanges import transform

        return transform(self.session, name, table, positional, {**named, **(arguments or {})}, schema)

    def aggregate(
        self,
        name: str,
        *columns: Any,
        groups: Any = None,
        schema: str | None = None,
        rows: int | None = None,
        threads: int = 1,
    ) -> pa.Scalar | pa.Table:
        """Call an aggregate.

        Args:
            name: the function.
            columns: its arguments, in order.
            groups: a column that says for each row which group it belongs to; NULL is a group, too.
            schema: the schema to look in; the default schema if None.
            rows: the number of rows where no argument is a column; one if None.
            threads: the rows are taken in by so many threads, whose states are then merged.

        Returns:
            The result; with ``groups``, a table with the columns ``group`` and ``result``.

        Raises:
            ArgumentError: the function does not take such columns.
            RemoteError: it refuses them, or failed.
        """
        from .aggregates import aggregate

        return aggregate(self.session, name, columns, groups, schema, rows, threads)

    # Files

    def copy_from(self, format: str, path: str | os.PathLike[str], columns: pa.Schema, **options: Any) -> Batches:
        """Read a file as ``COPY t FROM 'path' (FORMAT 'catalog.format')`` does.

        Args:
            format: name of the format.
            path: of the file, as the worker sees it.
            columns: those of the table that the rows are for.
            options: of the format.

        Raises:
            CatalogError: there is no such format.
            ArgumentError: it has no such option.
            RemoteError: the file cannot be read.
        """
        from .copying import copy_from

        return copy_from(self.session, format, path, columns, options)

    def copy_to(self, format: str, path: str | os.PathLike[str], rows: Any, **options: Any) -> int:
        """Write a file as ``COPY t TO 'path' (FORMAT 'catalog.format')`` does.

        Args:
            format: name of the format.
            path: of the file, as the worker sees it.
            rows: as the table of :meth:`transform`.
            options: of the format.

        Returns:
            The number of rows.

        Raises:
            CatalogError: there is no such format.
            ArgumentError: it has no such option.
            RemoteError: the file cannot be written.
        """
        from .copying import copy_to

        return copy_to(self.session, format, path, rows, options)

    # Changes

    def transaction(self) -> Transaction:
        """Begin a transaction: a ``with`` block, which commits at its end, and rolls back if an error leaves it.

        Where the catalog has no transactions, each change is made at once.
        """
        from .transactions import begin

        return begin(self.session)

    def _names(self, schema: str | None) -> list[str]:
        return [info.path[0] for info in self.schemas()] if schema is None else [schema]

    def _contents(self, method: Method[Any, Any], record: type[R], schema: str | None) -> list[R]:
        found: list[R] = []
        for name in self._names(schema):
            request: Any = SchemaParams(self.session.attachment, (name,), self.session.transaction)
            found += self.session.items(method, request, record)
        return found
