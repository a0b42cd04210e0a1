"""A table that DuckDB reads from another catalog, which it attaches together with this one."""

from __future__ import annotations

import os

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

ALIAS = os.environ.get("VGI_TEST_COMPANION_ALIAS") or "vgi_companion"

companion = dw.Catalog("companion", default_schema="data")

if target := os.environ.get("VGI_TEST_COMPANION_TARGET"):
    companion.companion(
        ALIAS,
        target,
        type=os.environ.get("VGI_TEST_COMPANION_DBTYPE", ""),
        hidden=os.environ.get("VGI_TEST_COMPANION_HIDDEN") == "1",
    )
if os.environ.get("VGI_TEST_COMPANION_POISON") == "1":
    companion.companion("vgi_companion_poison", "ftp://nope/x")

EVENTS = dw.CatalogTable(ALIAS, "main", "events")

companion.branches(
    "hot_cold",
    columns={"id": BIGINT, "val": VARCHAR},
    branches=[dw.Branch(EVENTS, where="id < 100"), dw.Branch(EVENTS, where="id >= 100")],
    extensions=["parquet"],
)

if __name__ == "__main__":
    dw.Worker(companion).run()
