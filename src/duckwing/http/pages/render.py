"""The pages as HTML."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from ...types.keywords import identifier
from .attaching import attach_statement, snippets
from .inventory import KINDS, Inventory, Schema
from .prose import prose, prose_line
from .reference import protocols
from .site import Site

DUCKDB = "1.5.5"
"""The DuckDB that the ``vgi`` extension loads into."""

_TITLES = {
    "scalar": "Scalar functions",
    "table function": "Table functions",
    "row function": "Row functions",
    "table-in-out": "Table-in-out functions",
    "buffering": "Buffering functions",
    "aggregate": "Aggregates",
}

Group = tuple[str, str, Sequence[Any]]
"""Objects of one kind: its key, its title, the objects."""


def index_page(site: Site, inventory: Inventory, origin: str) -> str:
    """The page that shows what the worker has.

    Args:
        site: the worker.
        inventory: what it has.
        origin: scheme and authority under which the page was asked for.
    """
    location = origin + site.prefix
    catalog = inventory.chosen
    contents = catalog.contents if catalog is not None else None
    return _render(
        "index.html",
        site,
        "index",
        location=location,
        inventory=inventory,
        tree=[(schema, _groups(schema)) for schema in contents.schemas] if contents is not None else [],
        snippets=snippets(location, catalog, inventory.data_version) if catalog is not None else [],
        console=_console_url(site, catalog.name) if site.console and catalog is not None else None,
        duckdb=DUCKDB,
    )


def describe_page(site: Site, origin: str) -> str:
    """The page of the RPC methods."""
    return _render("describe.html", site, "describe", location=origin + site.prefix, protocols=protocols())


def console_page(site: Site, inventory: Inventory, origin: str, ready: bool) -> str:
    """The SQL console.

    Args:
        site: the worker.
        inventory: what it has; the chosen catalog is attached.
        origin: scheme and authority under which the page was asked for.
        ready: the engine is there.
    """
    catalog = inventory.chosen
    contents = catalog.contents if catalog is not None else None
    attach = attach_statement(origin + site.prefix, catalog, inventory.data_version) if catalog is not None else ""
    use = f"USE {path(catalog.name, contents.default_schema)}" if catalog is not None and contents is not None else ""
    examples = [
        example
        for schema in (contents.schemas if contents is not None else ())
        for function in schema.functions
        for example in function.examples
    ]
    tables = [
        path(catalog.name, schema.name, one.name)
        for schema in (contents.schemas if contents is not None else ())
        for kind in (schema.tables, schema.views)
        for one in kind
        if catalog is not None
    ]
    return _render(
        "console.html",
        site,
        "console",
        location=origin + site.prefix,
        inventory=inventory,
        attach=attach,
        use=use,
        examples=examples,
        tables=tables,
        ready=ready,
    )


def path(*names: str) -> str:
    """A qualified name in SQL."""
    return ".".join(map(identifier, names))


def anchor(*names: str) -> str:
    """The id of an element for a catalog object.

    It is the fragment of a URL as it stands, and its ``~`` at the beginning keeps it apart from the ids of the page.
    """
    return "~" + ".".join(
        quote(name, safe="").replace("~", "%7E").replace(".", "%2E").replace("%", "~") for name in names
    )


def _groups(schema: Schema) -> Sequence[Group]:
    """What is in a schema by kind, without empty kinds."""
    functions = [(kind, _TITLES[kind], [f for f in schema.functions if f.kind == kind]) for kind in KINDS]
    groups: list[Group] = [
        ("tables", "Tables", schema.tables),
        ("views", "Views", schema.views),
        *((key.replace(" ", "-"), title, items) for key, title, items in functions),
        ("macros", "Macros", schema.macros),
    ]
    return [group for group in groups if group[2]]


def _console_url(site: Site, catalog: str) -> str:
    return f"{site.prefix}/console?catalog={quote(catalog, safe='')}"


def _render(template: str, site: Site, page: str, **more: object) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        duckwing = version("duckwing")
    except PackageNotFoundError:
        duckwing = ""
    pages = [("index", "/", "Explore")]
    if site.console:
        pages.append(("console", "/console", "SQL console"))
    if site.describe:
        pages.append(("describe", "/describe", "RPC"))
    static = f"{site.prefix}/static"
    return (
        _environment()
        .get_template(template)
        .render(site=site, page=page, pages=pages, static=static, version=duckwing, **more)
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("duckwing.http.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = prose
    environment.filters["prose_line"] = prose_line
    environment.globals["anchor"] = anchor
    environment.globals["path"] = path
    return environment
