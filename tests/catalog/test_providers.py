"""What a provider must have, and what an attach option can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.catalog.tables import Table
from duckwing.functions.context import Context, Invocation
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


class Twice(NoApply):
    def apply(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None: ...

    def write(self, change: dw.Change, ctx: dw.Context) -> None: ...


class MoreThanRows(Empty):
    writes = ("insert", "create_table")

    def write(self, change: dw.Change, ctx: dw.Context) -> None: ...


class Fixed(Empty):
    """A table that takes what the provider does not."""

    writes = ("insert", "update")

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        return dw.TableDefinition({"x": INTEGER, "n": INTEGER}, row_id="n", writes=name.split("_"))

    def write(self, change: dw.Change, ctx: dw.Context) -> None: ...


class ViewsAlone(Empty):
    def views(self, ctx: dw.Context) -> list[str]:
        return []


class ViewAlone(Empty):
    def view(self, name: str, ctx: dw.Context) -> dw.ViewDefinition | None:
        return None


class NoView(Empty):
    writes = ("create_view",)

    def apply(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None: ...


class Frozen(Empty):
    frozen = True

    def version(self, ctx: dw.Context) -> int:
        return 1


class FrozenTables(Empty):
    frozen = True
    writes = ("insert", "create_table")

    def apply(self, changes: Sequence[dw.Change], ctx: dw.Context) -> None: ...


class NoSchemas(NoView):
    writes = ("create_schema",)


class Schemas(Empty):
    def schemas(self, ctx: dw.Context) -> list[str]:
        return []


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
        (mounted(NoApply), "the provider has writes, but no method apply(changes, ctx) or write(change, ctx)"),
        (mounted(Frozen()), "stay as they are; so it can have no version"),
        (mounted(FrozenTables), "stay as they are; so it can have no create_table"),
        (mounted(Twice), "write(change, ctx), which does each change at once; choose one"),
        (mounted(MoreThanRows), "does insert, update and delete; only apply does 'create_table'"),
        (mounted(ViewsAlone), "has the method views, and so needs view(name, ctx)"),
        (mounted(ViewAlone()), "has the method view, and so needs views(ctx)"),
        (mounted(NoView), "takes 'create_view', but has no method view(name, ctx)"),
        (mounted(NoSchemas), "takes 'create_schema', but has no method schemas(ctx)"),
        (
            lambda c: (c.mount(Schemas()), c.mount(Schemas(), schema=c.schema("other"))),
            "the provider in schema 'main' has schemas already",
        ),
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


def test_columns_are_told_of_as_they_are_declared() -> None:
    columns = pa.schema([pa.field("a", INTEGER, nullable=False), pa.field("b", pa.timestamp("ms", "UTC"))])

    class Told(Empty):
        def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition:
            return dw.TableDefinition(columns, column_comments={"a": "first"})

    catalog = dw.Catalog("demo")
    catalog.mount(Told())
    table = catalog.find_table("t", Context(Invocation("f", "c")))
    assert isinstance(table, Table)
    assert table.columns.equals(columns)
    assert table.columns.field("a").metadata == {b"comment": b"first"}


def test_a_table_takes_some_of_what_its_provider_does() -> None:
    catalog, context = dw.Catalog("demo"), Context(Invocation("f", "c"))
    catalog.mount(Fixed)
    for name in ("insert", "update", "insert_update"):
        table = catalog.find_table(name, context)
        assert isinstance(table, Table)
        assert list(table.writers) == name.split("_")
    with pytest.raises(dw.DeclarationError, match="writes= names 'delete', but the provider takes insert, update"):
        catalog.find_table("delete", context)


def test_parameters_of_a_provider_are_options_without_regard_to_case() -> None:
    catalog = dw.Catalog("demo")
    catalog.attach_option("FILE", VARCHAR)
    catalog.mount(Wanting)
    assert catalog.mounted is not None
    assert catalog.mounted.wants == {"file": "FILE"}


def test_a_function_is_asked_for_no_schema() -> None:
    context = Context(Invocation("f", "c"))
    with pytest.raises(TypeError, match="only a provider of tables is asked for a schema"):
        assert context.schema
