"""Table functions of ``example`` that depend on settings of the session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, VARCHAR

from .catalog import example, plain
from .counting import Count, exact, integers, ranges, texts


def settings_columns(ctx: dw.Context) -> dict[str, pa.DataType]:
    """The columns of ``settings_aware``: one more in verbose mode."""
    columns = {"id": BIGINT, "greeting": VARCHAR, "value": DOUBLE}
    return columns | {"details": VARCHAR} if ctx.settings["vgi_verbose_mode"] else columns


@plain(columns=settings_columns, cardinality=exact, settings=["vgi_verbose_mode", "greeting", "multiplier"])
def settings_aware(count: Count, *, ctx: dw.Context) -> Iterator[dict[str, Any]]:
    """Generates data demonstrating settings are passed"""
    settings = ctx.settings
    for start, stop in ranges(count, 1000):
        rows = {
            "id": integers(start, stop),
            "greeting": [settings["greeting"]] * (stop - start),
            "value": np.arange(start, stop) * 2.5 * settings["multiplier"],
        }
        if settings["vgi_verbose_mode"]:
            rows["details"] = texts("row_", start, stop)
        yield rows


@plain(columns={"n": BIGINT, "label": VARCHAR}, cardinality=exact, settings=["config"])
def struct_settings(count: Count, *, ctx: dw.Context) -> Iterator[tuple[int, str]]:
    """Generate a sequence configured by a struct setting"""
    config = ctx.settings["config"]
    for i in range(count):
        yield config["start"] + i * config["step"], f"{config['label']}_{i}"


@example.table_in_out(settings=["threshold"], projection=False)
def filter_by_setting(data: pa.RecordBatch, *, ctx: dw.Context) -> pa.RecordBatch:
    """Filter rows where value column >= threshold setting"""
    import pyarrow.compute as pc

    return data.filter(pc.greater_equal(data["value"], ctx.settings["threshold"]))
