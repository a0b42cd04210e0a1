"""User code that fails or dies: always an error, never a short result, and the next query works."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import duckwing

from .session import Session
from .transports import HTTP

pytestmark = [
    pytest.mark.sql,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no guard that tells of a worker's death"),
]

MESSAGES = {
    "ValueError": "ValueError: a value, in a helper",
    "unprintable": "Unprintable: <the message of this exception cannot be printed: RuntimeError>",
    "RecursionError": "RecursionError: maximum recursion depth exceeded",
    "MemoryError": "MemoryError",
    "SystemExit": "SystemExit: 0",
    "CancelledError": "CancelledError: cancelled by the author",
}
"""By kind of failure, what SQL says of it."""

DEATHS = ["exit", "exit 3", "SIGKILL", "SIGTERM", "segfault", "KeyboardInterrupt", "GeneratorExit"]
"""Failures after which there is nobody to say anything; a signal's exceptions count as one."""

CALLS = {
    "first batch": "SELECT count(*), sum(n) FROM faults.scan('{kind}')",
    "later batch": "SELECT count(*), sum(n) FROM faults.scan('{kind}', after := 5)",
    "batch scalar": "SELECT sum(faults.batch(i, '{kind}', 150000)) FROM range(200000) t(i)",
    "row scalar": "SELECT sum(faults.row(i, '{kind}', 100000)) FROM range(120000) t(i)",
    "first row": "SELECT sum(faults.row(i, '{kind}', 0)) FROM range(5000) t(i)",
}


def fails(session: Session, kind: str, call: str) -> str:
    session.attach("faults")
    message = session.error(CALLS[call].format(kind=kind))
    assert session.value("SELECT sum(faults.ok(i)) FROM range(10) t(i)") == 55
    assert session.row("SELECT count(*), sum(n) FROM faults.scan('none')") == (10_000, 49_995_000)
    return message


def check_message(message: str, kind: str) -> None:
    assert re.search(
        rf"VGI Worker Exception: {re.escape(MESSAGES[kind])}.*\[(table|scalar) function '\w+'\] \[worker: ", message
    )
    assert str(Path(duckwing.__file__).parent) not in message


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", MESSAGES)
def test_exceptions(sql: Session, kind: str, call: str) -> None:
    check_message(fails(sql, kind, call), kind)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", DEATHS)
def test_deaths(sql: Session, kind: str, call: str) -> None:
    if HTTP and kind == "SIGTERM":
        pytest.skip("a process that is asked to end finishes its calls")
    fails(sql, kind, call)


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        pytest.param("ValueError", "later batch", marks=pytest.mark.full),
        pytest.param("SystemExit", "batch scalar", marks=pytest.mark.full),
        pytest.param("exit", "later batch", marks=pytest.mark.full),
    ],
)
def test_with_a_new_process_for_each_call(not_pooled: Session, kind: str, call: str) -> None:
    message = fails(not_pooled, kind, call)
    if kind in MESSAGES:
        check_message(message, kind)


@pytest.mark.full
def test_deaths_are_noticed_every_time(sql: Session) -> None:
    """Whether the exit status can be had at the end of the pipe is luck; so one try proves nothing."""
    sql.attach("faults")
    for _ in range(5):
        for kind in ("exit", "SIGKILL"):
            sql.error(CALLS["later batch"].format(kind=kind))


@pytest.mark.parametrize("kind", ["ValueError", "SystemExit", "none"])
def test_the_clean_up_of_a_scan_runs(sql: Session, tmp_path: Path, kind: str) -> None:
    sql.attach("faults")
    witness = tmp_path / "witness"
    query = f"SELECT count(*) FROM faults.scan('{kind}', after := 3, witness := '{witness}')"
    if kind == "none":
        assert sql.value(query) == 10_000
    else:
        sql.error(query)
    assert witness.read_text() == "closed"


def test_a_failure_on_one_side_of_a_join(sql: Session) -> None:
    sql.attach("faults")
    message = sql.error("""
        SELECT count(*) FROM faults.scan('none') a JOIN faults.scan('ValueError', after := 9) b USING (n)
        WHERE faults.ok(a.n) = faults.ok(b.n)
    """)
    check_message(message, "ValueError")


def test_rows_where_nothing_fails(sql: Session) -> None:
    """The functions above are right as long as they do not fail."""
    sql.attach("faults")
    for function in ("batch", "row"):
        assert sql.value(f"SELECT sum(faults.{function}(i, 'exit', -1)) FROM range(100000) t(i)") == 4_999_950_000
