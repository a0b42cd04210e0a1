"""Two catalogs of one worker with a function of one name."""

from __future__ import annotations

import pytest

from ..sql.session import Session
from .attaching import attach

pytestmark = pytest.mark.sql

QUERY = """
    SELECT twin_a.test_same_name_catalog(i), twin_b.test_same_name_catalog(i)
    FROM (VALUES (1), (NULL), (3)) v(i)
"""


@pytest.fixture
def twins(fresh: Session) -> Session:
    """Both, attached from one location."""
    attach(fresh, "main", "twin_a")
    attach(fresh, "main", "twin_b")
    return fresh


def test_each_call_reaches_its_catalog(twins: Session) -> None:
    assert twins.rows(QUERY) == [("twin_a:1", "twin_b:1"), (None, None), ("twin_a:3", "twin_b:3")]
    nested = "twin_a.test_same_name_catalog(length(twin_b.test_same_name_catalog(i::BIGINT)))"
    assert twins.values(f"SELECT DISTINCT {nested} FROM range(5000) t(i) WHERE i < 10") == ["twin_a:8"]


def test_detaching_one_leaves_the_other(twins: Session) -> None:
    assert twins.value("SELECT twin_b.test_same_name_catalog(1)") == "twin_b:1"
    twins.execute("DETACH twin_b")
    assert twins.value("SELECT twin_a.test_same_name_catalog(2)") == "twin_a:2"


def test_functions_are_listed(twins: Session) -> None:
    query = """
        SELECT database_name, schema_name, parameters, parameter_types, return_type, description FROM duckdb_functions()
        WHERE function_name = 'test_same_name_catalog' ORDER BY ALL
    """
    assert twins.rows(query) == [
        (
            twin,
            "main",
            ["value"],
            ["BIGINT"],
            "VARCHAR",
            f"Catalog-disambiguation probe; the {twin} implementation",
        )
        for twin in ("twin_a", "twin_b")
    ]
