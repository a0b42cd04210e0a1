"""What SQL, and the log, say of an exception in a function."""

from __future__ import annotations

import re

import pytest

from .session import WORKERS, Session, attach_statement, literal, location
from .transports import stdio_only

pytestmark = pytest.mark.sql

CALLS = {
    "scalar": (
        "SELECT scalars.fails(i) FROM range(10) t(i)",
        "LookupError: nothing for 3",
        "scalar function 'fails'",
    ),
    "table, first": ("FROM tables.fails_after(0)", "ValueError: no more than 0", "table function 'fails_after'"),
    "table, later": ("FROM tables.fails_after(5000)", "ValueError: no more than 5000", "table function 'fails_after'"),
    "splits": ("FROM splits.mistaken('plan raises')", "LookupError: nothing to plan", "table function 'mistaken'"),
    "row": ("FROM range(3) r(v), rows.fails(v, 0)", "ValueError: no row 0", "row function 'fails'"),
    "in-out, bind": (
        "FROM in_out.fails_in_bind((FROM range(5)))",
        "ValueError: no columns for ['range']",
        "table_in_out function 'fails_in_bind'",
    ),
    **{
        f"in-out, {phase}": (
            f"FROM in_out.fails((FROM range(5)), phase := '{phase}')",
            f"ValueError: not in {phase}",
            "table_in_out function 'fails'",
        )
        for phase in ("process", "finish")
    },
    **{
        f"buffering, {phase}": (
            f"FROM buffering.fails((SELECT i AS n FROM range(5) r(i)), phase := '{phase}')",
            f"ValueError: not in {phase}",
            "buffering function 'fails'",
        )
        for phase in ("bind", "sink", "split", "source")
    },
    **{
        f"aggregate, {place}": (
            f"SELECT aggregates.fails_by_one(i, '{place}') FROM range(10) t(i)",
            f"ValueError: failed in {place}",
            "aggregate 'fails_by_one'",
        )
        for place in ("init", "update", "result")
    },
    "window": (
        "SELECT windows.main.broken(i) OVER (ORDER BY i ROWS 1 PRECEDING) FROM range(5) t(i)",
        "ValueError: no sum of 1 rows",
        "aggregate 'broken'",
    ),
    "running window": (
        "SELECT windows.main.broken(i) OVER (ORDER BY i) FROM range(5) t(i)",
        "ValueError: no sum up to 0",
        "aggregate 'broken'",
    ),
}
"""A query, its exception, and the function that must be named."""


def worker_of(query: str) -> str:
    found = re.search(r"(\w+)\.(?:main\.)?\w+\(", query)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("call", CALLS)
def test_type_message_and_function(sql: Session, call: str) -> None:
    query, exception, function = CALLS[call]
    worker = sql.attach(worker_of(query))
    expected = f"{exception} [{function}] [worker: {location(worker)}]"
    message = sql.error(query).partition("\n\nLINE 1: ")[0]  # DuckDB adds the query to errors of the bind
    message = re.sub(r"(http://[^/\]]+)/[^\]]*\]$", r"\1]", message)  # the method's path, over HTTP
    assert message == f"Invalid Input Error: VGI Worker Exception: {expected}"


@pytest.mark.parametrize("call", CALLS)
def test_in_debug_mode_the_authors_frames_too(debugged: Session, call: str) -> None:
    query, exception, function = CALLS[call]
    worker = debugged.attach(worker_of(query))
    message = debugged.error(query)
    head, _, trace = message.partition("\nTraceback (most recent call last):\n")
    assert head == f"Invalid Input Error: VGI Worker Exception: {exception} [{function}]"
    assert set(re.findall(r'^  File "([^"]+)"', trace, re.M)) == {str(WORKERS / f"{worker}.py")}
    assert f"\n{exception}\n" in trace


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no", "LookupError: no [scalar function 'SayNo']"),
        ("no\nnever", "LookupError: no\nnever\n[scalar function 'SayNo']"),
        ("no\nnever\n", "LookupError: no\nnever\n[scalar function 'SayNo']"),
        ("", "LookupError: [scalar function 'SayNo']"),
    ],
)
def test_the_function_stands_at_the_end(sql: Session, message: str, expected: str) -> None:
    sql.attach("errors")
    said = sql.error(f"SELECT errors.sayno(i, {literal(message)}) FROM range(2) t(i)")
    assert f"VGI Worker Exception: {expected} [worker: " in said


@pytest.mark.parametrize("session", ["sql", "debugged"])
def test_errors_of_duckwing_are_left_as_they_are(request: pytest.FixtureRequest, session: str) -> None:
    opened: Session = request.getfixturevalue(session)
    opened.attach("errors")
    said = opened.error("SELECT errors.own(i) FROM range(2) t(i)")
    assert "VGI Worker Exception: ArgumentError: the author's own words [worker: " in said


@stdio_only
@pytest.mark.parametrize(("environment", "logged"), [("", True), ("DUCKWING_DEBUG=1", False)])
def test_the_log_has_the_traceback_that_the_error_has_not(
    fresh: Session, capfd: pytest.CaptureFixture[str], environment: str, logged: bool
) -> None:
    place = location("errors", environment=environment)
    fresh.execute(attach_statement(place, "errors", "errors", "worker_debug true"))
    capfd.readouterr()
    message = fresh.error("FROM errors.converts('x')")
    lines = capfd.readouterr().err.splitlines()
    assert (" not a number [table function 'converts']\nTraceback" in message) == (not logged)
    assert lines.count("table function 'converts' failed") == logged
    assert lines.count("LookupError: not a number") == logged
    frames = [line for line in lines if line.startswith("  File ")]
    assert len(frames) == (3 if logged else 0)  # of the error, and of its cause
    assert all(f'"{WORKERS / "errors.py"}"' in line for line in frames)
