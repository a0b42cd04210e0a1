"""Scans whose parts are told apart by the values of some columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from duckwing.types import BIGINT, DOUBLE, VARCHAR

from .catalog import plain
from .counting import Size, integers

COUNTRIES = ("AU", "BR", "CA", "FR", "US")


def sales_of(country: str | None, place: int, rows: int) -> dict[str, Any]:
    """The sales of a country, told apart by its place."""
    first = place * 1_000_000
    return {"country": [country] * rows, "sales": integers(first, first + rows)}


@plain(columns={"country": VARCHAR, "sales": BIGINT}, partition_by="country")
class country_partitioned_sales:  # noqa: N801
    """A part for each of five countries"""

    def __init__(self, rows_per_country: Size) -> None:
        self.rows = rows_per_country

    def plan(self) -> list[int]:
        return list(range(len(COUNTRIES)))

    def scan(self, place: int) -> Iterator[dict[str, Any]]:
        yield sales_of(COUNTRIES[place], place, self.rows)


REGIONS = tuple((region, year) for region in ("AMER", "EMEA", "APAC") for year in (2023, 2024))


@plain(columns={"region": VARCHAR, "year": BIGINT, "value": DOUBLE}, partition_by=["region", "year"])
class region_year_partitioned:  # noqa: N801
    """A part for each region and year"""

    def __init__(self, rows_per_partition: Size) -> None:
        self.rows = rows_per_partition

    def plan(self) -> list[int]:
        return list(range(len(REGIONS)))

    def scan(self, place: int) -> Iterator[dict[str, list[Any]]]:
        region, year = REGIONS[place]
        values = [float(place * 1000 + i) for i in range(self.rows)]
        yield {"region": [region] * self.rows, "year": [year] * self.rows, "value": values}


CATEGORIES = ("books", "music", "video")


@plain(columns={"category": VARCHAR, "revenue": BIGINT}, partition_by="category")
class partitioned_with_explicit_override:  # noqa: N801
    """A part for each category"""

    def __init__(self, rows_per_category: Size) -> None:
        self.rows = rows_per_category

    def plan(self) -> list[int]:
        return list(range(len(CATEGORIES)))

    def scan(self, place: int) -> Iterator[dict[str, Any]]:
        first = (place + 1) * 100
        yield {"category": [CATEGORIES[place]] * self.rows, "revenue": integers(first, first + self.rows)}


class KeyRanges:
    """Parts of keys that begin ``distance`` after each other."""

    distance: int

    def __init__(self, partitions: Size, *, rows_per_partition: Size = 10) -> None:
        self.partitions, self.rows = partitions, rows_per_partition

    def plan(self) -> list[int]:
        return list(range(self.partitions))

    def scan(self, place: int) -> Iterator[dict[str, Any]]:
        key, value = place * self.distance, place * 10
        yield {"key": integers(key, key + self.rows), "value": integers(value, value + self.rows)}


@plain(columns={"key": BIGINT, "value": BIGINT}, partition_by="key", partitions="disjoint")
class disjoint_range_partitioned(KeyRanges):  # noqa: N801
    """Parts whose keys do not overlap"""

    distance = 1000


@plain(columns={"key": BIGINT, "value": BIGINT}, partition_by="key", partitions="overlapping")
class overlapping_range_partitioned(KeyRanges):  # noqa: N801
    """Parts whose keys may overlap"""

    distance = 500
