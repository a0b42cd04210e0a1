"""Transactions, and what changes a catalog: rows, and definitions (spec 04, sections 8 to 10)."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import pyarrow as pa

from ..errors import CatalogError
from ..filters.build import Condition
from ..protocol import ddl, metadata
from ..protocol.shared import AttachmentParams, OnConflict
from ..protocol.transactions import (
    CATALOG_TRANSACTION_BEGIN,
    CATALOG_TRANSACTION_COMMIT,
    CATALOG_TRANSACTION_ROLLBACK,
    TransactionEndParams,
)
from ..rpc.errors import RpcError
from . import writing
from .catalog import AttachedCatalog
from .session import Session
from .tables import TableReader, get_table


def begin(session: Session) -> Transaction:
    """Begin a transaction.

    Raises:
        CatalogError: there is one already.
        RemoteError: the worker refuses.
    """
    if session.transaction is not None:
        raise CatalogError("this is a transaction already; there are none within it")
    opaque = None
    if session.about.supports_transactions:
        result = session.rpc.call(CATALOG_TRANSACTION_BEGIN, AttachmentParams(session.attachment))
        opaque = result.transaction_opaque_data or None
    # Functions may come and go with it, so what is known of them is not shared.
    return Transaction(dataclasses.replace(session, transaction=opaque, known={}))


class Transaction(AttachedCatalog):
    """A catalog within a transaction: it reads what it has written. A ``with`` block commits it, or rolls it back.

    Methods that create take ``on_conflict``: ``"error"``, ``"ignore"`` (IF NOT EXISTS) or ``"replace"`` (OR REPLACE).
    Those that drop or alter take ``missing_ok`` (IF EXISTS). What a worker does not do, it refuses.
    """

    def __init__(self, session: Session):
        super().__init__(session)
        self._open = True

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.commit()
        else:
            with contextlib.suppress(RpcError):  # what ended the block matters more
                self.rollback()

    def commit(self) -> None:
        """Make the changes last. Once a transaction has ended, this does nothing.

        Raises:
            RemoteError: the worker refuses them; none of them is in.
        """
        self._finish(CATALOG_TRANSACTION_COMMIT)

    def rollback(self) -> None:
        """Undo the changes. Once a transaction has ended, this does nothing."""
        self._finish(CATALOG_TRANSACTION_ROLLBACK)

    def _finish(self, method: Any) -> None:
        if self._open and self.session.transaction is not None:
            self._open = False
            self.session.rpc.call(method, TransactionEndParams(self.session.attachment, self.session.transaction))
        self._open = False

    # Rows

    def insert(
        self,
        table: str,
        rows: Any,
        *,
        schema: str | None = None,
        returning: bool = False,
        on_conflict: writing.OnConflict = "throw",
        key: Sequence[str] = (),
    ) -> Any:
        """Add rows.

        Args:
            table: name of the table.
            rows: a table of Arrow or another library, a dict of lists, or a stream. Columns are matched by name; one
                that is missing becomes NULL.
            schema: the schema to look in; the default schema if None.
            returning: give back the rows as they are now.
            on_conflict: ``"nothing"``: leave out rows whose key is there already.
            key: columns of the key that is meant.

        Returns:
            The number of rows, or with ``returning`` the rows.

        Raises:
            ArgumentError: a column does not exist, or a value does not fit.
            CatalogError: the table cannot be written to so.
            RemoteError: the worker refuses the rows.
        """
        return writing.insert(self.session, self._table(table, schema), rows, returning, on_conflict, key)

    def update(
        self,
        table: str,
        values: Mapping[str, Any],
        *,
        where: Condition | None = None,
        schema: str | None = None,
        returning: bool = False,
    ) -> Any:
        """Set columns to constants.

        Args:
            table: name of the table.
            values: a value for each column that is set.
            where: which rows; all if None.
            schema: the schema to look in; the default schema if None.
            returning: give back the rows as they are now.

        Returns:
            The number of rows, or with ``returning`` the rows.

        Raises:
            ArgumentError, CatalogError, RemoteError: as for :meth:`insert`.
        """
        return writing.update(self.session, self._table(table, schema), values, where, returning)

    def update_rows(self, table: str, rows: Any, *, schema: str | None = None, returning: bool = False) -> Any:
        """Set columns to a value for each row. The rows have the new values and the row id, under its name.

        Where the rows shall be given back, they need all columns.
        """
        return writing.update_rows(self.session, self._table(table, schema), rows, returning)

    def delete(
        self, table: str, *, where: Condition | None = None, schema: str | None = None, returning: bool = False
    ) -> Any:
        """Remove the rows that meet a condition; all if there is none. Returns as :meth:`insert`."""
        return writing.delete(self.session, self._table(table, schema), where, returning)

    def delete_rows(self, table: str, row_ids: Any, *, schema: str | None = None, returning: bool = False) -> Any:
        """Remove rows by their row ids, a column. Returns as :meth:`insert`."""
        return writing.delete_rows(self.session, self._table(table, schema), row_ids, returning)

    # Schemas

    def create_schema(self, name: str, *, on_conflict: str = "error", comment: str | None = None) -> None:
        """CREATE SCHEMA."""
        params = ddl.SchemaCreateParams(
            self.session.attachment, (name,), conflict(on_conflict), comment, None, self.session.transaction
        )
        self.session.rpc.call(ddl.CATALOG_SCHEMA_CREATE, params)

    def drop_schema(self, name: str, *, missing_ok: bool = False, cascade: bool = False) -> None:
        """DROP SCHEMA."""
        params = ddl.SchemaDropParams(self.session.attachment, (name,), missing_ok, cascade, self.session.transaction)
        self.session.rpc.call(ddl.CATALOG_SCHEMA_DROP, params)

    # Tables

    def create_table(
        self,
        name: str,
        columns: pa.Schema | Mapping[str, pa.DataType],
        *,
        schema: str | None = None,
        on_conflict: str = "error",
        primary_key: Sequence[str] = (),
        unique: Iterable[Sequence[str]] = (),
        not_null: Sequence[str] = (),
        checks: Sequence[str] = (),
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """CREATE TABLE.

        Args:
            name: of the table.
            columns: their names and types, such as ``{"id": BIGINT}`` of ``duckwing.types``.
            schema: the schema to make it in; the default schema if None.
            on_conflict: what to do if there is one.
            primary_key: columns of the key.
            unique: columns that are unique together, for each such constraint.
            not_null: columns that may not be NULL.
            checks: conditions, as SQL.
            defaults: SQL expressions by column.
        """
        fields = list(columns if isinstance(columns, pa.Schema) else pa.schema(list(columns.items())))
        names = [field.name for field in fields]

        def places(chosen: Sequence[str]) -> tuple[int, ...]:
            missing = [column for column in chosen if column not in names]
            if missing:
                raise CatalogError(f"table '{name}' has no column '{missing[0]}'; it has {', '.join(names)}")
            return tuple(names.index(column) for column in chosen)

        given = defaults or {}
        places(list(given))
        described = [
            pa.field(
                f.name, f.type, metadata={metadata.COLUMN_DEFAULT: given[f.name].encode()} if f.name in given else None
            )
            for f in fields
        ]
        request = ddl.TableCreateRequest(
            attach_opaque_data=self.session.attachment,
            schema_path=self.session.path(schema),
            name=name,
            columns=pa.schema(described),
            on_conflict=conflict(on_conflict),
            not_null_constraints=places(not_null),
            unique_constraints=tuple(places(group) for group in unique),
            check_constraints=tuple(checks),
            primary_key_constraints=(places(primary_key),) if primary_key else (),
            transaction_opaque_data=self.session.transaction,
        )
        self.session.rpc.call(ddl.CATALOG_TABLE_CREATE, request)

    def drop_table(
        self, name: str, *, schema: str | None = None, missing_ok: bool = False, cascade: bool = False
    ) -> None:
        """DROP TABLE."""
        self._alter(ddl.CATALOG_TABLE_DROP, ddl.ObjectDropParams, name, schema, missing_ok, cascade)

    def rename_table(self, name: str, new_name: str, *, schema: str | None = None, missing_ok: bool = False) -> None:
        """ALTER TABLE … RENAME TO."""
        self._alter(ddl.CATALOG_TABLE_RENAME, ddl.ObjectRenameParams, name, schema, new_name, missing_ok)

    def comment_on_table(
        self, name: str, comment: str | None, *, schema: str | None = None, missing_ok: bool = False
    ) -> None:
        """COMMENT ON TABLE; None removes the comment."""
        self._alter(ddl.CATALOG_TABLE_COMMENT_SET, ddl.ObjectCommentParams, name, schema, comment, missing_ok)

    def add_column(
        self,
        table: str,
        column: str,
        type: pa.DataType,
        *,
        schema: str | None = None,
        missing_ok: bool = False,
        exists_ok: bool = False,
    ) -> None:
        """ALTER TABLE … ADD COLUMN."""
        definition = pa.schema([pa.field(column, type)])
        self._alter(ddl.CATALOG_TABLE_COLUMN_ADD, ddl.ColumnAddParams, table, schema, definition, missing_ok, exists_ok)

    def drop_column(
        self,
        table: str,
        column: str,
        *,
        schema: str | None = None,
        missing_ok: bool = False,
        cascade: bool = False,
    ) -> None:
        """ALTER TABLE … DROP COLUMN; ``missing_ok`` is about the table and the column."""
        self._alter(
            ddl.CATALOG_TABLE_COLUMN_DROP, ddl.ColumnDropParams, table, schema, column, missing_ok, missing_ok, cascade
        )

    def rename_column(
        self, table: str, column: str, new_name: str, *, schema: str | None = None, missing_ok: bool = False
    ) -> None:
        """ALTER TABLE … RENAME COLUMN."""
        self._alter(
            ddl.CATALOG_TABLE_COLUMN_RENAME, ddl.ColumnRenameParams, table, schema, column, new_name, missing_ok
        )

    def change_type(
        self,
        table: str,
        column: str,
        type: pa.DataType,
        *,
        using: str | None = None,
        schema: str | None = None,
        missing_ok: bool = False,
    ) -> None:
        """ALTER TABLE … SET DATA TYPE; ``using`` is SQL that makes the new value."""
        definition = pa.schema([pa.field(column, type)])
        self._alter(
            ddl.CATALOG_TABLE_COLUMN_TYPE_CHANGE,
            ddl.ColumnTypeChangeParams,
            table,
            schema,
            definition,
            using,
            missing_ok,
        )

    def set_default(
        self, table: str, column: str, expression: str | None, *, schema: str | None = None, missing_ok: bool = False
    ) -> None:
        """ALTER COLUMN … SET DEFAULT, to a SQL expression; None: DROP DEFAULT."""
        if expression is None:
            self._column(ddl.CATALOG_TABLE_COLUMN_DEFAULT_DROP, table, column, schema, missing_ok)
        else:
            method, params = ddl.CATALOG_TABLE_COLUMN_DEFAULT_SET, ddl.ColumnDefaultParams
            self._alter(method, params, table, schema, column, expression, missing_ok)

    def set_not_null(
        self, table: str, column: str, on: bool = True, *, schema: str | None = None, missing_ok: bool = False
    ) -> None:
        """ALTER COLUMN … SET NOT NULL, or DROP NOT NULL."""
        method = ddl.CATALOG_TABLE_NOT_NULL_SET if on else ddl.CATALOG_TABLE_NOT_NULL_DROP
        self._column(method, table, column, schema, missing_ok)

    def comment_on_column(
        self, table: str, column: str, comment: str | None, *, schema: str | None = None, missing_ok: bool = False
    ) -> None:
        """COMMENT ON COLUMN; None removes the comment."""
        method, params = ddl.CATALOG_TABLE_COLUMN_COMMENT_SET, ddl.ColumnCommentParams
        self._alter(method, params, table, schema, column, comment, missing_ok)

    # Views

    def create_view(self, name: str, definition: str, *, schema: str | None = None, on_conflict: str = "error") -> None:
        """CREATE VIEW; the definition is a SELECT statement."""
        self._alter(ddl.CATALOG_VIEW_CREATE, ddl.ViewCreateParams, name, schema, definition, conflict(on_conflict))

    def drop_view(
        self, name: str, *, schema: str | None = None, missing_ok: bool = False, cascade: bool = False
    ) -> None:
        """DROP VIEW."""
        self._alter(ddl.CATALOG_VIEW_DROP, ddl.ObjectDropParams, name, schema, missing_ok, cascade)

    def rename_view(self, name: str, new_name: str, *, schema: str | None = None, missing_ok: bool = False) -> None:
        """ALTER VIEW … RENAME TO."""
        self._alter(ddl.CATALOG_VIEW_RENAME, ddl.ObjectRenameParams, name, schema, new_name, missing_ok)

    def comment_on_view(
        self, name: str, comment: str | None, *, schema: str | None = None, missing_ok: bool = False
    ) -> None:
        """COMMENT ON VIEW; None removes the comment."""
        self._alter(ddl.CATALOG_VIEW_COMMENT_SET, ddl.ObjectCommentParams, name, schema, comment, missing_ok)

    def _table(self, name: str, schema: str | None) -> TableReader:
        return get_table(self.session, name, schema, None)

    def _column(self, method: Any, table: str, column: str, schema: str | None, missing_ok: bool) -> None:
        self._alter(method, ddl.ColumnParams, table, schema, column, missing_ok)

    def _alter(self, method: Any, params: Any, name: str, schema: str | None, *values: Any) -> None:
        """Call one of the methods whose parameters begin and end alike."""
        place = (self.session.attachment, self.session.path(schema), name)
        self.session.rpc.call(method, params(*place, *values, self.session.transaction))


def conflict(text: str) -> OnConflict:
    """What a CREATE does with an object that exists, by its name.

    Raises:
        CatalogError: there is no such name.
    """
    try:
        return OnConflict[text.upper()]
    except KeyError:
        raise CatalogError(f"on_conflict= is 'error', 'ignore' or 'replace', not {text!r}") from None
