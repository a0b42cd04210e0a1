"""Tables that can be written to: a folder with a file for each schema, which a commit replaces as a whole.

What a transaction sees is computed from the file and ``ctx.changes``. A file ``crash`` in the folder names the
step at which the next process kills itself, once.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

ROW = "_row"


@dataclass(frozen=True)
class Held:
    """A table: its rows with their ids, and the options of CREATE TABLE."""

    name: str
    rows: pa.Table
    options: dict[str, Any] = field(default_factory=dict)
    next_id: int = 0


State = dict[str, Held]


class Folder:
    """The tables of one schema."""

    writes: tuple[str, ...] = (
        *("insert", "update", "delete"),
        *("create_table", "drop_table", "rename_table", "add_column", "drop_column", "rename_column"),
    )

    schema = "main"

    def __init__(self, folder: str):
        self.folder = Path(folder)
        self.file = self.folder / f"{self.schema}.state"
        with (self.folder / "pids").open("a") as pids:
            pids.write(f"{os.getpid()}\n")

    def version(self, ctx: dw.Context) -> int:
        return 1 + self.base()[0]

    def tables(self, ctx: dw.Context) -> list[str]:
        return [held.name for held in self.seen(ctx).values()]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        held = self.seen(ctx).get(name.lower())
        return None if held is None else dw.TableDefinition(held.rows.schema, row_id=ROW, **held.options)

    def scan(self, name: str, ctx: dw.Context) -> Iterator[pa.Table]:
        self.crash("scan")
        yield self.seen(ctx)[name.lower()].rows

    def check(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None:
        self.crash("check")
        for change in changes:
            if change.operation == "insert" and change.rows is not None and "never" in change.rows.schema.names:
                raise ValueError("nothing may be inserted here")

    def apply(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None:
        self.crash("apply")
        version, state = self.base()
        state = done(state, changes)
        for held in state.values():
            check_key(held)
        new = self.file.with_suffix(".new")
        new.write_bytes(pickle.dumps((version + 1, state)))
        self.crash("half")
        new.replace(self.file)
        self.crash("done")

    def seen(self, ctx: dw.Context) -> State:
        return done(self.base()[1], ctx.changes)

    def base(self) -> tuple[int, State]:
        try:
            version, state = pickle.loads(self.file.read_bytes())
        except FileNotFoundError:
            return 0, {}
        return version, state

    def crash(self, step: str) -> None:
        wanted = self.folder / "crash"
        with contextlib.suppress(FileNotFoundError):
            if wanted.read_text() == step:
                wanted.unlink()
                os.kill(os.getpid(), signal.SIGKILL)


class Other(Folder):
    """The tables of another schema of the same catalog."""

    schema = "other"


class Inserts(Folder):
    """Rows can be added, and nothing else."""

    schema = "inserts"
    writes = ("insert",)

    def base(self) -> tuple[int, State]:
        return 1, {"log": Held("log", pa.table({"n": pa.array([1], BIGINT), ROW: pa.array([0], BIGINT)}))}


def done(state: State, changes: Sequence[dw.Change]) -> State:
    """The tables after some changes."""
    state = dict(state)
    for change in changes:
        key = change.table.lower()
        if change.operation == "create_table":
            assert change.columns is not None
            columns = pa.schema([*(f.remove_metadata() for f in change.columns), pa.field(ROW, BIGINT)])
            defaults = {
                f.name: f.metadata[b"default"].decode() for f in change.columns if b"default" in (f.metadata or {})
            }
            state[key] = Held(change.table, columns.empty_table(), {**change.options, "defaults": defaults})
            continue
        if change.operation == "drop_table":
            del state[key]
            continue
        held = state.pop(key)
        state[change.options["new_name"].lower() if change.operation == "rename_table" else key] = step(held, change)
    return state


def step(held: Held, change: dw.Change) -> Held:
    """A table after one change."""
    rows, options = held.rows, change.options
    match change.operation:
        case "insert":
            new = change.rows
            assert new is not None
            ids = pa.array(range(held.next_id, held.next_id + new.num_rows), BIGINT)
            added = pa.table({**dict(zip(new.schema.names, new.columns, strict=True)), ROW: ids})
            rows = pa.concat_tables([rows, added.select(rows.schema.names).cast(rows.schema)])
            return replace(held, rows=rows, next_id=held.next_id + new.num_rows)
        case "update":
            assert change.rows is not None
            places = pc.index_in(rows[ROW], change.rows.column(ROW))
            hit = pc.is_valid(places)
            for name in change.rows.schema.names:
                if name != ROW:
                    new_values = change.rows.column(name).take(places.combine_chunks())
                    column = (
                        pc.if_else(hit, new_values, rows[name])
                        if simple(rows[name].type)
                        else pa.array(
                            [
                                n if h else o
                                for h, n, o in zip(
                                    hit.to_pylist(), new_values.to_pylist(), rows[name].to_pylist(), strict=True
                                )
                            ],
                            rows[name].type,
                        )
                    )
                    rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), column)
        case "delete":
            assert change.rows is not None
            rows = rows.filter(pc.invert(pc.is_in(rows[ROW], change.rows.column(ROW))))
        case "rename_table":
            return replace(held, name=options["new_name"])
        case "add_column":
            assert change.columns is not None
            new_field = change.columns.field(0)
            rows = rows.add_column(rows.num_columns - 1, new_field, pa.nulls(rows.num_rows, new_field.type))
        case "drop_column":
            rows = rows.drop_columns([options["column"]])
            return replace(held, rows=rows, options=with_names(held.options, {options["column"]: None}))
        case "rename_column":
            names = {options["column"]: options["new_name"]}
            rows = rows.rename_columns([names.get(n, n) for n in rows.schema.names])
            return replace(held, rows=rows, options=with_names(held.options, names))
    return replace(held, rows=rows)


def with_names(options: dict[str, Any], names: dict[str, str | None]) -> dict[str, Any]:
    """Options with other names of columns; None: the column has gone."""

    def new(columns: Sequence[str]) -> list[str]:
        return [found for name in columns if (found := names.get(name, name)) is not None]

    return {
        "primary_key": new(options["primary_key"]),
        "not_null": new(options["not_null"]),
        "defaults": {names.get(n, n): d for n, d in options["defaults"].items() if names.get(n, n) is not None},
    }


def simple(type_: pa.DataType) -> bool:
    """Whether pyarrow can choose between values of a type."""
    return not pa.types.is_nested(type_)


def check_key(held: Held) -> None:
    """Refuse a table with the same key twice."""
    key = held.options.get("primary_key")
    if key and held.rows.group_by(list(key)).aggregate([]).num_rows < held.rows.num_rows:
        raise ValueError(f"duplicate key in table {held.name}")


store = dw.Catalog("store")
store.attach_option("folder", VARCHAR, required=True)
store.mount(Folder)
store.mount(Other, schema=store.schema("other"))
store.mount(Inserts, schema=store.schema("inserts"))

fixed = dw.Catalog("fixed")


@fixed.table_function(columns={"n": BIGINT})
def numbers() -> Iterator[tuple[int]]:
    yield (1,)


fixed.table("listed", numbers)
