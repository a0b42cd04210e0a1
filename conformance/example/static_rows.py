"""Scans of the small tables of ``data`` with fixed rows, one batch each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, FLOAT, STRUCT, VARCHAR

from .catalog import example, plain
from .row_ids import ROW_ID

Rows = Sequence[tuple[Any, ...]]
Statistics = dw.ColumnStatistics


def columns_of(schema: Mapping[str, pa.DataType], rows: Rows) -> dict[str, list[Any]]:
    """Rows as columns."""
    return dict(zip(schema, map(list, zip(*rows, strict=True)), strict=True))


DEPARTMENTS = {"id": BIGINT, "name": VARCHAR, "budget": DOUBLE}
EMPLOYEES = {"id": BIGINT, "name": VARCHAR, "email": VARCHAR, "department_id": BIGINT}
PROJECTS = {"department_id": BIGINT, "project_code": VARCHAR, "title": VARCHAR}
PRODUCTS = {"id": BIGINT, "name": VARCHAR, "quantity": BIGINT, "price": DOUBLE}
COLORS = {"id": BIGINT, "color": VARCHAR, "hex_code": VARCHAR}

# The bounds of departments and products are wider than their rows, which is allowed.


@plain(
    columns=DEPARTMENTS,
    statistics={
        "id": Statistics(min=1, max=10, nulls=False, distinct=10),
        "name": Statistics(min="Accounting", max="Sales", nulls=False, distinct=10, unicode=False, max_length=20),
        "budget": Statistics(min=50000.0, max=500000.0, nulls=False, distinct=10),
    },
)
def departments_scan() -> dict[str, list[Any]]:
    """The rows of departments"""
    return columns_of(DEPARTMENTS, [(1, "Engineering", 500000), (2, "Sales", 300000), (3, "HR", 200000)])


@plain(columns=EMPLOYEES)
def employees_scan() -> dict[str, list[Any]]:
    """The rows of employees"""
    people = [("Alice", 1), ("Bob", 1), ("Carol", 2), ("Dave", 2), ("Eve", 3)]
    rows = [(i, name, f"{name.lower()}@co.com", department) for i, (name, department) in enumerate(people, 1)]
    return columns_of(EMPLOYEES, rows)


@plain(columns=PROJECTS)
def projects_scan() -> dict[str, list[Any]]:
    """The rows of projects"""
    return columns_of(PROJECTS, [(1, "P001", "Backend API"), (1, "P002", "Frontend UI"), (2, "P003", "Sales Portal")])


@plain(
    columns=PRODUCTS,
    statistics={
        "id": Statistics(min=1, max=100, nulls=False, distinct=100),
        "name": Statistics(min="Anvil", max="Zebra Tape", nulls=False, distinct=100, unicode=False, max_length=30),
        "quantity": Statistics(min=0, max=10000, nulls=True, distinct=50),
        "price": Statistics(min=0.99, max=999.99, nulls=False, distinct=80),
    },
)
def products_scan() -> dict[str, list[Any]]:
    """The rows of products"""
    return columns_of(PRODUCTS, [(1, "Widget", 100, 9.99), (2, "Gadget", 50, 24.99), (3, "Doohickey", 200, 4.99)])


@plain(
    columns=COLORS,
    statistics={
        "id": Statistics(min=1, max=3, nulls=False, distinct=3),
        "color": Statistics(min="blue", max="red", nulls=False, distinct=3, unicode=False, max_length=5),
        "hex_code": Statistics(min="#0000FF", max="#FF0000", nulls=False, distinct=3, unicode=False, max_length=7),
    },
)
def colors_scan() -> dict[str, list[Any]]:
    """The rows of colors"""
    return columns_of(COLORS, [(1, "blue", "#0000FF"), (2, "green", "#00FF00"), (3, "red", "#FF0000")])


# Tables with required filters

SIMPLE = {"a": BIGINT, "b": BIGINT}
PAIR = STRUCT({"a": BIGINT, "b": BIGINT})
STRUCTURED = {"s": PAIR, "other": BIGINT}
NESTED = {"wrapper": STRUCT({"mid": STRUCT({"leaf": BIGINT})})}
MULTI = {"s": PAIR, "top": BIGINT}
BOX = STRUCT({"xmin": FLOAT, "ymin": FLOAT, "xmax": FLOAT, "ymax": FLOAT})
BOXES = pa.schema([pa.field("row_id", BIGINT, metadata=ROW_ID), pa.field("bbox", BOX), pa.field("other", BIGINT)])


@plain(columns=SIMPLE)
def rff_simple_scan() -> dict[str, list[Any]]:
    """The rows of rff_simple and rff_or"""
    return {"a": [1, 2, 3], "b": [10, 20, 30]}


@plain(columns=SIMPLE)
def rff_none_scan() -> dict[str, list[Any]]:
    """The rows of rff_none"""
    return {"a": [1, 2, 3], "b": [10, 20, 30]}


@plain(columns=STRUCTURED)
def rff_struct_scan() -> dict[str, list[Any]]:
    """The rows of rff_struct"""
    return {"s": [{"a": i, "b": 10 * i} for i in (1, 2, 3)], "other": [100, 200, 300]}


@plain(columns=NESTED)
def rff_nested_scan() -> dict[str, list[Any]]:
    """The rows of rff_nested"""
    return {"wrapper": [{"mid": {"leaf": i}} for i in (1, 2, 3)]}


@plain(columns=MULTI)
def rff_multi_scan() -> dict[str, list[Any]]:
    """The rows of rff_multi"""
    return {"s": [{"a": 1, "b": 10}, {"a": 2, "b": 20}], "top": [100, 200]}


@example.table_function(columns=BOXES)
def rff_rowid_scan() -> dict[str, list[Any]]:
    """The rows of rff_rowid"""
    return {
        "row_id": list(range(10)),
        "bbox": [{"xmin": i, "ymin": 2, "xmax": 3, "ymax": 4} for i in range(10)],
        "other": [10 * i for i in range(10)],
    }
