"""What calls leave for each other; async functions; types computed at bind; hooks of a process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .session import Session, attach_statement, location
from .transports import stdio_only

pytestmark = pytest.mark.sql


def test_an_execution_has_a_state_of_its_own(either: Session) -> None:
    local = either.attach("stateful")
    query = f"SELECT max({local}.visits('execution')) FROM range(3)"
    assert either.value(query) == either.value(query) == 3


def test_a_transaction_shares_its_state(either: Session) -> None:
    local = either.attach("stateful")
    query = f"SELECT max({local}.visits('transaction')) FROM range(3)"
    assert [either.value(query), either.value(query)] == [3, 3]
    either.execute("BEGIN")
    assert [either.value(query), either.value(query)] == [3, 6]
    either.execute("ROLLBACK")
    assert either.value(query) == 3


def test_an_attachment_shares_its_state(either: Session) -> None:
    local = either.attach("stateful")
    other = either.attach("stateful", alias="stateful_again")
    query = "SELECT max({}.visits('attachment')) FROM range(3)"
    before = either.value(query.format(local))
    assert either.value(query.format(local)) == before + 3
    assert either.value(query.format(other)) == 3
    assert either.value(f"SELECT {local}.keep('k', 7)") == 7
    assert either.value(f"SELECT {local}.kept('k')") == "{'value': 7, 'as': (7, '7')}"
    assert either.value(f"SELECT {other}.kept('k')") == "None"


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_a_queue_loses_nothing_and_gives_nothing_twice(open_session: Callable[..., Session], threads: int) -> None:
    session = open_session(threads=threads)
    try:
        local = session.attach("stateful")
        session.execute("CREATE TABLE numbers AS SELECT i FROM range(300000) t(i)")
        session.execute(f"SELECT count({local}.enqueue(i)) FROM numbers WHERE i % 150 = 0")
        taken = f"SELECT {local}.dequeue(i) item FROM numbers WHERE i % 100 = 0"
        items = session.values(f"SELECT item FROM ({taken}) WHERE item IS NOT NULL ORDER BY item")
        assert items == list(range(0, 300_000, 150))
    finally:
        session.close()


def test_counters_of_a_scan_are_explained(either: Session) -> None:
    local = either.attach("stateful")
    assert either.rows(f"FROM {local}.measured(2)") == [(0, "0"), (1, "1")]
    plan = either.rows(f"EXPLAIN ANALYZE FROM {local}.measured(5)")[0][1]
    assert "requests: 10" in plan


def test_counters_of_other_kinds_are_refused(sql: Session) -> None:
    local = sql.attach("stateful")
    assert "'measures_nothing' is no table function" in sql.error(f"SELECT {local}.measures_nothing(1)")


def test_async_rows_wait_together_and_keep_their_order(sql: Session) -> None:
    local = sql.attach("stateful")
    assert sql.values(f"SELECT {local}.patient(i) FROM range(500) t(i)") == list(range(1, 501))
    assert sql.values(f"SELECT {local}.patient(i) FROM (VALUES (1), (NULL), (3)) t(i)") == [2, None, 4]


@stdio_only
def test_no_more_rows_are_awaited_than_declared(fresh: Session) -> None:
    fresh.execute("SET threads = 1")
    local = fresh.attach("stateful")
    fresh.execute(f"SELECT count({local}.patient(i)) FROM range(500) t(i)")
    assert fresh.value(f"SELECT {local}.at_once()") == 50


def test_the_first_error_of_async_rows_ends_the_query(sql: Session) -> None:
    local = sql.attach("stateful")
    message = sql.error(f"SELECT {local}.patient(i) FROM range(600, 700) t(i)")
    assert "ValueError: 666 is not to be waited for" in message
    assert "ExceptionGroup" not in message


def test_result_types_computed_from_argument_types(either: Session) -> None:
    local = either.attach("stateful")
    query = f"SELECT typeof({local}.boxed(v)), {local}.boxed(v) FROM (SELECT {{}} v)"
    assert either.row(query.format("1::TINYINT")) == ("TINYINT[]", [1])
    assert either.row(query.format("[DATE '2024-02-29']"))[0] == "DATE[][]"
    assert either.row(f"SELECT {local}.either(v, 2), {local}.either(v, 'x') FROM (SELECT 1 v)") == (1, "1")
    assert "returns= must return a type from duckwing.types, got 17" in either.error(f"SELECT {local}.badly_typed(1)")


@stdio_only
def test_hooks_run_once_per_process(fresh: Session, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    place = location("stateful", environment=f"DUCKWING_TEST_WITNESS={witness}")
    fresh.execute(attach_statement(place, "stateful", "stateful", "pool true"))
    query = "SELECT DISTINCT stateful.hooks() FROM range(5000)"
    assert fresh.values(query) == fresh.values(query) == ["prepared"]
    fresh.execute("CALL vgi_worker_pool_flush()")
    fresh.execute("DETACH stateful")
    deadline_wait(witness)
    assert witness.read_text("utf-8") == "tidied"


def deadline_wait(path: Path) -> None:
    """Wait until a process that is ending has written ``path``."""
    import time

    end = time.monotonic() + 30
    while not (path.exists() and path.read_text("utf-8")) and time.monotonic() < end:
        time.sleep(0.02)
