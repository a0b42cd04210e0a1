"""Tables that DuckDB reads itself: what must be loaded for them."""

from __future__ import annotations

import pytest

import duckwing as dw
from duckwing.service.objects import scan_branches
from duckwing.types import BIGINT


def test_extensions_of_the_table_and_of_its_branches() -> None:
    catalog = dw.Catalog("demo")
    table = catalog.branches(
        "t",
        {"n": BIGINT},
        [
            dw.CatalogTable("other", "main", "t"),
            dw.Native("read_x", extensions=["x", "parquet"]),
            dw.Native("read_y", extensions=["y", "x"]),
        ],
        extensions=["parquet", "z"],
    )
    assert scan_branches(catalog, table).required_extensions == ("parquet", "z", "x", "y")


def test_extensions_are_a_list() -> None:
    with pytest.raises(dw.DeclarationError, match="extensions= takes a list of names, not 'parquet'"):
        dw.Catalog("demo").branches("t", {"n": BIGINT}, [dw.CatalogTable("other", "main", "t")], extensions="parquet")
