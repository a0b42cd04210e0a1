"""Tables of ``data`` with several states, and the functions that scan them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DOUBLE, VARCHAR

from .catalog import data, example, plain
from .counting import integers
from .echo import echo

# Columns that change

_DATA: dict[int, tuple[dict[str, pa.DataType], list[tuple[Any, ...]]]] = {
    1: ({"id": BIGINT}, [(1,), (2,), (3,)]),
    2: (
        {"id": BIGINT, "name": VARCHAR, "score": DOUBLE, "active": BOOLEAN},
        [
            (1, "alice", 10.0, True),
            (2, "bob", 20.0, False),
            (3, "carol", 30.0, True),
            (4, "dave", 40.0, False),
            (5, "eve", 50.0, True),
        ],
    ),
    3: ({"id": BIGINT, "score": DOUBLE}, [(1, 15.0), (2, 25.0), (3, 35.0), (4, 45.0)]),
}


def checked(version: int | str, known: int) -> int:
    """``version``, if there is one.

    Raises:
        ValueError: there is none.
    """
    if isinstance(version, str) or not 1 <= version <= known:
        raise ValueError(f"Unknown version: {version}; there are 1 to {known}")
    return version


@plain(columns=lambda version: _DATA[checked(version, 3)][0])
def versioned_data_scan(version: int) -> Iterator[tuple[Any, ...]]:
    """The rows of versioned_data in one of its versions"""
    yield from _DATA[version][1]


for _version, _year in ((1, 2020), (2, 2021), (3, 2022)):
    data.table(
        "versioned_data",
        versioned_data_scan,
        args=[_version],
        version=_version,
        since=datetime.date(_year, 1, 1),
        comment="Versioned data table demonstrating time travel with schema evolution",
    )


# Constraints that change

_CONSTRAINED = {"id": BIGINT, "name": VARCHAR, "email": VARCHAR, "department_id": BIGINT}
_PEOPLE = [(1, "Alice", "a@co", 1), (2, "Bob", "b@co", 2), (3, "Carol", "c@co", 1)]


def constrained_layout(version: int) -> dict[str, pa.DataType]:
    """One more column in each version."""
    return dict(list(_CONSTRAINED.items())[: 1 + checked(version, 3)])


@plain(columns=constrained_layout)
def versioned_constraints_scan(version: int) -> Iterator[tuple[Any, ...]]:
    """The rows of versioned_constraints in one of its versions"""
    for row in _PEOPLE[:2] if version == 1 else _PEOPLE:
        yield row[: version + 1]


_CONSTRAINTS: dict[int, dict[str, Any]] = {
    1: {"not_null": "id"},
    2: {"not_null": ["id", "name"], "primary_key": "id", "unique": "email"},
    3: {
        "not_null": ["id", "name"],
        "primary_key": "id",
        "unique": "email",
        "foreign_keys": dw.ForeignKey("department_id", "departments", "id"),
    },
}

for _version, _constraints in _CONSTRAINTS.items():
    data.table(
        "versioned_constraints",
        versioned_constraints_scan,
        args=[_version],
        version=_version,
        comment="Table with constraints that evolve across versions",
        **_constraints,
    )


# Filters and AT together

_SEEN = {"id": BIGINT, "val": BIGINT, "seen_version": BIGINT, "pushed_filters": VARCHAR}


def seen_rows(version: int, filters: dw.Filters) -> dict[str, Any]:
    """Five rows of the first version, or ten of the second."""
    count = 5 * version
    return {
        "id": integers(1, count + 1),
        "val": [10 * i for i in range(1, count + 1)],
        "seen_version": [version] * count,
        "pushed_filters": [echo(filters)] * count,
    }


def version_at(at: dw.At | None) -> int:
    """Which version an AT clause asks for.

    Raises:
        ValueError: there is no such version.
    """
    if at is None:
        return 2
    if at.unit == "timestamp":
        return 1 if int(at.value[:4]) <= 2020 else 2
    return checked(int(at.value) if at.value.isdecimal() else at.value, 2)


@example.table_function(columns=_SEEN)
def tt_pushdown_scan(ctx: dw.Context) -> dict[str, Any]:
    """The rows of tt_pushdown_fn, which looks at AT itself"""
    return seen_rows(version_at(ctx.at), ctx.filters)


@example.table_function(columns=_SEEN)
def tt_pushdown_cols_scan(version: int, ctx: dw.Context) -> dict[str, Any]:
    """The rows of tt_pushdown_cols in one of its versions"""
    return seen_rows(checked(version, 2), ctx.filters)


data.table(
    "tt_pushdown_fn",
    tt_pushdown_scan,
    time_travel=True,
    comment="Function-backed: prunes by filter AND time-travels (AT read at init).",
)
for _version, _year in ((1, 1), (2, 2021)):
    data.table(
        "tt_pushdown_cols",
        tt_pushdown_cols_scan,
        args=[_version],
        version=_version,
        since=datetime.date(_year, 1, 1),
        comment="Columns-based: prunes by filter AND time-travels (AT → version arg).",
    )
