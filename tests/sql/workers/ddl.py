"""A provider with several schemas, tables and views, of which every statement may change whatever it likes.

All of it is one file of JSON, which a commit replaces: ``{schema: {name: relation}}``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import duckwing as dw
from duckwing.functions.changes import Operation
from duckwing.types import BIGINT, VARCHAR, parse
from duckwing.types.names import sql_name

State = dict[str, dict[str, Any]]


class Everything:
    """What is in the file."""

    writes = get_args(Operation)

    def __init__(self, file: str):
        self.file = Path(file)

    def version(self, ctx: dw.Context) -> int:
        return int(self.read()["version"])

    def schemas(self, ctx: dw.Context) -> list[str]:
        return list(self.seen(ctx))

    def tables(self, ctx: dw.Context) -> list[str]:
        return [r["name"] for r in self.relations(ctx).values() if "columns" in r]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        found = self.relations(ctx).get(name.lower())
        if found is None or "columns" not in found:
            return None
        columns = {column: parse(type_) for column, type_ in found["columns"].items()}
        return dw.TableDefinition(
            columns | {"_row": BIGINT},
            row_id="_row",
            not_null=found["not_null"],
            defaults=found["defaults"],
            comment=found["comments"].get(""),
            column_comments={column: text for column, text in found["comments"].items() if column},
        )

    def views(self, ctx: dw.Context) -> list[str]:
        return [r["name"] for r in self.relations(ctx).values() if "definition" in r]

    def view(self, name: str, ctx: dw.Context) -> dw.ViewDefinition | None:
        found = self.relations(ctx).get(name.lower())
        if found is None or "definition" not in found:
            return None
        return dw.ViewDefinition(
            found["definition"],
            comment=found["comments"].get(""),
            column_comments={column: text for column, text in found["comments"].items() if column},
        )

    def scan(self, name: str, ctx: dw.Context) -> list[dict[str, list[Any]]]:
        found = self.relations(ctx)[name.lower()]
        rows = found["rows"]
        return [
            {
                "_row": list(range(len(rows))),
                **{column: [row.get(column) for row in rows] for column in found["columns"]},
            }
        ]

    def check(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None:
        if changes[-1].table.startswith("never"):
            raise ValueError(f"{changes[-1].operation}: nothing may be called so")

    def apply(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None:
        held = self.read()
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"version": held["version"] + 1, "state": after(held["state"], changes)}))
        new.replace(self.file)

    def read(self) -> dict[str, Any]:
        return json.loads(self.file.read_text()) if self.file.exists() else {"version": 1, "state": {}}

    def seen(self, ctx: dw.Context) -> State:
        return after(self.read()["state"], ctx.changes)

    def relations(self, ctx: dw.Context) -> dict[str, Any]:
        return self.seen(ctx).get(ctx.schema, {})


def after(state: State, changes: Sequence[dw.Change]) -> State:
    """What there is after some changes."""
    for change in changes:
        if change.operation == "create_schema":
            state[change.table] = {}
        elif change.operation == "drop_schema":
            del state[change.table]
        else:
            do(state.setdefault(change.schema, {}), change)
    return state


def do(relations: dict[str, Any], change: dw.Change) -> None:
    """One change of a table or view."""
    name, options = change.table, change.options
    key = name.lower()
    match change.operation:
        case "create_table":
            assert change.columns is not None
            defaults = {f.name: (f.metadata or {}).get(b"default") for f in change.columns}
            relations[key] = {
                "name": name,
                "columns": {f.name: sql_name(f.type) for f in change.columns},
                "not_null": options["not_null"],
                "defaults": {column: default.decode() for column, default in defaults.items() if default},
                "comments": {},
                "rows": [],
            }
            return
        case "create_view":
            relations[key] = {"name": name, "definition": options["definition"], "comments": {}}
            return
        case "drop_table" | "drop_view":
            del relations[key]
            return
        case "rename_table" | "rename_view":
            found = relations.pop(key)
            relations[options["new_name"].lower()] = {**found, "name": options["new_name"]}
            return
    found, column = relations[key], options.get("column")
    match change.operation:
        case "insert":
            assert change.rows is not None
            found["rows"] += change.rows.to_pylist()
        case "update":
            assert change.rows is not None
            for row in change.rows.to_pylist():
                found["rows"][row.pop("_row")].update(row)
        case "delete":
            assert change.rows is not None
            gone = set(change.rows.column("_row").to_pylist())
            found["rows"] = [row for place, row in enumerate(found["rows"]) if place not in gone]
        case "add_column" | "change_type":
            assert change.columns is not None
            column, type_ = change.columns.names[0], sql_name(change.columns.types[0])
            found["columns"][column] = type_
            if type_ == "VARCHAR":
                found["rows"] = [
                    {**row, column: None if (v := row.get(column)) is None else str(v)} for row in found["rows"]
                ]
        case "drop_column":
            del found["columns"][column]
        case "rename_column":
            found["columns"] = {options["new_name"] if n == column else n: t for n, t in found["columns"].items()}
        case "set_default":
            found["defaults"][column] = options["expression"]
        case "drop_default":
            del found["defaults"][column]
        case "set_not_null":
            found["not_null"].append(column)
        case "drop_not_null":
            found["not_null"].remove(column)
        case "comment":
            found["comments"].pop(column or "", None)
            if options["comment"] is not None:
                found["comments"][column or ""] = options["comment"]


class TablesOnly(Everything):
    """Views can be seen, and tables made; nothing else."""

    writes = ("create_table",)


everything = dw.Catalog("everything")
everything.attach_option("file", VARCHAR, required=True)
everything.mount(Everything)
everything.view("declared", "SELECT 1 AS one")
everything.schema("fixed").view("declared", "SELECT 2 AS two")

tables_only = dw.Catalog("tables_only")
tables_only.attach_option("file", VARCHAR, required=True)
tables_only.mount(TablesOnly)
