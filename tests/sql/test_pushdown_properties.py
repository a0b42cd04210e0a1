"""Random predicates over random tables: pushdown never changes the rows. ``make fuzz`` goes on with other tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..filters.fuzz import PREDICATES_PER_TABLE, Fuzzer

pytestmark = pytest.mark.sql


def _compare(folder: Path, seeds: range) -> Fuzzer:
    fuzzer = Fuzzer(folder)
    try:
        for seed in seeds:
            failure = fuzzer.table(seed, range(PREDICATES_PER_TABLE))
            assert failure is None, failure
    finally:
        fuzzer.close()
    return fuzzer


@pytest.mark.parametrize("first", [1000, *(pytest.param(n, marks=pytest.mark.full) for n in (1007, 1014))])
def test_pushdown_never_changes_the_rows(engine: None, tmp_path: Path, first: int) -> None:
    tally = _compare(tmp_path, range(first, first + 7)).tally
    assert tally.predicates == 7 * PREDICATES_PER_TABLE
    # A generator whose predicates DuckDB refuses or keeps to itself, or that choose nothing, would prove nothing.
    assert tally.pushed > 0.4 * tally.predicates, tally
    assert tally.choosing > 0.3 * tally.predicates, tally


@pytest.mark.full
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("first", range(2000, 2400, 50))
def test_pushdown_never_changes_the_rows_at_length(engine: None, tmp_path: Path, first: int) -> None:
    tally = _compare(tmp_path, range(first, first + 50)).tally
    assert tally.predicates == 50 * PREDICATES_PER_TABLE
