"""Formats for COPY."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from annotated_types import Ge

import duckwing as dw

copying = dw.Catalog("copying")


@copying.copy_from("lines", comment="Lines of text")
def read_lines(path: str, *, skip: Annotated[int, Ge(0)] = 0, sep: str = ",") -> Iterator[tuple[Any, ...]]:
    """Values between separators."""
    for line in Path(path).read_text("utf-8").splitlines()[skip:]:
        yield tuple(value or None for value in line.split(sep))


@copying.copy_to("lines")
def write_lines(rows: Iterator[pa.RecordBatch], path: str, *, header: bool = False, sep: str = ",") -> None:
    """Values between separators."""
    with open(path, "w", encoding="utf-8") as file:
        for number, batch in enumerate(rows):
            if header and number == 0:
                file.write(sep.join(batch.schema.names) + "\n")
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                file.write(sep.join("" if value is None else str(value) for value in row) + "\n")


@copying.copy_from("json")
def read_json(path: str, *, ctx: dw.Context, encoding: Literal["utf-8", "latin-1"]) -> Iterator[dict[str, list[Any]]]:
    """A JSON object for each line; what the table has no column for is left out."""
    records = [json.loads(line) for line in Path(path).read_text(encoding).splitlines()]
    yield {name: [record.get(name) for record in records] for name in ctx.target.names}


@copying.copy_to("counted", ordered=False)
def write_counts(rows: pa.RecordBatchReader, path: str, *, fail: bool = False) -> None:
    """How many rows there were; a failing one leaves nothing behind."""
    file = Path(path)
    file.write_text("begun", "utf-8")
    try:
        count = sum(batch.num_rows for batch in rows)
        if fail:
            raise ValueError(f"will not write {count} rows")
        file.write_text(str(count), "utf-8")
    except ValueError:
        with contextlib.suppress(FileNotFoundError):
            os.remove(file)
        raise


if __name__ == "__main__":
    dw.Worker(copying).run()
