"""A DuckDB connection with a deadline on every query, and workers attached when first asked for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from .transports import place

WORKERS = Path(__file__).with_name("workers")

DEADLINE = 120.0
"""Seconds after which a query counts as hanging: tenfold what the slowest needs."""


def location(worker: str | Path, *, environment: str = "", python: str = "") -> str:
    """What to ATTACH for a file in ``workers``, or anywhere.

    Args:
        worker: name of a file in ``workers`` without ``.py``, or a path.
        environment: assignments for the shell, such as ``A=1``.
        python: options of the interpreter.
    """
    path = WORKERS / f"{worker}.py" if isinstance(worker, str) else worker
    return place([sys.executable, *python.split(), "-m", "duckwing.cli", "run", str(path)], environment)


class Session:
    """A connection, or a cursor of one.

    Args:
        connection: it is closed by :meth:`close`.
        options: added to every ATTACH, such as ``pool false``.
        attached: local names of what is attached already.
        environment: of the workers: assignments for the shell.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        options: str = "",
        attached: set[str] | None = None,
        environment: str = "",
    ):
        self.connection = connection
        self.options = options
        self.environment = environment
        self._attached: set[str] = set() if attached is None else attached

    def attach(self, worker: str, catalog: str | None = None, alias: str | None = None) -> str:
        """Attach a catalog of a worker, once; its local name."""
        alias = alias or catalog or worker
        if alias not in self._attached:
            where = location(worker, environment=self.environment)
            self.execute(attach_statement(where, catalog or worker, alias, self.options))
            self._attached.add(alias)
        return alias

    def cursor(self) -> Session:
        """A session of its own over the same database."""
        return Session(self.connection.cursor(), self.options, self._attached, self.environment)

    def execute(self, sql: str, deadline: float = DEADLINE) -> duckdb.DuckDBPyConnection:
        """Run a statement.

        Raises:
            AssertionError: it did not end in time.
            duckdb.Error: it failed.
        """
        with self._deadline(sql, deadline):
            return self.connection.execute(sql)

    def rows(self, sql: str, deadline: float = DEADLINE) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._deadline(sql, deadline):
            return self.connection.execute(sql).fetchall()

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query."""
        [row] = self.rows(sql)
        return row

    def value(self, sql: str) -> Any:
        """The only value of a query."""
        [value] = self.row(sql)
        return value

    def values(self, sql: str) -> list[Any]:
        """The only column of a query."""
        return [value for (value,) in self.rows(sql)]

    def error(self, sql: str, deadline: float = DEADLINE) -> str:
        """The message with which a statement fails.

        Raises:
            AssertionError: it succeeds.
        """
        for _ in range(3):
            try:
                rows = self.rows(sql, deadline)
            except duckdb.InterruptException:
                # DuckDB interrupts a query whose task has failed before it looks for the error, and
                # once in some thousand times finds the interrupt first.
                continue
            except duckdb.Error as error:
                return str(error)
            raise AssertionError(f"{sql} succeeded: {rows[:10]}")
        raise AssertionError(f"{sql} was interrupted three times, by nobody")

    def close(self) -> None:
        """Close the connection; its workers end."""
        self.connection.close()

    @contextmanager
    def _deadline(self, sql: str, seconds: float) -> Iterator[None]:
        late = threading.Event()

        def interrupt() -> None:
            late.set()
            self.connection.interrupt()

        timer = threading.Timer(seconds, interrupt)
        timer.start()
        try:
            yield
        except duckdb.InterruptException:
            if late.is_set():
                raise AssertionError(f"no answer within {seconds} s: {sql}") from None
            raise
        finally:
            timer.cancel()


def attach_statement(location: str, catalog: str, alias: str, options: str = "") -> str:
    """ATTACH for a location."""
    clauses = ", ".join(["TYPE vgi", f"LOCATION {literal(location)}", *([options] if options else [])])
    return f'ATTACH {literal(catalog)} AS "{alias}" ({clauses})'


def literal(text: str) -> str:
    """A SQL string."""
    return "'" + text.replace("'", "''") + "'"
