from __future__ import annotations

from typing import Any

import pytest

import duckwing as dw
from duckwing.http.pages import reading as module
from duckwing.http.pages.inventory import Column, Inventory
from duckwing.http.pages.reading import read_inventory
from duckwing.http.pages.site import Site
from duckwing.http.pages.tags import Example, Link

from .conftest import site_of


def read(site: Site, *arguments: Any) -> Inventory:
    with site.connect() as connection:
        return read_inventory(connection, *arguments)


def test_a_catalog_with_everything(shop_site: Site) -> None:
    found = read(shop_site)
    assert [one.name for one in found.catalogs] == ["shop", "closed"]
    assert found.chosen is found.catalogs[0]
    catalog = found.chosen
    assert (catalog.version, catalog.source) == ("2.1.0", Link("Source", "https://shop.example/source"))
    assert [(r.version, r.date, r.text) for r in catalog.releases] == [
        ("2.0.0", "2026-05-01", "More orders"),
        ("1.0.0", "", ""),
    ]
    assert [(o.name, o.type, o.default, o.required) for o in catalog.options] == [
        ("region", "VARCHAR", "'north'", False)
    ]
    contents = catalog.contents
    assert contents is not None
    assert contents.about.title == "The Shop"
    assert contents.about.facts == (("Licence", "MIT"),)
    assert contents.about.others == (("owner", "finance"),)
    assert contents.about.keywords == ("orders", "retail")
    assert [(s.name, s.type, s.default, s.text) for s in contents.settings] == [
        ("shop_currency", "VARCHAR", "'EUR'", "What prices are shown in")
    ]
    assert [(s.name, s.parameters) for s in contents.secret_types] == [
        ("shop_api", (Column("token", "VARCHAR", facts=("hidden",)),))
    ]
    assert [schema.name for schema in contents.schemas] == ["main", "sales"]
    assert {kind: contents.count(kind) for kind in ("tables", "views", "functions", "macros")} == {
        "tables": 1,
        "views": 1,
        "functions": 3,
        "macros": 1,
    }


def test_functions(shop_site: Site) -> None:
    contents = read(shop_site).catalogs[0].contents
    assert contents is not None
    price, orders_of, total = contents.schemas[0].functions
    assert (price.name, price.kind, price.text) == ("price", "scalar", "What some pieces cost.")
    [form] = price.overloads  # the shorter one, which the default makes, says nothing new
    assert [(argument.name, argument.default) for argument in form.positional] == [("pieces", None), ("each", "2.5")]
    assert form.returns == "DOUBLE"
    assert price.examples == (Example("SELECT price(3)", "three of them"),)
    assert price.about.keywords == ("money",)
    assert (orders_of.kind, total.kind) == ("table function", "aggregate")
    [form] = orders_of.overloads
    assert form.returns is None
    assert form.columns == (Column("n", "BIGINT"), Column("size", "VARCHAR"))
    [customer], [size] = form.positional, form.named
    assert (customer.name, customer.type, customer.default) == ("customer", "BIGINT", None)
    assert customer.allowed[0].startswith("in ")
    assert (size.name, size.default, size.allowed) == ("size", "'small'", ("one of 'small', 'large'",))


def test_overloads_are_one_function() -> None:
    catalog = dw.Catalog("c")

    @catalog.scalar(name="size")
    def of_text(text: str) -> int:
        """The size of a text."""
        return len(text)

    @catalog.scalar(name="size")
    def of_number(number: int, base: int) -> float:
        """The size of a number."""
        return 0.0

    chosen = read(site_of(catalog)).chosen
    assert chosen is not None
    assert chosen.contents is not None
    [function] = chosen.contents.schemas[0].functions
    assert {(len(form.arguments), form.returns) for form in function.overloads} == {(1, "BIGINT"), (2, "DOUBLE")}
    assert "The size of a text." in function.text
    assert "The size of a number." in function.text


def test_tables_and_macros(shop_site: Site) -> None:
    contents = read(shop_site).catalogs[0].contents
    assert contents is not None
    main, sales = contents.schemas
    [table] = main.tables
    assert (table.name, table.comment) == ("orders", "Hundred orders")
    assert "primary key (n)" in table.facts
    [view] = main.views
    assert "n > 90" in view.definition
    [macro] = sales.macros
    assert (macro.name, macro.kind, [p.name for p in macro.parameters]) == ("twice", "scalar macro", ["x"])


def test_the_reason_is_told_when_a_catalog_cannot_be_attached(shop_site: Site) -> None:
    found = read(shop_site, "CLOSED")
    assert found.chosen is not None
    assert found.chosen.name == "closed"
    assert found.chosen.contents is None
    assert "key" in found.chosen.problem
    assert [(o.name, o.required) for o in found.chosen.options] == [("key", True), ("scale", False)]


def test_a_name_that_is_not_there_shows_the_first_catalog(shop_site: Site) -> None:
    chosen = read(shop_site, "nowhere").chosen
    assert chosen is not None
    assert chosen.name == "shop"


def test_a_version_of_the_data_is_asked_for(shop_site: Site) -> None:
    found = read(shop_site, "shop", "1.0.0")
    assert found.data_version == "1.0.0"
    assert found.chosen is not None
    assert found.chosen.contents is not None
    assert found.chosen.contents.data_version == "1.0.0"
    unknown = read(shop_site, "shop", "9.9.9").chosen
    assert unknown is not None
    assert "9.9.9" in unknown.problem


def test_a_worker_that_refuses_everything() -> None:
    def session():  # type: ignore[no-untyped-def]
        yield 1

    site = site_of(dw.Catalog("x"))
    from duckwing.http.pages.memory import connect_to

    with connect_to(session) as connection:
        found = read_inventory(connection)
    assert (found.catalogs, found.chosen) == ((), None)
    assert found.problem
    assert read(site).problem == ""


def test_what_is_too_much_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTED", 3)
    many = dw.Catalog("many")
    for number in range(5):
        many.view(f"v{number}", "SELECT 1 AS one")
        many.macro(f"m{number}", ["x"], "x")
    chosen = read(site_of(many)).chosen
    assert chosen is not None
    assert chosen.contents is not None
    [schema] = chosen.contents.schemas
    assert (len(schema.views), len(schema.macros), schema.omitted) == (3, 3, 4)
