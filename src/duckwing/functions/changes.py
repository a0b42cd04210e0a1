"""What a transaction has changed so far: a journal, which is applied when it commits.

A client sends the statements of one transaction to whatever processes are free. So no process can
hold a transaction of a database open. What is written is therefore kept, in order, in the state of the
transaction; whoever reads in the transaction sees the base and these changes; and the commit hands all
of them over at once.

A scan sees the changes up to the bind of its statement (:func:`next_place`), and not those of the
statement itself: ``INSERT INTO t SELECT … FROM t`` would meet its own rows, and
``CREATE OR REPLACE TABLE t AS … FROM t`` find the new, empty table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from ..errors import CatalogError
from ..state.values import dump_value, load_value

if TYPE_CHECKING:
    from ..state.store import Store

Operation = Literal[
    "insert",
    "update",
    "delete",
    "create_table",
    "drop_table",
    "rename_table",
    "add_column",
    "drop_column",
    "rename_column",
    "change_type",
    "set_default",
    "drop_default",
    "set_not_null",
    "drop_not_null",
    "create_view",
    "drop_view",
    "rename_view",
    "comment",
    "create_schema",
    "drop_schema",
]

LOST = "the changes of this transaction are lost, because it was idle for too long; none of them is in"

_JOURNAL = "_vgi/changes"

_PLACES = "_vgi/places"

_WRITERS = "_vgi/writers"
"""In the store of the attachment: the transactions that have changed something."""

_SCHEMA, _TABLES = b"schema", b"tables"
"""Keys of the journal: the schema that is changed; and there if tables or columns come or go, not rows alone."""


@dataclass(frozen=True, eq=False)
class Change:
    """One step of a transaction.

    Attributes:
        operation: what is done.
        table: to which table or view; the name of the schema where schemas come and go.
        rows: ``insert``: new rows, all columns of the table; ``update``: the columns that change, and
            the row id last; ``delete``: the row ids. None for the others.
        columns: ``create_table``: the columns; ``add_column``: the one; ``change_type``: the one with its new type.
            None for the others.
        options: ``create_table``: ``primary_key``, ``not_null``, ``unique`` (lists of names) and ``checks``;
            ``rename_table``, ``rename_view``: ``new_name``; all that change a column but ``add_column``: ``column``,
            and ``rename_column``: ``new_name``; ``change_type``: ``expression``, SQL that makes the new values;
            ``set_default``: ``expression``; ``create_view``: ``definition``; ``comment``: ``comment``, None to remove
            it, and ``column``, None if it is one on the table or view itself; ``drop_schema``: ``cascade``;
            ``insert``: ``on_conflict``, ``throw`` or ``nothing``.
        schema: the one that the table or view is in.
    """

    operation: Operation
    table: str
    rows: pa.RecordBatch | None = None
    columns: pa.Schema | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    schema: str = ""


def note_writer(attachment: Store, transaction: bytes) -> None:
    """Remember that a transaction has changed something: should its journal be lost, the commit must not succeed."""
    attachment.put(_WRITERS, transaction, b"")


def has_written(attachment: Store, transaction: bytes) -> bool:
    """Whether :func:`note_writer` has been called, and not :func:`forget_writer`."""
    return attachment.get(_WRITERS, transaction) is not None


def forget_writer(attachment: Store, transaction: bytes) -> None:
    """Forget a transaction that has ended."""
    attachment.delete(_WRITERS, [transaction])


def append_change(store: Store, schema: str, change: Change) -> None:
    """Add a change to the journal of a transaction.

    Args:
        store: that of the transaction.
        schema: name of the schema whose provider makes the change.
        change: the change.

    Raises:
        CatalogError: the transaction has changed another schema, and so could not commit as a whole.
    """
    owner = store.get(_JOURNAL, _SCHEMA)
    if owner is None:
        store.put(_JOURNAL, _SCHEMA, schema.encode())
    elif owner.decode() != schema:
        raise CatalogError(
            f"this transaction has changed tables of schema '{owner.decode()}'; those of '{schema}' could not be "
            "committed together with them. Commit first"
        )
    if change.rows is None:
        store.put(_JOURNAL, _TABLES, b"")
    columns = None if change.columns is None else change.columns.empty_table()
    record = (change.operation, change.table, change.rows, columns, dict(change.options), change.schema)
    store.append(_JOURNAL, b"", dump_value(record))


def next_place(store: Store) -> int:
    """A place in the journal after all changes so far, and before all later ones."""
    return store.append(_PLACES, b"", b"")  # a scope's ids increase over all its logs


def changes_tables(store: Store) -> bool:
    """Whether a transaction has made, removed or altered tables."""
    return store.get(_JOURNAL, _TABLES) is not None


def read_changes(store: Store, until: int | None = None) -> tuple[str | None, list[Change]]:
    """The schema that a transaction has changed, None if none, and the changes in order.

    Args:
        store: that of the transaction.
        until: a place in the journal; later changes are left out. None: none is.
    """
    owner = store.get(_JOURNAL, _SCHEMA)
    changes = []
    for place, data in store.log_scan(_JOURNAL, b""):
        if until is not None and place > until:
            break
        operation, table, rows, columns, options, in_schema = load_value(data)
        schema = None if columns is None else columns.schema
        changes.append(Change(operation, table, rows, schema, options, in_schema))
    return (None if owner is None else owner.decode()), changes
