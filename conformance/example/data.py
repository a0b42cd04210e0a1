"""The tables of the schema ``data``, but for those of results that are kept and those with several states."""

from __future__ import annotations

import os
import struct
import tempfile
from dataclasses import replace
from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.protocol.tables import ScanBranchesResult
from duckwing.service import objects
from duckwing.types import BIGINT, GEOMETRY, STRUCT, VARCHAR

from .catalog import data
from .generators import sequence, ten_thousand
from .pushdown import filter_echo_table_scan
from .row_ids import ROW_ID, late_materialization, rowid_sequence
from .secrets import secret_demo
from .static_rows import (
    BOX,
    colors_scan,
    departments_scan,
    employees_scan,
    products_scan,
    projects_scan,
    rff_multi_scan,
    rff_nested_scan,
    rff_none_scan,
    rff_rowid_scan,
    rff_simple_scan,
    rff_struct_scan,
)

DIRECTORY = os.environ.get("VGI_TEST_BRANCH_DIR", tempfile.gettempdir()).replace("\\", "/").rstrip("/")
"""Where the files of branches are."""

# Tables over sequences

_HUNDRED = dw.ColumnStatistics(min=0, max=99, nulls=False, distinct=100)

data.branches(
    "numbers",
    {"value": BIGINT},
    [dw.Branch(sequence, args=[100])],
    comment="First 100 integers (demonstrates explicit columns)",
    statistics={"value": _HUNDRED},
)
data.branches(
    "volatile_numbers",
    {"value": BIGINT},
    [dw.Branch(sequence, args=[100])],
    comment="Numbers with volatile stats (TTL=0, always re-fetched)",
    statistics=dw.TableStatistics(columns={"value": _HUNDRED}, max_age=0),
)
data.table(
    "funny_numbers",
    sequence,
    args=[123456],
    comment="123456 integers; stats served by the sequence function, not the table",
)
data.table(
    "large_sequence",
    sequence,
    args=[1_000_000],
    comment="A large sequence of integers from 0 to 1,000,000",
    statistics={"n": dw.ColumnStatistics(min=0, max=999_999, nulls=False, distinct=1_000_000)},
)
data.table(
    "generated_sequence",
    sequence,
    args=[10],
    comment="Table with generated columns backed by sequence(10)",
    generated={
        "doubled": dw.Generated(BIGINT, "n * 2"),
        "label": dw.Generated(VARCHAR, "'item_' || CAST(n AS VARCHAR)"),
    },
)
data.table("ten_thousand_table", ten_thousand, comment="Function-backed table over the no-arg ten_thousand function")
data.table(
    "cardinality_inlined_table",
    ten_thousand,
    comment="Function-backed table with inlined cardinality (10000 rows)",
    cardinality=dw.Cardinality(10000, 10000),
)
data.table("secret_demo_table", secret_demo, comment="Function-backed table over the secret-using secret_demo function")
data.table(
    "filter_echo_table",
    filter_echo_table_scan,
    comment="Catalog table echoing pushed-down filters (filter-pushdown-through-view tests).",
)

# Constraints, defaults and statistics

data.table(
    "departments",
    departments_scan,
    comment="Department reference table",
    not_null=["id", "name"],
    primary_key="id",
    unique="name",
    checks="budget >= 0",
    defaults={"budget": "0"},
)
data.table(
    "employees",
    employees_scan,
    comment="Employee table with FK to departments",
    not_null=["id", "name", "email"],
    primary_key="id",
    unique="email",
    foreign_keys=dw.ForeignKey("department_id", "departments", "id"),
)
data.table(
    "projects",
    projects_scan,
    comment="Projects with composite PK and FK to departments",
    not_null=["department_id", "project_code", "title"],
    primary_key=["department_id", "project_code"],
    foreign_keys=dw.ForeignKey("department_id", "departments", "id"),
)
data.table(
    "products",
    products_scan,
    comment="Product table with column defaults",
    not_null="id",
    primary_key="id",
    defaults={"name": "'unknown'", "quantity": "0", "price": "9.99"},
    column_comments={"id": "Unique product identifier", "name": "Product display name", "price": "Unit price in USD"},
)
data.table("colors", colors_scan, comment="Colors table with ENUM-derived statistics")


def point(x: float, y: float) -> bytes:
    """A point as WKB."""
    return struct.pack("<BIdd", 1, 1, x, y)


data.branches(
    "geo_points",
    {"id": BIGINT, "geom": GEOMETRY},
    [dw.Files("parquet", [f"{DIRECTORY}/vgi_geo_points.parquet"])],
    comment=None,
    statistics={
        "id": dw.ColumnStatistics(min=1, max=25, nulls=False, distinct=25),
        "geom": dw.ColumnStatistics(min=point(0, 0), max=point(4, 4), nulls=False, distinct=25),
    },
)

# Row ids

for _layout, _place in (("first", 0), ("middle", 1), ("last", 2)):
    data.table(
        f"rowid_{_layout}",
        rowid_sequence,
        args=[20],
        named={"layout": _layout, "row_id_type": "int64"},
        row_id="row_id",
        comment=f"Table with row_id at column index {_place}",
    )

# These two say less than their scan gives; only their row ids are ever read.
data.branches(
    "rowid_string",
    pa.schema([pa.field("row_id", VARCHAR, metadata=ROW_ID), pa.field("value", BIGINT)]),
    [dw.Branch(rowid_sequence, args=[20], named={"layout": "first", "row_id_type": "string"})],
    comment="Table with string row_id",
)
data.branches(
    "rowid_struct",
    pa.schema([pa.field("row_id", STRUCT({"a": BIGINT, "b": VARCHAR}), metadata=ROW_ID), pa.field("value", VARCHAR)]),
    [dw.Branch(rowid_sequence, args=[20], named={"layout": "first", "row_id_type": "struct"})],
    comment="Table with struct row_id",
)

data.table(
    "late_mat",
    late_materialization,
    args=[1000],
    row_id="row_id",
    comment="Late-materialization table (1000 rows, unique rowid)",
)
data.table(
    "late_mat_dup",
    late_materialization,
    args=[1000],
    named={"dup_row_id": True},
    row_id="row_id",
    comment="Late-materialization table with deliberately non-unique rowid (contract violation)",
)
data.table(
    "late_mat_nulls",
    late_materialization,
    args=[1000],
    named={"null_ord_stride": 7},
    row_id="row_id",
    comment="Late-materialization table with NULLs in the ord column",
)

# Required filters

CORNERS = ["bbox.xmin", "bbox.xmax", "bbox.ymin", "bbox.ymax"]
PLACES = {"id": VARCHAR, "bbox": BOX, "name": VARCHAR, "num": BIGINT, "theme": VARCHAR, "type": VARCHAR}
HIVE = dw.Native("read_parquet", [f"{DIRECTORY}/rff_hive/*/*/*.parquet"], {"hive_partitioning": True})

data.table("rff_simple", rff_simple_scan, required_filters="a")
data.table("rff_or", rff_simple_scan, required_filters=[["a", "b"]])
data.table("rff_none", rff_none_scan)
data.table("rff_struct", rff_struct_scan, required_filters=["s.a", "s.b"])
data.table("rff_nested", rff_nested_scan, required_filters="wrapper.mid.leaf")
data.table("rff_multi", rff_multi_scan, required_filters=["top", "s.a"])
data.table("rff_rowid", rff_rowid_scan, row_id="row_id", required_filters=CORNERS)
data.branches(
    "rff_parquet",
    {"bbox": BOX, "other": BIGINT},
    [dw.Native("read_parquet", [f"{DIRECTORY}/rff_seg.parquet"])],
    required_filters=CORNERS,
)
data.branches("rff_hive", PLACES, [HIVE], required_filters=CORNERS)
data.branches("rff_hive_mixed", PLACES, [HIVE], required_filters=["id", *CORNERS])

# Several branches

N = {"n": BIGINT}
FIFTY = dw.Branch(sequence, args=[50])

data.branches(
    "multi_branch_numbers",
    N,
    [FIFTY, FIFTY],
    comment="Multi-branch: UNION of sequence(50) + sequence(50) — used by multi_branch_scan.test",
)
data.branches(
    "multi_branch_filtered_numbers",
    N,
    [dw.Branch(sequence, args=[100], where="n < 50"), dw.Branch(sequence, args=[100], where="n >= 50")],
    comment="Multi-branch with complementary branch_filters — exercises pruning",
)
data.branches(
    "multi_branch_hetero",
    N,
    [FIFTY, dw.Native("read_parquet", [f"{DIRECTORY}/vgi_hetero_branch.parquet"])],
    comment="Multi-branch: sequence(50) + read_parquet — used by multi_branch_heterogeneous.test",
)
data.branches(
    "multi_branch_iceberg",
    N,
    [FIFTY, dw.Native("iceberg_scan", [f"{DIRECTORY}/vgi_iceberg_branch"], extensions=["iceberg"])],
    comment="Multi-branch: sequence(50) + iceberg_scan — used by multi_branch_iceberg.test",
)
data.branches(
    "multi_branch_recon",
    {"a": BIGINT, "b": BIGINT},
    [dw.Native("read_parquet", [f"{DIRECTORY}/vgi_recon_{name}.parquet"]) for name in ("a_b", "b_a", "a_only")],
    comment="Multi-branch: column reconciliation — used by multi_branch_reconciliation.test",
)
data.branches(
    "multi_branch_nopushdown",
    N,
    [FIFTY, dw.Native("read_csv_auto", [f"{DIRECTORY}/vgi_nopushdown_branch.csv"])],
    comment="Multi-branch: VGI + read_csv — used by multi_branch_pushdown_incapable.test",
)

# Deliberately broken, which the declarations do not allow: DuckDB refuses to read them.
_EMPTY = data.branches(
    "multi_branch_empty",
    N,
    [FIFTY],
    comment="Multi-branch: empty branches list — used by multi_branch_empty_branches.test",
)
object.__setattr__(_EMPTY, "branches", ())
_TWO_WRITABLE = data.branches(
    "multi_branch_two_writable",
    N,
    [dw.Branch(sequence, args=[10]), dw.Branch(sequence, args=[10])],
    comment="Multi-branch with two writable=True arms — used by multi_branch_two_writable.test",
)


def _scan_branches(catalog: dw.Catalog, table: Any, scan_branches: Any = objects.scan_branches) -> ScanBranchesResult:
    result: ScanBranchesResult = scan_branches(catalog, table)
    if table is not _TWO_WRITABLE:
        return result
    return replace(result, branches=tuple(replace(branch, writable=True) for branch in result.branches))


objects.scan_branches = _scan_branches
