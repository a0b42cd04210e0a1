"""Scans of ``example`` that do not keep to what they declare."""

from __future__ import annotations

import pytest

from ..sql.session import Session

pytestmark = pytest.mark.sql


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("FROM broken_missing_batch_index_tag(5)", "without vgi_batch_index metadata"),
        ("FROM broken_non_monotone_batch_index(5)", "batch_index must be monotone non-decreasing"),
        ("FROM broken_batch_index_overflow(5)", "exceeds DuckDB's per-pipeline cap"),
        ("FROM broken_missing_partition_values(5)", "without vgi_partition_values metadata"),
        ("FROM broken_partition_min_neq_max(5)", "SINGLE_VALUE_PARTITIONS contract violated"),
        ("FROM broken_partition_values_no_annotation(5)", "requires partition-annotated fields"),
        (
            "FROM broken_partition_column_absent_from_batch(5)",
            "is partition-annotated but absent from emitted batch",
        ),
    ],
)
def test_refused(own_example: Session, query: str, message: str) -> None:
    assert message in own_example.error(f"CREATE TEMP TABLE broken AS {query}")
    assert own_example.value("SELECT count(*) FROM sequence(10)") == 10
