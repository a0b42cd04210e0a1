"""Tables that are written to without transactions. Their rows are a log in the state of the attachment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

COLUMNS = {"id": BIGINT, "text": VARCHAR, "row": BIGINT}


class Notes:
    """``notes`` numbers its rows; ``counted`` has no RETURNING, ``added`` only INSERT, ``silent`` gives no rows."""

    writes = ("insert", "update", "delete")

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> list[str]:
        return ["notes", "counted", "added", "silent"]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        if name not in self.tables(ctx):
            return None
        writes = ["insert"] if name == "added" else None
        return dw.TableDefinition(COLUMNS, row_id="row", writes=writes, returning=name != "counted")

    def scan(self, name: str, ctx: dw.Context) -> Iterator[tuple[Any, ...]]:
        for row, (id_, text) in self.rows(name, ctx).items():
            yield id_, text, row

    def write(self, change: dw.Change, ctx: dw.Context) -> list[tuple[Any, ...]] | int | None:
        assert change.rows is not None
        before = self.rows(change.table, ctx)
        given = change.rows.to_pylist()
        done: list[tuple[Any, ...]] = []
        for number, row in enumerate(given):
            if row.get("text") == "never":
                raise ValueError("a note that must not be")
            if change.operation == "insert":
                row = {"id": 10 * (len(before) + number + 1), "text": row["text"], "row": len(before) + number}
            done.append((row.get("id", 0), row.get("text", before.get(row["row"], (0, None))[1])))
            ctx.state.attachment.append(change.table, (change.operation, row))
        if change.table == "counted":
            return 100 + len(done)
        return None if change.table == "silent" else done

    def rows(self, name: str, ctx: dw.Context) -> dict[int, tuple[Any, ...]]:
        rows: dict[int, tuple[Any, ...]] = {}
        for operation, row in ctx.state.attachment.read(name):
            if operation == "delete":
                del rows[row["row"]]
            else:
                old = rows.get(row["row"], (None, None))
                rows[row["row"]] = (row.get("id", old[0]), row.get("text", old[1]))
        return rows


direct = dw.Catalog("direct")
direct.mount(Notes())
