"""Formats for COPY: lines of text between delimiters, and what a secret says.

The functions that read and write them are functions of SQL, too. The formats do not need that, but
those who list the functions of the catalog expect to see them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from annotated_types import Ge, Le

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

from .catalog import example

WrittenRows = dict[str, list[int]]


@example.copy_from(
    "example_lines",
    handler="example_lines_copy_reader",
    comment="Toy delimited-text reader for tests",
    tags={"category": "copy_from", "stability": "test"},
)
def read_lines(
    path: str,
    *,
    ctx: dw.Context,
    null_string: str,
    delimiter: str = ",",
    skip_rows: Annotated[int, Ge(0)] = 0,
    on_error: Literal["fail", "skip"] = "fail",
) -> dict[str, pa.Array]:
    """Reads delimited text

    Args:
        null_string: Token parsed as SQL NULL
        delimiter: Field separator
        skip_rows: Leading lines to skip before data
        on_error: Behavior on a row whose column count does not match the target
    """
    target = ctx.target
    rows: list[list[str | None]] = []
    for line in Path(path).read_text("utf-8").split("\n")[skip_rows:]:
        line = line.removesuffix("\r")
        if not line:
            continue
        cells = line.split(delimiter)
        if len(cells) == len(target):
            rows.append([None if cell == null_string else cell for cell in cells])
        elif on_error == "fail":
            raise ValueError(f"example_lines: row has {len(cells)} fields, expected {len(target)}: {line!r:.80}")
    return {
        field.name: pa.array([row[place] for row in rows], VARCHAR).cast(field.type)
        for place, field in enumerate(target)
    }


def texts_of(column: pa.Array) -> list[str | None]:
    """The values of a column as text, from which they can be read again."""
    if pa.types.is_floating(column.type):
        return [None if value is None else repr(value) for value in column.to_pylist()]
    if pa.types.is_string(column.type):
        return list(column.to_pylist())
    try:
        return list(column.cast(VARCHAR).to_pylist())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return [None if value is None else str(value) for value in column.to_pylist()]


def write_lines(
    rows: pa.RecordBatchReader,
    path: str,
    *,
    null_string: str,
    delimiter: str = ",",
    header: bool = False,
    header_repeat: Annotated[int, Ge(0), Le(3)] = 1,
    on_exists: Literal["overwrite", "error"] = "overwrite",
    fail_on_value: str = "",
) -> WrittenRows:
    """Writes delimited text

    Args:
        null_string: Token written for SQL NULL
        delimiter: Field separator
        header: Write a header row of column names
        header_repeat: When header=true, write the header line this many times
        on_exists: Behavior when the destination file already exists
        fail_on_value: If non-empty, fail mid-write when a cell equals this value
    """
    file = Path(path)
    if on_exists == "error" and file.exists():
        raise FileExistsError(f"example_lines_out: the file already exists: {path}")
    written = 0
    try:
        with file.open("w", encoding="utf-8", newline="") as lines:
            if header:
                lines.write((delimiter.join(rows.schema.names) + "\n") * header_repeat)
            for batch in rows:
                columns = [texts_of(column) for column in batch.columns]
                if fail_on_value and any(fail_on_value in column for column in columns):
                    raise ValueError(f"example_lines_out: fail_on_value hit: {fail_on_value!r}")
                for row in zip(*columns, strict=True):
                    lines.write(delimiter.join(null_string if cell is None else cell for cell in row) + "\n")
                written += batch.num_rows
    except ValueError:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
        raise
    return {"rows": [written]}


WRITER_TAGS = {"category": "copy_to", "stability": "test"}

example.copy_to(
    "example_lines_out",
    handler="example_lines_writer",
    ordered=False,
    comment="Toy delimited-text writer for tests",
    tags=WRITER_TAGS,
)(write_lines)
example.copy_to(
    "example_lines_ordered_out",
    handler="example_lines_ordered_writer",
    comment="Toy delimited-text writer (ordered, single-thread sink)",
    tags=WRITER_TAGS,
)(write_lines)

SecretOfPath = Annotated[dw.Secret, dw.Lookup("vgi_example", scope="path")]


def key_of(secret: dw.Secret | None, secret_type: str) -> str:
    """What the secret holds, or that there is none of that type."""
    if secret is None or secret_type.lower() != "vgi_example":
        return "NONE"
    return str(secret.get("api_key") or "NONE")


@example.copy_from("secret_lines_in", handler="secret_lines_reader")
def read_secret(
    path: str, *, secret: SecretOfPath | None, ctx: dw.Context, secret_type: str = "vgi_example"
) -> Iterator[tuple[Any, ...]]:
    """Reads what a secret for the path holds"""
    yield (key_of(secret, secret_type), *[None] * (len(ctx.target) - 1))


@example.copy_to("secret_lines_out", handler="secret_lines_writer", ordered=False)
def write_secret(
    rows: pa.RecordBatchReader, path: str, *, secret: SecretOfPath | None, secret_type: str = "vgi_example"
) -> WrittenRows:
    """Writes what a secret for the path holds, and how many rows there were"""
    count = sum(batch.num_rows for batch in rows)
    Path(path).write_text(f"api_key={key_of(secret, secret_type)}\nrows={count}\n", "utf-8")
    return {"rows": [count]}


for _format in example.copy_formats:
    if _format.reader is not None:
        example.add(dw.table_function(name=_format.handler, columns={"value": VARCHAR})(_format.reader.function))
    if _format.writer is not None:
        example.add(dw.buffering(name=_format.handler, columns={"rows": BIGINT})(_format.writer.function))
