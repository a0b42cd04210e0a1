"""Functions whose results DuckDB keeps, with partitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

from .catalog import example, plain
from .counting import Size, integers
from .partitions import COUNTRIES, sales_of

SALES = {"country": VARCHAR, "sales": BIGINT}
WHOLE = dw.Cache(ttl=300, per_partition=False)
EACH = dw.Cache(ttl=300, per_partition=True)


@plain(columns=SALES, partition_by="country", cache=WHOLE)
def cache_partitioned(rows_per_country: Size) -> Iterator[dict[str, Any]]:
    """Sales of five countries, kept as a whole"""
    for place, country in enumerate(COUNTRIES):
        yield sales_of(country, place, rows_per_country)


@example.table_function(columns=SALES, partition_by="country", cache=EACH, projection=False)
def cache_partition_scope(rows_per_country: Size) -> Iterator[dict[str, Any]]:
    """Sales of five countries, each kept apart"""
    for place, country in enumerate(COUNTRIES):
        yield sales_of(country, place, rows_per_country)


@example.table_function(columns=SALES, partition_by="country", cache=EACH, projection=False)
class cache_partition_parallel:  # noqa: N801
    """Sales of four countries, one of which has no name, read at once and each kept apart"""

    def __init__(self, rows_per_country: Size) -> None:
        self.rows = rows_per_country

    def plan(self) -> list[tuple[int, str | None]]:
        return list(enumerate(("AU", "CA", "US", None)))

    def scan(self, part: tuple[int, str | None]) -> Iterator[dict[str, Any]]:
        place, country = part
        yield sales_of(country, place, self.rows)


@example.table_function(
    columns={"region": VARCHAR, "year": BIGINT, "amount": BIGINT},
    partition_by=["region", "year"],
    cache=EACH,
    projection=False,
)
def cache_partition_multicol(rows_per_partition: Size) -> Iterator[dict[str, Any]]:
    """Amounts of regions and years, each kept apart"""
    for place, (region, year) in enumerate((("EU", 2020), ("EU", 2022), ("US", 2020), ("US", 2022))):
        yield {
            "region": [region] * rows_per_partition,
            "year": [year] * rows_per_partition,
            "amount": integers(place * 1000, place * 1000 + rows_per_partition),
        }


@example.table_function(
    columns={"country": VARCHAR, "sales": BIGINT, "extra": BIGINT}, partition_by="country", cache=EACH
)
def cache_partition_proj(rows_per_country: Size) -> Iterator[dict[str, Any]]:
    """Sales of two countries, each kept apart, whatever columns are wanted"""
    for place, country in enumerate(("CA", "US")):
        extra = place * 1_000_000 + 500
        yield {**sales_of(country, place, rows_per_country), "extra": integers(extra, extra + rows_per_country)}
