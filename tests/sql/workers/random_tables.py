"""Tables that a test has drawn: ``t(path)`` has the rows of an Arrow file.

The metadata of a field may say which SQL type it has. Beside the file, a line for each scan tells the
filters that came with it.
"""

import functools
import random
from collections.abc import Iterator

import pyarrow as pa

import duckwing as dw
from duckwing.types import parse
from duckwing.types.convert import from_duckdb

drawn = dw.Catalog("random_tables")


@functools.lru_cache(maxsize=4)
def _read(path: str) -> pa.RecordBatch:
    with pa.ipc.open_file(path) as file:
        assert file.num_record_batches == 1
        batch = file.get_batch(0)
    columns = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        sql = (field.metadata or {}).get(b"sql")
        convert = None if sql is None else from_duckdb(column.type, parse(sql.decode()))
        columns[field.name] = column if convert is None else convert(column)
    return pa.RecordBatch.from_pydict(columns)


def _columns(path: str) -> pa.Schema:
    return _read(path).schema


@drawn.table_function(columns=_columns)
def t(path: str, ctx: dw.Context) -> Iterator[pa.RecordBatch]:
    """The rows, in batches of different lengths."""
    with open(f"{path}.scans", "a", encoding="utf-8") as scans:
        scans.write(f"{len(ctx.filters)}\n")
    batch = _read(path)
    rng, start = random.Random(path), 0
    while start < batch.num_rows:
        count = rng.choice((1, 5, 30, batch.num_rows))
        yield batch.slice(start, count)
        start += count
