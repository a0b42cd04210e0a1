"""A listening worker without a supervisor, as on Windows; it is tried on every system."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from duckwing.client import connect

if TYPE_CHECKING:
    import duckdb

PROGRAM = """
import os, sys, threading, time
import duckwing as dw
from duckwing.process.options import parse_options
from duckwing.process.unsupervised import serve_unsupervised
from duckwing.types import BIGINT

demo = dw.Catalog("demo")
together = threading.Barrier(2)


@demo.scalar
def doubled(n: int) -> int:
    return 2 * n


@demo.scalar(stability="volatile")
def meets_another(n: int) -> int:
    print("this is no ready line")
    if n == 0:
        together.wait(timeout=60)
    return n


@demo.table_function(columns={"n": BIGINT})
def numbers(count: int):
    for n in range(count):
        yield (n,)


worker = dw.Worker(demo)
serve_unsupervised(parse_options(sys.argv[1:]), lambda: worker.service().server())
print("the end", file=sys.stderr)
"""

SECONDS = 30


@contextlib.contextmanager
def serving(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", PROGRAM, "--tcp", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip().replace("TCP:", "tcp://")
        finally:
            process.kill()


@pytest.fixture(scope="module")
def location() -> Iterator[str]:
    with serving() as (_, where):
        yield where


@pytest.mark.sql
def test_queries(location: str, connection: duckdb.DuckDBPyConnection, attach: Callable[..., str]) -> None:
    attach(connection, location, "demo")
    query = "SELECT sum(demo.doubled(n)), count(*) FROM demo.numbers(20_000)"
    for _ in range(3):
        assert connection.execute(query).fetchone() == (20_000 * 19_999, 20_000)
    assert connection.execute("SELECT n FROM demo.numbers(1_000_000_000) LIMIT 1").fetchall() == [(0,)]


def test_connections_at_the_same_time(location: str) -> None:
    with connect(location) as worker:
        demo = worker.attach("demo")
        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda: answers.append(demo.scalar("meets_another", [0]).to_pylist()))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert answers == [[0], [0]]


def test_the_idle_timeout() -> None:
    with serving("--idle-timeout", "0.1") as (process, where):
        with connect(where) as worker:
            demo = worker.attach("demo")
            scan = demo.scan("numbers", 100_000)
            first = next(scan).num_rows
            assert process.poll() is None
            assert first + sum(batch.num_rows for batch in scan) == 100_000
        assert process.wait(SECONDS) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
