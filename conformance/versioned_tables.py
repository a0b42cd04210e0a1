"""A catalog whose tables, and their columns, depend on the version of the data that was asked for."""

from __future__ import annotations

import duckwing as dw
from duckwing.types import BIGINT, DOUBLE, VARCHAR

versioned_tables = dw.Catalog(
    "versioned_tables",
    version=["11.0.0", "10.1.0", "10.0.0"],
    data_versions=["3.0.0", "2.0.0", "1.1.0", "1.0.0"],
    data_version_spec=">=1.0.0,<4.0.0",
    releases=[
        dw.Release("3.0.0", summary="Animals are gone"),
        dw.Release("2.0.0", summary="Plants; animals have no color again"),
        dw.Release("1.1.0", summary="Animals have a color"),
        dw.Release("1.0.0", summary="Animals"),
    ],
)

ANIMALS = {
    "name": ["chicken", "cow", "horse", "pig", "sheep"],
    "legs": [2, 4, 4, 4, 4],
    "sound": ["cluck", "moo", "neigh", "oink", "baa"],
}


@versioned_tables.table_function(columns={"name": VARCHAR, "legs": BIGINT, "sound": VARCHAR})
def animals() -> object:
    """Animals."""
    return ANIMALS


@versioned_tables.table_function(columns={"name": VARCHAR, "legs": BIGINT, "sound": VARCHAR, "color": VARCHAR})
def animals_with_color() -> object:
    """Animals, and what color they have."""
    return {**ANIMALS, "color": ["red", "brown", "black", "pink", "white"]}


@versioned_tables.table_function(columns={"name": VARCHAR, "kind": VARCHAR, "height_m": DOUBLE})
def plants() -> object:
    """Plants."""
    return {
        "name": ["oak", "pine", "rose", "tomato", "wheat"],
        "kind": ["tree", "tree", "flower", "vegetable", "grass"],
        "height_m": [20.0, 25.0, 0.6, 1.5, 1.0],
    }


versioned_tables.table("animals", animals, data_versions=["1.0.0", "2.0.0"])
versioned_tables.table("animals", animals_with_color, data_versions="1.1.0")
versioned_tables.table("plants", plants, data_versions=["2.0.0", "3.0.0"])

if __name__ == "__main__":
    dw.Worker(versioned_tables).run()
