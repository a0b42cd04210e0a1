"""Fixtures for pytest: import them in ``conftest.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from .database import WorkerLike, sql

if TYPE_CHECKING:
    import duckdb


@pytest.fixture
def duckwing_sql() -> Iterator[Callable[..., duckdb.DuckDBPyConnection]]:
    """``duckwing_sql("worker.py")``: a DuckDB connection with the worker attached, closed after the test.

    It takes what :func:`duckwing.testing.sql` takes.
    """
    with ExitStack() as stack:

        def open_connection(worker: WorkerLike, **config: str | bool | int) -> duckdb.DuckDBPyConnection:
            return stack.enter_context(sql(worker, **config))

        yield open_connection
