"""Table functions of every shape."""

import contextlib
import dataclasses
import datetime
import os
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DATE, DECIMAL, DOUBLE, INTEGER, LIST, STRUCT, TIMESTAMP, VARCHAR

tables = dw.Catalog("tables")

COLUMNS = {"n": BIGINT, "s": VARCHAR}
SCHEMA = pa.schema(list(COLUMNS.items()))
DATA: dict[str, list[Any]] = {"n": [1, 2, None], "s": ["a", None, "c"]}


class Named(NamedTuple):
    n: int | None
    s: str | None


@dataclasses.dataclass
class Row:
    s: str | None
    n: int | None
    more: int = 0


class Frame:
    """As a data frame is to Arrow: anything with this method."""

    def __init__(self, table: pa.Table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


# What is yielded


@tables.table_function(columns=COLUMNS)
def yields_rows() -> Iterator[tuple[int | None, str | None]]:
    yield from zip(DATA["n"], DATA["s"], strict=True)


@tables.table_function(columns=COLUMNS)
def yields_named() -> Iterator[Named]:
    for n, s in zip(DATA["n"], DATA["s"], strict=True):
        yield Named(n, s)


@tables.table_function(columns=COLUMNS)
def yields_dataclasses() -> Iterator[Row]:
    for n, s in zip(DATA["n"], DATA["s"], strict=True):
        yield Row(s, n)


@tables.table_function(columns=COLUMNS)
def yields_dicts() -> Iterator[dict[str, Any]]:
    yield {"s": DATA["s"][:1], "n": DATA["n"][:1]}
    yield {"n": pa.array(DATA["n"][1:], pa.int32()), "s": pa.array(DATA["s"][1:], pa.large_utf8())}


@tables.table_function(columns=COLUMNS)
def yields_numpy() -> Iterator[dict[str, Any]]:
    yield {"n": np.arange(1, 3, dtype=np.int16), "s": np.array(["a", None], dtype=object)}
    yield {"n": pa.chunked_array([[None]], pa.int64()), "s": np.array(["c"])}


@tables.table_function(columns=SCHEMA)
def yields_batches() -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_pydict(DATA, SCHEMA).slice(0, 1)
    yield pa.RecordBatch.from_pydict(DATA).slice(1).select(["s", "n"])


@tables.table_function(columns=COLUMNS)
def yields_tables() -> Iterator[pa.Table]:
    table = pa.table(DATA, SCHEMA)
    yield pa.concat_tables([table.slice(0, 1), table.slice(1, 1)])
    yield table.slice(2).cast(pa.schema([("n", pa.int8()), ("s", pa.utf8())]))


@tables.table_function(columns=COLUMNS)
def yields_frames() -> Iterator[Frame]:
    yield Frame(pa.table(DATA).slice(0, 2))
    yield Frame(pa.table(DATA).slice(2))


@tables.table_function(columns=COLUMNS)
def yields_everything() -> Iterator[Any]:
    yield (1, "a")
    yield Named(2, None)
    yield {"n": [], "s": []}
    yield pa.table(DATA, SCHEMA).slice(2)
    yield SCHEMA.empty_table()


# What is returned


@tables.table_function(columns=COLUMNS)
def returns_table() -> pa.Table:
    return pa.table(DATA, SCHEMA)


@tables.table_function(columns=COLUMNS)
def returns_batch() -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(DATA, SCHEMA)


@tables.table_function(columns=COLUMNS)
def returns_reader() -> pa.RecordBatchReader:
    return pa.table(DATA, SCHEMA).to_reader(max_chunksize=1)


@tables.table_function(columns=COLUMNS)
def returns_dict() -> dict[str, list[Any]]:
    return DATA


@tables.table_function(columns=COLUMNS)
def returns_frame() -> Frame:
    return Frame(pa.table(DATA))


@tables.table_function(columns=COLUMNS)
def returns_list() -> list[tuple[Any, ...]]:
    return list(zip(DATA["n"], DATA["s"], strict=True))


@tables.table_function(columns=COLUMNS)
def nothing(how: str) -> Any:
    if how == "no rows":
        return iter(())
    if how == "no list":
        return []
    if how == "an empty table":
        return SCHEMA.empty_table()
    return (SCHEMA.empty_table() for _ in range(3))


@tables.table_function(columns={"n": BIGINT})
def zero_row_batches(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {"n": []}
        yield {"n": [n]}
        yield {"n": pa.array([], pa.int64())}


@tables.table_function(columns={"n": BIGINT, "s": VARCHAR})
def one_batch(rows: int, *, width: int = 1) -> dict[str, Any]:
    """One batch, however large.

    Args:
        rows: how many rows.
        width: of the text in each row.
    """
    return {"n": np.arange(rows), "s": ["x" * width] * rows}


# When it arrives, and how it ends


@tables.table_function(columns={"n": BIGINT})
def gated(gate: str, *, rows: int = 3) -> Iterator[tuple[int]]:
    """The first row at once; the others when the file ``gate`` exists."""
    yield (0,)
    deadline = time.monotonic() + 60
    for n in range(1, rows):
        while not os.path.exists(gate) and time.monotonic() < deadline:
            time.sleep(0.005)
        yield (n,)


@tables.table_function(columns={"n": BIGINT})
def witnessed(file: str, *, rows: int = 1_000_000, batch: int = 1000) -> Iterator[dict[str, Any]]:
    """Leaves in ``file`` how it ended."""
    ended = "exhausted"
    sent = 0
    try:
        for start in range(0, rows, batch):
            yield {"n": range(start, min(start + batch, rows))}
            sent += 1
    except (GeneratorExit, KeyboardInterrupt):  # the latter: the client's signal came while the next rows were made
        ended = "closed"
        raise
    finally:
        Path(file).write_text(f"{ended} {sent}", encoding="utf-8")


@tables.table_function(columns={"n": BIGINT})
def endless(started: str, witness: str) -> Iterator[dict[str, Any]]:
    try:
        while True:
            yield {"n": range(1000)}
            Path(started).write_text("yes", encoding="utf-8")
    finally:
        Path(witness).write_text("ended", encoding="utf-8")


@tables.table_function(columns={"n": BIGINT})
def fails_at_once(value: int) -> Iterator[tuple[int]]:
    if value >= 0:
        raise ValueError(f"no rows for {value}")
    yield (value,)


@tables.table_function(columns={"n": BIGINT})
def fails_when_called(value: int) -> list[tuple[int]]:
    raise ValueError(f"not called with {value}")


@tables.table_function(columns={"n": BIGINT})
def fails_after(rows: int) -> Iterator[dict[str, Any]]:
    for n in range(rows):
        yield {"n": [n]}
    raise ValueError(f"no more than {rows}")


@tables.table_function(columns={"n": BIGINT})
def fails_in_finally(rows: int) -> Iterator[tuple[int]]:
    with contextlib.ExitStack() as stack:
        stack.callback(_fail)
        for n in range(rows):
            yield (n,)


def _fail() -> None:
    raise ValueError("the clean-up failed")


# Arguments


@tables.table_function(columns={"text": VARCHAR})
def shown(
    count: int,
    name: str | None,
    *,
    step: int = 1,
    Label: str = "none",
    when: datetime.date | None = None,
    required: float,
) -> Iterator[tuple[str]]:
    """Show the arguments.

    Args:
        count: the first.
        name: the second, may be NULL.
        step: by name.
        Label: with a capital.
        when: a day.
        required: must be given.
    """
    yield (f"{count!r} {name!r} {step!r} {Label!r} {when!r} {required!r}",)


@tables.table_function(columns={"text": VARCHAR})
def defaults(count: int = 3, name: str = "x", *, times: int = 1) -> Iterator[tuple[str]]:
    yield (f"{count} {name} {times}",)


@tables.table_function(columns={"text": VARCHAR})
def many(first: str, *rest: int, separator: str = ",") -> Iterator[tuple[str]]:
    yield (first + separator.join(map(str, rest)),)


@tables.table_function(columns={"text": VARCHAR})
def typed(
    number: Annotated[Decimal, DECIMAL(10, 3)],
    values: list[int],
    members: Annotated[dict[str, Any], STRUCT({"a": INTEGER, "b": LIST(VARCHAR)})],
    anything: Any,
    flag: bool,
) -> Iterator[tuple[str]]:
    yield (f"{number!r} {values!r} {members!r} {anything!r} {flag!r}",)


@tables.table_function(columns={"text": VARCHAR})
def contextual(ctx: dw.Context, value: int) -> Iterator[tuple[str]]:
    ctx.log("scanning", level="WARN")
    yield (f"{ctx.catalog} {ctx.function} {ctx.rows} {value}",)


@tables.table_function(name="chosen", columns={"form": VARCHAR})
def chosen_int(value: int) -> Iterator[tuple[str]]:
    yield ("BIGINT",)


@tables.table_function(name="chosen", columns={"form": VARCHAR, "more": BIGINT})
def chosen_str(value: str) -> Iterator[tuple[str, int]]:
    yield ("VARCHAR", 1)


@tables.table_function(name="chosen", columns={"form": VARCHAR})
def chosen_two(value: int, other: int, *, named: str = "") -> Iterator[tuple[str]]:
    yield (f"BIGINT, BIGINT {named}",)


# Mistakes


@tables.table_function(columns={"n": BIGINT, "s": VARCHAR})
def mistaken(how: str) -> Iterator[Any]:
    yield MISTAKES[how]


MISTAKES: dict[str, Any] = {
    "short row": (1,),
    "long row": (1, "a", 2),
    "scalar": 5,
    "text": "ab",
    "list": [1, "a"],
    "none": None,
    "wrong value": ("x", "a"),
    "fraction": (1.5, "a"),
    "missing column": {"n": [1]},
    "unknown column": {"n": [1], "s": ["a"], "t": [1], "u": [2]},
    "lengths": {"n": [1, 2], "s": ["a"]},
    "scalar column": {"n": 1, "s": "a"},
    "text column": {"n": [1], "s": "a"},
    "type of batch": pa.RecordBatch.from_pydict({"n": ["x"], "s": ["a"]}),
    "lossy batch": pa.RecordBatch.from_pydict({"n": [1.5], "s": ["a"]}),
    "lossy numpy": {"n": np.array([1.5]), "s": ["a"]},
    "columns of batch": pa.RecordBatch.from_pydict({"n": [1], "t": ["a"]}),
    "repeated column": pa.RecordBatch.from_arrays([pa.array([1])] * 2, ["n", "n"]),
    "dataclass": dataclasses.make_dataclass("Other", ["n"])(1),
    "2d": {"n": np.zeros((1, 2)), "s": ["a"]},
}


@tables.table_function(columns={"n": BIGINT})
def returns_none() -> None:
    return None


@tables.table_function(columns={"n": BIGINT})
def returns_text() -> str:
    return "rows"


@tables.table_function(columns={"b": BOOLEAN, "d": DATE, "t": TIMESTAMP, "f": DOUBLE})
def other_types() -> Iterator[Any]:
    yield (True, datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), 1)
    yield {
        "b": np.array([False]),
        "d": np.array(["2024-01-02"], "datetime64[D]"),
        "t": np.array(["2024-01-02T03:04:05"], "datetime64[ns]"),
        "f": np.array([1.5], np.float32),
    }
