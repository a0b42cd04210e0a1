"""What a provider must have, and what an attach option can be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import duckwing as dw
from duckwing.types import INTEGER, VARCHAR


class Empty:
    """A provider without tables."""

    def tables(self, ctx: dw.Context) -> list[str]:
        return []

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return None

    def scan(self, name: str, ctx: dw.Context) -> list[Any]:
        return []


class NoScan:
    tables = Empty.tables
    table = Empty.table


class Wanting(Empty):
    def __init__(self, file: str, depth: int = 2):
        self.file, self.depth = file, depth


class Unknown(Empty):
    writes = ("insert", "upsert")


class OneWord(Empty):
    writes = "insert"


class NoApply(Empty):
    writes = ("insert",)


def mounted(source: Any) -> Callable[[dw.Catalog], None]:
    return lambda catalog: catalog.mount(source)


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (mounted(NoScan()), "has no scan"),
        (mounted(NoScan), "has no scan"),
        (mounted(3), "3 has no tables, table, scan"),
        (mounted(Wanting), "the provider wants 'file', but the catalog has the attach options none; declare it first"),
        (mounted(Unknown), "'upsert' is no such list or operation"),
        (mounted(OneWord()), "'insert' is no such list or operation"),
        (mounted(NoApply), "the provider has writes, but no method apply(changes, ctx)"),
        (lambda c: (c.mount(Empty()), c.mount(Empty())), "already has a provider; mount the other one in another"),
        (lambda c: c.attach_option("Pool", VARCHAR), "DuckDB's vgi extension has an option of this name"),
        (lambda c: c.attach_option("x", "VARCHAR"), "needs a type from duckwing.types, not 'VARCHAR'"),
        (lambda c: c.attach_option("x", INTEGER, default="three"), "the default of attach option 'x'"),
        (lambda c: c.attach_option("x", INTEGER, default=3, required=True), "so its default would never be used"),
        (lambda c: (c.attach_option("x", INTEGER), c.attach_option("X", VARCHAR)), "already has an attach option 'X'"),
        (lambda c: c.attach_option("", INTEGER), "attach option"),
    ],
)
def test_what_cannot_be_declared(declare: Callable[[dw.Catalog], Any], expected: str) -> None:
    with pytest.raises(dw.DeclarationError, match=re.escape(expected)):
        declare(dw.Catalog("demo"))


def test_parameters_of_a_provider_are_options_without_regard_to_case() -> None:
    catalog = dw.Catalog("demo")
    catalog.attach_option("FILE", VARCHAR)
    catalog.mount(Wanting)
    assert catalog.mounted is not None
    assert catalog.mounted.wants == {"file": "FILE"}
