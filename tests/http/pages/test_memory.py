from __future__ import annotations

import pytest

import duckwing as dw
from duckwing.http.pages.memory import connect_to
from duckwing.rpc.errors import ConnectionClosed, RemoteError
from duckwing.types import BIGINT


def worker() -> dw.Worker:
    demo = dw.Catalog("demo")

    @demo.scalar
    def double(n: int) -> int:
        return 2 * n

    @demo.table_function(columns={"n": BIGINT})
    def count(to: int):  # type: ignore[no-untyped-def]
        for n in range(to):
            yield (n,)

    return dw.Worker(demo)


def test_calls_are_answered_in_the_same_thread() -> None:
    with connect_to(worker().server().session) as connection:
        assert connection.catalogs() == ["demo"]
        assert connection.attach("demo").scalar("double", [1, 2, 3]).to_pylist() == [2, 4, 6]


def test_an_error_reaches_the_caller_and_the_next_call_is_served() -> None:
    with connect_to(worker().server().session) as connection:
        with pytest.raises(RemoteError, match="nowhere"):
            connection.attach("nowhere")
        assert connection.attach("demo").about.default_schema == "main"


def test_streams_go_turn_by_turn() -> None:
    with connect_to(worker().server().session) as connection:
        rows = connection.attach("demo").scan("count", 5000).read_all()
    assert rows.column("n").to_pylist() == list(range(5000))


def test_a_session_that_ends_is_a_closed_connection() -> None:
    def session():  # type: ignore[no-untyped-def]
        yield 1  # reads one byte and leaves

    with connect_to(session) as connection, pytest.raises(ConnectionClosed):
        connection.catalogs()
