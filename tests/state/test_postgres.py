"""State in PostgreSQL, in a server that is started for these tests."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import psycopg
import pytest

from duckwing.errors import StateError
from duckwing.state.backend import open_backend

from . import servers
from .networked import SCOPE, BackendTests, check_errors_tell_no_password
from .servers import Server

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with servers.postgres() as server:
        yield server


class TestPostgres(BackendTests):
    def erase(self, server: Server) -> None:
        with psycopg.connect(server.url) as connection:
            connection.execute("DROP SCHEMA duckwing_1 CASCADE")

    def age(self, server: Server) -> None:
        with psycopg.connect(server.url) as connection:
            connection.execute("UPDATE duckwing_1.scope SET used = used - interval '2 hours'")

    def test_pop_waits_for_an_item_that_may_come_back(self, server: Server) -> None:
        """While a session holds the only item that it may give back, nobody is told that the queue is empty."""
        backend = open_backend(server.url, timeout=0.3)
        store = backend.store("execution", SCOPE)
        store.push([b"a"])
        with psycopg.connect(server.url) as other:
            other.execute("DELETE FROM duckwing_1.queue")
            with pytest.raises(StateError):
                store.pop()
            other.rollback()
        assert store.pop() == b"a"
        assert store.pop() is None
        backend.close()

    def test_pop_does_not_wait_for_others(self, server: Server) -> None:
        backend = open_backend(server.url, timeout=0.3)
        store = backend.store("execution", SCOPE)
        store.push([b"a", b"b"])
        with psycopg.connect(server.url) as other:
            other.execute("DELETE FROM duckwing_1.queue WHERE item = 'a'")
            assert store.pop() == b"b"
            other.rollback()
        assert store.pop() == b"a"
        backend.close()

    def test_a_long_key_is_refused(self, server: Server) -> None:
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        longest = bytes(i * i % 251 for i in range(2499))
        store.put("n", longest, b"1")
        store.counter_add("n", longest, 1)
        store.append("n", longest, b"1")
        assert store.scan("n") == [(longest, b"1")]
        for operation in (
            lambda: store.put("n", longest + b"x", b""),
            lambda: store.put_many("n", [(b"a", b""), (longest + b"x", b"")]),
            lambda: store.append("n", longest + b"x", b""),
            lambda: store.counter_add("n", longest + b"x", 1),
        ):
            with pytest.raises(StateError, match="2500 bytes of namespace and key together, not 2501; use a digest"):
                operation()
        assert store.scan("n") == [(longest, b"1")]
        backend.close()

    def test_a_database_without_rights_is_an_error_that_says_so(self, server: Server) -> None:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS nobody")
            connection.execute("CREATE ROLE nobody LOGIN")
        backend = open_backend(server.url.replace("duckwing@", "nobody@"))
        with pytest.raises(StateError, match="permission denied"):
            backend.exists("execution", SCOPE)
        backend.close()

    def test_sessions_that_the_server_ends_are_replaced(self, server: Server) -> None:
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        with psycopg.connect(server.url, autocommit=True) as connection:
            sessions = "FROM pg_stat_activity WHERE application_name = 'duckwing'"
            connection.execute(f"SELECT pg_terminate_backend(pid) {sessions}")
            while connection.execute(f"SELECT {sessions}").fetchall():
                time.sleep(0.01)
        store.put("n", b"a", b"1")
        backend.close()


def test_errors_tell_no_password() -> None:
    check_errors_tell_no_password("postgresql://me:hidden@127.0.0.1:1/state")
    with pytest.raises(StateError, match="expected postgresql") as caught:
        open_backend("postgresql://me:hidden@[bad/state")
    assert "hidden" not in str(caught.value)


def test_a_missing_package_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StateError, match=r"pip install 'duckwing\[postgres\]'"):
        open_backend("postgresql://localhost/state")
