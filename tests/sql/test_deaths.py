"""A worker that dies in a query: an error, never a part of the result, never a hang; and the next query works."""

from __future__ import annotations

import pytest

from .session import Session

pytestmark = pytest.mark.sql

ANSWERED = {
    "SystemExit": "SystemExit",
    "sys.exit(0)": "SystemExit: 0",
    "sys.exit(3)": "SystemExit: 3",
}
DEATHS = [
    *("os._exit(0)", "os._exit(3)", "KeyboardInterrupt", "GeneratorExit", "segfault", "abort"),
    *("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"),
]


@pytest.fixture
def sql(sql: Session) -> Session:
    sql.attach("fatal")
    return sql


def queries(how: str) -> list[str]:
    return [
        f"SELECT fatal.scalar_ends(1, '{how}', 1)",
        f"SELECT sum(fatal.scalar_ends(i, '{how}', 5000)) FROM range(10000) t(i)",
        f"SELECT count(*), sum(n) FROM fatal.scan_ends('{how}', 0)",
        f"FROM fatal.scan_ends('{how}', 1)",
        f"SELECT count(*), sum(n) FROM fatal.scan_ends('{how}', 3000)",
    ]


@pytest.mark.parametrize("how", ANSWERED)
def test_a_function_that_exits_is_answered_with_an_error(sql: Session, how: str) -> None:
    for query in queries(how):
        message = sql.error(query)
        assert f"VGI Worker Exception: {ANSWERED[how]}" in message
        assert "fatal.py" in message
    assert sql.value("SELECT fatal.scalar_ends(1, 'SIGKILL', 0)") == 1


@pytest.mark.parametrize("how", DEATHS)
def test_a_death_is_never_a_short_result(sql: Session, how: str) -> None:
    for query in queries(how):
        sql.error(query)
    assert sql.value("SELECT fatal.scalar_ends(1, 'SIGKILL', 0)") == 1
    assert sql.row("SELECT count(*), sum(n) FROM fatal.scan_ends('no end', 100)") == (100, 4950)


def test_a_death_without_pooling(not_pooled: Session) -> None:
    not_pooled.attach("fatal")
    for how in ("os._exit(0)", "SIGKILL"):
        for query in queries(how)[2:4]:
            not_pooled.error(query)


def test_a_child_of_the_worker_does_not_hide_its_death(sql: Session) -> None:
    """It inherits what user code has open, but not what the worker has."""
    message = sql.error("FROM fatal.forks_and_dies(3)")
    assert message
    assert sql.values("FROM fatal.forks(3)") == [0, 1, 2]
