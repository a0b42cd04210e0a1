"""The catalog ``narrow_bind``: a table that says more than its scan gives."""

from __future__ import annotations

import pytest

from ..sql.session import Session
from .attaching import attach

pytestmark = pytest.mark.sql


def test_tables(fresh: Session) -> None:
    attach(fresh, "main", "narrow_bind")
    assert fresh.rows("FROM narrow_bind.consistent") == [(0, 10), (1, 20), (2, 30)]
    for columns in ("*", "id", "val", "count(*)"):
        text = fresh.error(f"SELECT {columns} FROM narrow_bind.mismatch")
        assert "bind output_schema with 1 column(s) but the catalog advertises 2" in text
    assert fresh.rows("SELECT val FROM narrow_bind.consistent WHERE id = 1") == [(20,)]
