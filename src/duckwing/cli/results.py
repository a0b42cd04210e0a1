"""Run statements and hold their results as text, exactly as DuckDB writes each value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from .interrupt import Interruptible

if TYPE_CHECKING:
    import duckdb

T = TypeVar("T")

Row = tuple[str | None, ...]

_FETCH = 2048


@dataclass(frozen=True)
class Result:
    """A statement's answer: its columns, and rows that are still to be fetched.

    Attributes:
        names: of the columns; they may repeat.
        types: DuckDB's names of their types.
        fetch: rows, a list at a time, every value through a SQL expression over ``{}``.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    fetch: Callable[[str], Iterator[list[Row]]]

    def text(self) -> Iterator[list[Row]]:
        """Rows as DuckDB casts them to VARCHAR; NULL is None."""
        return self.fetch("CAST({} AS VARCHAR)")

    def json(self) -> Iterator[list[Row]]:
        """Rows as DuckDB's ``to_json`` writes each value; NULL is None."""
        return self.fetch("CAST(to_json({}) AS VARCHAR)")


class Runner:
    """Runs statements on a connection, and lets Ctrl-C end them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._interruptible = Interruptible(connection.interrupt)
        # A table name must not find a variable of this program.
        connection.execute("SET python_enable_replacements = false")

    def call(self, work: Callable[[], T]) -> T:
        """Run ``work``, which uses the connection.

        Raises:
            KeyboardInterrupt: Ctrl-C came; ``work`` has ended.
            Exception: whatever ``work`` raises.
        """
        return self._interruptible.call(work)

    def statements(self, text: str) -> list[duckdb.Statement]:
        """The statements in ``text``.

        Raises:
            duckdb.Error: it is not SQL.
        """
        return self.connection.extract_statements(text)

    def execute(self, statement: duckdb.Statement | str) -> Result | None:
        """Run ``statement``; None when it has no result to show, such as CREATE or INSERT.

        A query is bound here, and runs when its rows are asked for.

        Raises:
            duckdb.Error: what DuckDB has against it.
            KeyboardInterrupt: Ctrl-C came; the statement has ended.
        """
        # The stubs promise a relation; a statement without a result gives None all the same.
        relation: duckdb.DuckDBPyRelation | None = self.call(lambda: self.connection.sql(statement))
        return None if relation is None else self.result(relation)

    def result(self, relation: duckdb.DuckDBPyRelation) -> Result:
        """The rows of a relation."""
        width = len(relation.columns)

        def fetch(expression: str) -> Iterator[list[Row]]:
            # By position, because names may repeat. A projection runs the query once and whole, as LIMIT would not.
            columns = ", ".join(expression.format(f"#{number}") for number in range(1, width + 1))
            rows = relation.project(columns)
            while chunk := self.call(lambda: rows.fetchmany(_FETCH)):
                yield chunk

        return Result(tuple(relation.columns), tuple(map(str, relation.types)), fetch)
