"""What functions know of their query: settings, secrets, the caller, the log."""

from collections.abc import Iterator
from typing import Annotated

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DATE, DECIMAL, DOUBLE, INTEGER, LIST, TIMESTAMP, VARCHAR

context = dw.Catalog("context")

context.setting("context_limit", BIGINT, default=5, description="how many")
context.setting("context_label", VARCHAR, default="none")
context.setting("context_flag", BOOLEAN)
context.setting("context_factor", DOUBLE, default=0.5)
context.setting("context_price", DECIMAL(6, 2))
context.setting("context_days", LIST(DATE))
context.setting("context_since", TIMESTAMP)
context.setting("context_list", LIST(INTEGER), default=[1, 2])

SHOWN = {"text": VARCHAR}


def _shown(ctx: dw.Context) -> str:
    return " ".join(f"{name.removeprefix('context_')}={value!r}" for name, value in sorted(ctx.settings.items()))


@context.table_function(columns=SHOWN)
def settings(ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (_shown(ctx),)


@context.row_function(columns=SHOWN)
def settings_of_row(n: int, ctx: dw.Context) -> tuple[str]:
    return (_shown(ctx),)


@context.table_in_out(columns=SHOWN)
def settings_of_batch(rows: pa.RecordBatch, ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (_shown(ctx),)


@context.buffering(columns=SHOWN)
def settings_of_all(rows: pa.Table, ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (_shown(ctx),)


context.secret_type("context_key", {"key": VARCHAR, "region": VARCHAR}, redact=["key"])
context.secret_type("context_other", {"key": VARCHAR}, redact=["key"])

Key = Annotated[dw.Secret, dw.Lookup("context_key")]


@context.table_function(columns=SHOWN)
def unlocked(path: str, key: Annotated[dw.Secret, dw.Lookup("context_key", scope="path")]) -> Iterator[tuple[str]]:
    """The length of the secret, which it must not print itself."""
    assert key["key"].startswith("hunter2")
    yield (f"{key.name} {key.type} {sorted(key)} {len(key['key'])} {key.get('region')} {list(key.scopes)}",)


@context.table_function(columns=SHOWN)
def perhaps(*, key: Key | None) -> Iterator[tuple[str]]:
    yield ("none" if key is None else key.name,)


@context.table_function(columns=SHOWN)
def named(key: Annotated[dw.Secret, dw.Lookup("context_key", name="the_one")]) -> Iterator[tuple[str]]:
    yield (key["region"],)


@context.table_function(columns=SHOWN)
def two(one: Key, other: Annotated[dw.Secret, dw.Lookup("context_other")]) -> Iterator[tuple[str]]:
    yield (f"{one.type} {other.type} {len(one['key'])} {len(other['key'])}",)


@context.row_function(columns=SHOWN)
def unlocked_row(n: int, key: Key) -> tuple[str]:
    return (f"{n} {len(key['key'])}",)


@context.table_in_out(columns=SHOWN)
class unlocked_batch:
    rows: int = 0

    def __init__(self, key: Key) -> None:
        self.key = key

    def process(self, rows: pa.RecordBatch) -> None:
        self.rows += rows.num_rows

    def finish(self) -> Iterator[tuple[str]]:
        yield (f"{self.rows} {len(self.key['key'])}",)


@context.buffering(columns=SHOWN)
def unlocked_all(rows: pa.Table, key: Key) -> Iterator[tuple[str]]:
    yield (f"{rows.num_rows} {len(key['key'])}",)


@context.table_function(columns={"n": BIGINT})
def fails_with_secret(key: Key, ctx: dw.Context) -> Iterator[tuple[int]]:
    ctx.log("about to fail", key=key)
    if key:
        raise ValueError(f"the key {key} does not open")
    yield (1,)


@context.table_function(columns=SHOWN)
def caller(ctx: dw.Context) -> Iterator[tuple[str]]:
    yield (f"{ctx.caller.principal!r} {ctx.caller.authenticated} {ctx.function} {ctx.catalog}",)


@context.row_function(columns={"n": BIGINT})
def logged_row(n: int, ctx: dw.Context) -> tuple[int]:
    ctx.log("a row", level="WARN", n=n)
    return (n,)


@context.table_in_out
def logged_batch(rows: pa.RecordBatch, ctx: dw.Context) -> pa.RecordBatch:
    ctx.log("a batch", rows=rows.num_rows)
    return rows


@context.buffering
class logged_all:
    def __init__(self, ctx: dw.Context) -> None:
        self.ctx = ctx

    def sink(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        self.ctx.log("kept")
        return rows

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        self.ctx.log("split")
        return [list(range(len(parts)))]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        self.ctx.log("given")
        yield from parts
