"""The catalog ``example``: its schemas, settings and type of secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, STRUCT, VARCHAR

example = dw.Catalog(
    "example",
    comment="Example VGI catalog for testing",
    tags={"source": "vgi-fixture-worker", "version": "1"},
    schema_comment="Example functions for testing VGI",
    transactions=True,
)
data = example.schema("data", comment="Example tables backed by functions")

example.setting("vgi_verbose_mode", BOOLEAN, default=False, description="Enable verbose output")
example.setting("greeting", VARCHAR, default="Hello", description="Custom greeting message")
example.setting("multiplier", BIGINT, default=1, description="Value multiplier")
example.setting("threshold", BIGINT, default=0, description="Filter threshold")
example.setting("scale_factor", DOUBLE, default=1.0, description="Float scale factor")
example.setting(
    "config",
    STRUCT({"start": BIGINT, "step": BIGINT, "label": VARCHAR}),
    description="Sequence configuration struct",
)

example_secret = example.secret_type(
    "vgi_example",
    {"secret_string": VARCHAR, "api_key": VARCHAR, "port": INTEGER, "use_ssl": BOOLEAN, "timeout": DOUBLE},
    redact=["secret_string", "api_key"],
    description="Example VGI secret for testing",
)


def plain(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Declare a table function of which DuckDB takes all columns and rows, whatever a query needs: most fixtures do."""
    return example.table_function(projection=False, filters="none", **options)


def plain_buffering(home: dw.Catalog | dw.Schema = example, **options: Any) -> Callable[[Any], Any]:
    """The same for a buffering function."""
    return home.buffering(projection=False, filters="none", **options)
