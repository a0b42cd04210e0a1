"""A worker starts without pandas, though it is installed."""

from __future__ import annotations

import pytest

from .session import Session

pytestmark = pytest.mark.sql
pytest.importorskip("pandas")


@pytest.fixture
def own(request: pytest.FixtureRequest, fresh: Session) -> Session:
    """With processes that no other test has."""
    fresh.environment = f"OWN={request.node.name}"
    fresh.attach("late_pandas")
    return fresh


def test_rows_values_and_groups_need_none(own: Session) -> None:
    assert own.value("SELECT count(*) FROM duckdb_functions() WHERE database_name = 'late_pandas'") == 7
    assert own.rows("SELECT number, loaded FROM late_pandas.rows(2) WHERE number < 10") == [(0, False), (1, False)]
    for aggregate in ("total", "total_of_groups"):
        query = f"SELECT i % 3 AS g, late_pandas.{aggregate}(i) FROM range(10) t(i) GROUP BY g ORDER BY g"
        assert own.rows(query) == [(0, 18), (1, 12), (2, 15)]
    assert own.values("SELECT late_pandas.doubled(i) FROM range(3) t(i)") == [0, 2, 4]
    assert own.values("SELECT DISTINCT late_pandas.has_pandas(i) FROM range(10000) t(i)") == [False]


def test_a_function_that_imports_it(own: Session) -> None:
    assert own.values("SELECT late_pandas.smoothed(v) FROM (VALUES (1.0), (2.0)) t(v)") == [None, 2.0]


def test_a_function_for_which_pyarrow_imports_it(own: Session) -> None:
    assert own.values("SELECT late_pandas.through_a_frame(i) FROM range(3) t(i)") == [1, 2, 3]
