"""Aggregate functions whose code comes with the query.

Who may ask such a function may do whatever the worker may, so they are there only if the environment says so.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import Annotated, Any, Self

import pyarrow as pa

import duckwing as dw
from duckwing.types import DOUBLE, MAP, VARCHAR

from .catalog import example


@functools.lru_cache(maxsize=64)
def class_of(code: str) -> Any:
    """The class ``Aggregate`` that a piece of Python declares.

    Raises:
        ValueError: it declares none.
    """
    import numpy as np

    names: dict[str, Any] = {
        "pa": pa,
        "np": np,
        "dataclass": dataclasses.dataclass,
        "field": dataclasses.field,
        "Annotated": Annotated,
    }
    exec(compile(code, "<code>", "exec"), names)  # noqa: S102 (that is what these functions are for)
    if "Aggregate" not in names:
        raise ValueError("the code of a dynamic aggregate declares a class Aggregate with a static method finalize")
    return names["Aggregate"]


def number(value: Any) -> float | None:
    """What the code has returned."""
    return None if value is None else float(value)


def table_of(columns: Sequence[pa.Array]) -> pa.Table:
    """The columns ``c0``, ``c1``, …"""
    return pa.table({f"c{place}": column for place, column in enumerate(columns)})


class Rows:
    """All rows of a group, and the code of the first."""

    code: str
    parts: list[Any]

    def __init__(self) -> None:
        self.code = ""
        self.parts = []

    def take(self, code: pa.StringArray, columns: Sequence[pa.Array]) -> None:
        if not columns:
            raise ValueError("a dynamic aggregate requires at least 1 value behind its code")
        self.code = self.code or code[0].as_py()
        self.parts.append(list(columns))

    def merge(self, other: Self) -> None:
        self.code = self.code or other.code
        self.parts += other.parts

    def table(self) -> pa.Table:
        return table_of([pa.chunked_array(list(column)) for column in zip(*self.parts, strict=True)])


def frame(code: pa.StringArray, columns: Sequence[pa.Array], *more: Any) -> float | None:
    """What the code says of the rows of a frame."""
    aggregate = class_of(code[0].as_py())
    return number(getattr(aggregate, "window", aggregate.finalize)(table_of(columns), *more))


class vgi_dynamic_agg(Rows):  # noqa: N801
    """Aggregate by Python code: a class Aggregate with a static finalize(table)"""

    def update(self, code: pa.StringArray, *columns: pa.Array) -> None:
        self.take(code, columns)

    def result(self) -> float | None:
        return number(class_of(self.code).finalize(self.table()))

    def window(self, code: pa.StringArray, *columns: pa.Array) -> float | None:
        return frame(code, columns)


Params = Annotated[pa.MapArray, MAP(VARCHAR, DOUBLE)]


class vgi_dynamic_ml_agg(Rows):  # noqa: N801
    """Aggregate by Python code and parameters: a class Aggregate with a static finalize(table, params)"""

    params: dict[str, float]

    def __init__(self) -> None:
        super().__init__()
        self.params = {}

    def update(self, code: pa.StringArray, params: Params, *columns: pa.Array) -> None:
        self.params = self.params or dict(params[0].as_py())
        self.take(code, columns)

    def merge(self, other: Self) -> None:
        self.params = self.params or other.params
        super().merge(other)

    def result(self) -> float | None:
        return number(class_of(self.code).finalize(self.table(), self.params))

    def window(self, code: pa.StringArray, params: Params, *columns: pa.Array) -> float | None:
        return frame(code, columns, dict(params[0].as_py()))


if os.environ.get("VGI_WORKER_SUPPORTS_DYNAMIC_CODE"):
    for _aggregate in (vgi_dynamic_agg, vgi_dynamic_ml_agg):
        example.add(dw.aggregate(returns=DOUBLE)(_aggregate))
