"""Listings: how many objects are counted and asked for, and which are too large for one answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import duckwing as dw
from duckwing.errors import CatalogError
from duckwing.protocol.attach import CatalogAttachRequest
from duckwing.protocol.listing import SchemaInfo
from duckwing.protocol.shared import CatalogParams, SchemaParams
from duckwing.protocol.tables import TableAtParams, TableInfo
from duckwing.rpc.call import Call
from duckwing.rpc.codec import decode, encode
from duckwing.service import Service, listing
from duckwing.service.attach import catalog_attach
from duckwing.types import BIGINT

CALL = Call({}, "server")


@dw.table_function(columns={"n": BIGINT})
def numbers(value: int) -> Iterator[tuple[int]]:
    yield (value,)


class Provider:
    """Tables ``t0``, ``t1``, …; what it was asked for is in ``asked``."""

    def __init__(self, count: int):
        self.count = count
        self.named = 0
        self.asked: list[str] = []

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> Iterator[str]:
        for number in range(self.count):
            self.named += 1
            yield f"t{number}"

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        self.asked.append(name)
        return dw.TableDefinition({"n": BIGINT})

    def scan(self, name: str, ctx: dw.Context) -> Iterator[tuple[int]]:
        raise AssertionError("nothing is scanned")


class Attached:
    """A catalog as a client has attached it."""

    def __init__(self, catalog: dw.Catalog):
        self.service = Service([catalog])
        self.data = catalog_attach(self.service, CALL, CatalogAttachRequest(catalog.catalog_name)).attach_opaque_data

    def tables(self) -> list[str]:
        items = listing.catalog_schema_contents_tables(self.service, CALL, SchemaParams(self.data, ("main",))).items
        return [decode(TableInfo, item).name for item in items]

    def views(self) -> int:
        return len(listing.catalog_schema_contents_views(self.service, CALL, SchemaParams(self.data, ("main",))).items)

    def table(self, name: str) -> TableInfo:
        request = TableAtParams(self.data, ("main",), name)
        [item] = listing.catalog_table_get(self.service, CALL, request).items
        return decode(TableInfo, item)

    def counted(self) -> int | None:
        [item] = listing.catalog_schemas(self.service, CALL, CatalogParams(self.data)).items
        counts = decode(SchemaInfo, item).estimated_object_count
        assert counts is not None
        return counts["table"]


def provided(count: int) -> tuple[Attached, Provider]:
    provider, catalog = Provider(count), dw.Catalog("provided")
    catalog.mount(provider)
    return Attached(catalog), provider


def declared(count: int) -> Attached:
    catalog = dw.Catalog("declared")
    for number in range(count):
        catalog.table(f"t{number}", numbers, args=(number,))
        catalog.view(f"v{number}", "SELECT 1")
    return Attached(catalog)


@pytest.mark.parametrize("count", [0, 1, 999, 1000])
def test_few_tables_are_counted(count: int) -> None:
    attached, provider = provided(count)
    assert attached.counted() == count
    assert provider.asked == []


@pytest.mark.parametrize("count", [1001, 10**9])
def test_of_many_tables_a_thousand_are_counted(count: int) -> None:
    attached, provider = provided(count)
    assert (attached.counted() or 0) > 1000
    assert provider.named == 1001
    assert provider.asked == []


def test_declared_tables_are_counted_exactly() -> None:
    assert declared(1200).counted() == 1200


def test_one_table_is_asked_for_once() -> None:
    attached, provider = provided(10**9)
    assert attached.table("t123456").name == "t123456"
    assert provider.asked == ["t123456"]
    assert provider.named == 0


def test_a_listing_asks_once_for_each_table() -> None:
    attached, provider = provided(50)
    assert attached.tables() == provider.asked == [f"t{number}" for number in range(50)]


def test_a_listing_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    attached, provider = provided(100)
    size = sum(len(encode(attached.table(f"t{number}"))) + 4 for number in range(10))
    provider.asked.clear()
    monkeypatch.setattr(listing, "LISTING_BYTES", size)
    with pytest.raises(CatalogError) as error:
        attached.tables()
    message = str(error.value)
    assert (
        f"the 100 tables of schema 'main' cannot be listed: the records of the first 11 take more than {size:,}"
        in message
    )
    assert "can still be queried by its name" in message
    assert "spread them over several schemas" in message
    assert len(provider.asked) == 11  # no more work than it takes to see that
    assert attached.table("t99").name == "t99"
    provider.count = 10
    assert len(attached.tables()) == 10


def test_declared_objects_that_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    attached = declared(20)
    monkeypatch.setattr(listing, "LISTING_BYTES", 10_000)
    for what in ("table", "view"):
        with pytest.raises(CatalogError, match=f"the 20 {what}s of schema 'main' cannot be listed.* 10,000 bytes"):
            attached.tables() if what == "table" else attached.views()
