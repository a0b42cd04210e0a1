"""Workers that are wrong on purpose, and flags that every worker of a suite must take."""

from __future__ import annotations

import shlex
import sys

import pytest

from ..sql.session import Session, attach_statement
from .attaching import CONFORMANCE, attach, place

pytestmark = pytest.mark.sql

WORKERS = {
    "versioned": "versioned",
    "versioned_tables": "versioned_tables",
    "attach_options": "attach_options",
    "simple_writable": "simple_writable",
    "companion": "companion",
    "bad_enum": "example",
}


def test_a_protocol_that_the_client_does_not_know(fresh: Session) -> None:
    message = fresh.error(attach_statement(place("bad_protocol"), "example", "example", "pool false"))
    assert "ProtocolVersionError" in message
    assert "VGI client/worker protocol_version mismatch." in message
    assert "Server: 99.0.0" in message


def test_an_enum_that_there_is_not(fresh: Session) -> None:
    attach(fresh, "bad_enum", "example")
    for _ in range(2):
        assert "unknown null_handling 'WEIRD'" in fresh.error("SELECT example.double(1)")
    assert fresh.values("SELECT n FROM example.sequence(3)") == [0, 1, 2]


@pytest.mark.parametrize("worker", WORKERS)
def test_a_plain_python_program_with_flags(fresh: Session, worker: str) -> None:
    words = [sys.executable, str(CONFORMANCE / f"{worker}.py"), "--describe", "--quiet", "--log-level", "DEBUG"]
    fresh.execute(attach_statement(f"exec {shlex.join(words)}", WORKERS[worker], "w", "pool false"))
    assert fresh.values("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'w'") != []
