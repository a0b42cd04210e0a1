"""Words of a command line as values, and files as tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ..errors import ArgumentError, Error
from ..types.names import sql_name

READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}
"""The functions of DuckDB that read files, by suffix."""

ARROW = (".arrow", ".arrows", ".feather", ".ipc")


def from_text(text: str, type: pa.DataType, what: str) -> Any:
    """A word as a value of a declared type, cast as DuckDB casts it: ``3``, ``2024-02-29``, ``[1, 2]``, ``{'a': 1}``.

    For ANY it is read as JSON, and stays a text if it is none.

    Raises:
        ArgumentError: it is no such value.
    """
    if pa.types.is_null(type):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if pa.types.is_string(type):
        return text
    try:
        with duckdb.connect() as connection:
            found = connection.execute(f"SELECT CAST(? AS {sql_name(type)})", [text]).to_arrow_table()
    except duckdb.Error as error:
        raise ArgumentError(f"{what} must be {sql_name(type)}, got {text!r}: {_reason(error)}") from None
    return found.column(0)[0]


def read_table(file: Path) -> pa.Table:
    """A file of Parquet, Arrow, CSV or JSON, told by its suffix.

    Raises:
        Error: it cannot be read, or its suffix is none of these.
    """
    suffix = file.suffix.lower()
    try:
        if suffix in ARROW:
            return _read_arrow(file)
        if suffix not in READERS:
            known = ", ".join([*READERS, *ARROW])
            raise Error(f"{file}: the suffix says what is in a file; expected one of {known}")
        with duckdb.connect() as connection:
            return connection.execute(f"FROM {READERS[suffix]}(?)", [str(file)]).to_arrow_table()
    except (OSError, pa.ArrowException, duckdb.Error) as error:
        raise Error(f"{file} cannot be read: {_reason(error)}") from error


def _read_arrow(file: Path) -> pa.Table:
    with pa.memory_map(str(file)) as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()


def _reason(error: BaseException) -> str:
    return str(error).split("\n", 1)[0]
