"""The tables of ``example.data``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..sql.session import Session
from .attaching import attach

pytestmark = pytest.mark.sql


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT min(value), max(value), count(*) FROM data.numbers", [(0, 99, 100)]),
        ("SELECT count(*) FROM data.volatile_numbers", [(100,)]),
        ("SELECT count(*) FROM data.large_sequence WHERE n < 10", [(10,)]),
        ("SELECT count(*) FROM data.ten_thousand_table", [(10_000,)]),
        ("SELECT count(*) FROM data.cardinality_inlined_table", [(10_000,)]),
        ("SELECT * FROM data.generated_sequence WHERE n = 3", [(3, 6, "item_3")]),
        ("FROM data.departments", [(1, "Engineering", 500000.0), (2, "Sales", 300000.0), (3, "HR", 200000.0)]),
        ("FROM data.employees WHERE department_id = 3", [(5, "Eve", "eve@co.com", 3)]),
        ("SELECT title FROM data.projects", [("Backend API",), ("Frontend UI",), ("Sales Portal",)]),
        ("FROM data.products WHERE id = 2", [(2, "Gadget", 50, 24.99)]),
        ("SELECT color FROM data.colors", [("blue",), ("green",), ("red",)]),
        ("SELECT rowid, * FROM data.rowid_first WHERE rowid = 1", [(1, "item_1", "val_1")]),
        ("SELECT rowid, * FROM data.rowid_middle WHERE rowid = 1", [(1, "item_1", "val_1")]),
        ("SELECT rowid, * FROM data.rowid_last WHERE rowid = 1", [(1, "item_1", "val_1")]),
        ("SELECT rowid FROM data.rowid_string LIMIT 1", [("rid_0",)]),
        ("SELECT rowid FROM data.rowid_struct LIMIT 1", [({"a": 0, "b": "s_0"},)]),
        ("SELECT count(*), sum(n) FROM data.multi_branch_numbers", [(100, 2450)]),
        ("SELECT count(*), sum(n) FROM data.multi_branch_filtered_numbers", [(100, 4950)]),
        ("FROM data.secret_demo_table", []),
        ("FROM data.rff_or WHERE b = 10", [(1, 10)]),
        ("FROM data.rff_struct WHERE s.a = 1 AND s.b = 10", [({"a": 1, "b": 10}, 100)]),
        ("FROM data.rff_nested WHERE wrapper.mid.leaf > 2", [({"mid": {"leaf": 3}},)]),
        ("FROM data.rff_none", [(1, 10), (2, 20), (3, 30)]),
        ("FROM data.versioned_data", [(1, 15.0), (2, 25.0), (3, 35.0), (4, 45.0)]),
        ("FROM data.versioned_data AT (VERSION => 1)", [(1,), (2,), (3,)]),
        ("FROM data.versioned_data AT (TIMESTAMP => TIMESTAMP '2021-05-01') LIMIT 1", [(1, "alice", 10.0, True)]),
        ("FROM data.versioned_data AT (TIMESTAMP => '2020')", [(1,), (2,), (3,)]),
        ("FROM data.versioned_data AT (TIMESTAMP => '2021-03') LIMIT 1", [(1, "alice", 10.0, True)]),
        ("FROM data.versioned_constraints AT (VERSION => 1)", [(1, "Alice"), (2, "Bob")]),
        ("FROM data.tt_pushdown_fn WHERE id = 3", [(3, 30, 2, "id = 3")]),
        ("FROM data.tt_pushdown_fn AT (VERSION => 1) WHERE id > 4", [(5, 50, 1, "id > 4")]),
        ("FROM data.tt_pushdown_cols AT (TIMESTAMP => TIMESTAMP '2020-05-01') WHERE id > 4", [(5, 50, 1, "id > 4")]),
    ],
)
def test_rows(example: Session, query: str, rows: list[tuple[Any, ...]]) -> None:
    assert example.rows(query) == rows


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("FROM data.rff_simple", "requires WHERE filters on: a. Missing: a."),
        ("FROM data.rff_or", "one of (a, b)"),
        ("FROM data.rff_struct WHERE s.a = 1", "Missing: s.b"),
        ("FROM data.rff_multi", "requires WHERE filters on: top, s.a"),
        ("FROM data.rff_rowid", "bbox.xmin, bbox.xmax, bbox.ymin, bbox.ymax"),
        ("FROM data.multi_branch_empty", "zero scan branches"),
        ("FROM data.multi_branch_two_writable", "VGI multi-branch table declared 2 writable branches"),
        ("FROM data.multi_branch_numbers AT (VERSION => 1)", "AT (...) clauses are not supported on multi-branch VGI"),
        (
            "FROM data.multi_branch_filtered_numbers AT (TIMESTAMP => TIMESTAMP '2020-05-01')",
            "AT (...) clauses are not supported on multi-branch VGI",
        ),
        ("FROM data.versioned_data AT (VERSION => 9)", "Unknown version: 9"),
        ("FROM data.versioned_data AT (TIMESTAMP => TIMESTAMP '2019-05-01')", "table did not exist before 2020"),
        ("FROM data.tt_pushdown_fn AT (VERSION => 7)", "Unknown version: 7"),
        ("FROM data.tt_pushdown_fn AT (VERSION => 'abc')", "Unknown version: abc"),
        (
            "FROM data.departments AT (VERSION => 1)",
            "Table 'data.departments' does not support time travel queries",
        ),
        ("FROM data.numbers AT (VERSION => 1)", "Table 'data.numbers' does not support time travel queries"),
    ],
)
def test_refusals(example: Session, query: str, message: str) -> None:
    assert message in example.error(query)


@pytest.mark.parametrize(
    ("condition", "possible"),
    [
        ("departments WHERE id > 100", False),
        ("departments WHERE budget > 1000000", False),
        ("departments WHERE budget < 10000", False),
        ("departments WHERE id = 10", True),
        ("numbers WHERE value > 99", False),
        ("numbers WHERE value = 99", True),
        ("funny_numbers WHERE n > 123455", False),
        ("funny_numbers WHERE n = 123455", True),
        ("large_sequence WHERE n >= 1000000", False),
    ],
)
def test_statistics(example: Session, condition: str, possible: bool) -> None:
    plan = str(example.rows(f"EXPLAIN FROM data.{condition}"))
    assert ("EMPTY_RESULT" not in plan) == possible


def test_constraints(example: Session) -> None:
    query = """SELECT constraint_type, count(*) FROM duckdb_constraints() WHERE database_name = 'example'
        AND table_name IN ('departments', 'employees', 'products', 'projects') GROUP BY ALL"""
    assert dict(example.rows(query)) == {
        "CHECK": 1,
        "FOREIGN KEY": 2,
        "NOT NULL": 9,
        "PRIMARY KEY": 4,
        "UNIQUE": 2,
    }


def test_defaults_and_comments_of_columns(example: Session) -> None:
    query = """SELECT column_name, column_default, comment FROM duckdb_columns()
        WHERE database_name = 'example' AND table_name = '{}' ORDER BY column_index"""
    assert example.rows(query.format("products")) == [
        ("id", None, "Unique product identifier"),
        ("name", "'unknown'", "Product display name"),
        ("quantity", "0", None),
        ("price", "9.99", "Unit price in USD"),
    ]
    assert example.rows(query.format("generated_sequence")) == [
        ("n", None, None),
        ("doubled", "CAST((n * 2) AS BIGINT)", None),
        ("label", "CAST(('item_' || CAST(n AS VARCHAR)) AS VARCHAR)", None),
    ]


def test_comments(example: Session) -> None:
    query = """SELECT table_name, comment FROM duckdb_tables()
        WHERE database_name = 'example' AND schema_name = 'data'"""
    comments = dict(example.rows(query))
    assert len(comments) == 59
    assert {name for name, comment in comments.items() if comment is None} == {
        "geo_points",
        *(f"rff_{name}" for name in ("simple", "struct", "nested", "multi", "or", "none", "rowid")),
        *(f"rff_{name}" for name in ("parquet", "hive", "hive_mixed")),
    }
    assert comments["cache_no_store"] == "Advertises vgi.cache.no_store — must never be cached"
    assert comments["tt_pushdown_cols"] == "Columns-based: prunes by filter AND time-travels (AT → version arg)."


def test_required_filters_as_a_tag(example: Session) -> None:
    query = "SELECT tags FROM duckdb_tables() WHERE database_name = 'example' AND table_name = 'rff_multi'"
    assert example.value(query) == {"vgi_required_filters": '[["top"],["s.a"]]'}


def test_files(fresh: Session, tmp_path: Path) -> None:
    box = "{'xmin': 1::FLOAT, 'ymin': 2::FLOAT, 'xmax': 3::FLOAT, 'ymax': 4::FLOAT}"
    fresh.execute(f"COPY (SELECT {box} AS bbox, 7::BIGINT AS other) TO '{tmp_path}/rff_seg.parquet'")
    fresh.execute(f"COPY (SELECT i AS n FROM range(50) t(i)) TO '{tmp_path}/vgi_hetero_branch.parquet'")
    fresh.execute(f"COPY (SELECT i AS n FROM range(50) t(i)) TO '{tmp_path}/vgi_nopushdown_branch.csv'")
    for name, columns in (("a_b", "1 AS a, 2 AS b"), ("b_a", "4 AS b, 3 AS a"), ("a_only", "5 AS a")):
        fresh.execute(f"COPY (SELECT {columns}) TO '{tmp_path}/vgi_recon_{name}.parquet'")
    name = attach(fresh, "main", "example", environment=f"VGI_TEST_BRANCH_DIR={tmp_path}")
    corners = " AND ".join(f"bbox.{corner} < 9" for corner in ("xmin", "xmax", "ymin", "ymax"))
    assert fresh.values(f"SELECT other FROM {name}.data.rff_parquet WHERE {corners}") == [7]
    for table in ("hetero", "nopushdown"):
        assert fresh.row(f"SELECT count(*), sum(n) FROM {name}.data.multi_branch_{table}") == (100, 2450)
    assert sorted(fresh.rows(f"FROM {name}.data.multi_branch_recon")) == [(1, 2), (3, 4), (5, None)]


def test_statistics_that_grow_old_at_once_are_asked_for_again(own_example: Session) -> None:
    """Those of a table without a lifetime come with its listing."""
    own_example.execute("CALL enable_logging('VGI', level = 'debug')")
    for table, asked in (("volatile_numbers", True), ("numbers", False)):
        for _ in range(2):
            own_example.execute("CALL truncate_duckdb_logs()")
            assert "EMPTY_RESULT" in str(own_example.rows(f"EXPLAIN FROM data.{table} WHERE value > 200"))
            messages = own_example.values("SELECT message FROM duckdb_logs WHERE type = 'VGI'")
            assert any("method=catalog_table_column_statistics_get" in message for message in messages) == asked
