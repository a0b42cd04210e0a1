"""Texts with which other programs attach a worker, to be copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ...types.keywords import identifier
from .inventory import Catalog, Option


@dataclass(frozen=True)
class Snippet:
    """A text for one kind of program."""

    key: str
    title: str
    text: str


def attach_statement(location: str, catalog: Catalog, data_version: str = "") -> str:
    """The ATTACH of a catalog, without a semicolon.

    Args:
        location: URL of the worker.
        catalog: what to attach; required options appear with a value to be replaced.
        data_version: the version of its data to ask for; "" for none.
    """
    parts = ["TYPE vgi", f"LOCATION {literal(location)}"]
    if data_version:
        parts.append(f"data_version_spec {literal(data_version)}")
    parts += [f"{identifier(option.name)} {_placeholder(option)}" for option in catalog.options if option.required]
    return f"ATTACH {literal(catalog.name)} ({', '.join(parts)})"


def snippets(location: str, catalog: Catalog, data_version: str = "") -> Sequence[Snippet]:
    """How to attach a catalog from SQL, Python and Node.

    Args:
        location: URL of the worker.
        catalog: what to attach.
        data_version: the version of its data to ask for; "" for none.
    """
    attach = attach_statement(location, catalog, data_version)
    look = f"FROM duckdb_functions() WHERE database_name = {literal(catalog.name)}"
    python = (
        f"import duckwing\n\ncon = duckwing.connect()\ncon.execute({_python(attach)})\ncon.sql({_python(look)}).show()"
    )
    node = (
        'import { DuckDBInstance } from "@duckdb/node-api";\n\n'
        'const db = await DuckDBInstance.create(":memory:", { allow_unsigned_extensions: "true" });\n'
        "const con = await db.connect();\n"
        "for (const file of [HTTPFS, VGI]) await con.run(`LOAD '${file}'`);  // paths: duckwing engine status\n"
        f"await con.run({json.dumps(attach, ensure_ascii=False)});"
    )
    return (
        Snippet("sql", "SQL", f"{attach};"),
        Snippet("python", "Python", python),
        Snippet("node", "Node", node),
    )


def literal(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _python(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _placeholder(option: Option) -> str:
    return literal(f"<{option.type}>")
