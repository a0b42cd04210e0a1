"""State in Redis, in servers that are started for these tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from redis import Redis

from duckwing.errors import StateError
from duckwing.state.backend import open_backend
from duckwing.state.store import Store

from . import servers
from .networked import SCOPE, BackendTests, check_errors_tell_no_password
from .servers import Server

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with servers.redis() as server:
        yield server


class TestRedis(BackendTests):
    def erase(self, server: Server) -> None:
        with Redis.from_url(server.url) as client:
            client.flushall()
            client.script_flush()

    def age(self, server: Server) -> None:
        with Redis.from_url(server.url) as client:
            for name, used in client.zrange("duckwing:1:scopes", 0, -1, withscores=True):
                client.zadd("duckwing:1:scopes", {name: used - 7200})

    def test_long_keys(self, server: Server) -> None:
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        keys = [bytes(1_000_000), bytes(1_000_001), bytes(999_999) + b"\x01"]
        store.put_many("n", [(key, b"") for key in keys])
        assert [key for key, _ in store.scan("n")] == keys
        assert store.delete("n") == 3
        backend.close()

    def test_nothing_stays_of_a_scope(self, server: Server) -> None:
        backend = open_backend(server.url)
        with Redis.from_url(server.url) as client:
            backend.remove("execution", SCOPE)
            before = set(client.keys())
            store = backend.create("execution", SCOPE)
            store.push([b"a"])
            store.put("n", b"a", b"")
            store.append("n", b"a", b"")
            store.counter_add("n", b"a", 1)
            assert len(set(client.keys()) - before - {b"duckwing:1:scopes"}) == 7
            backend.remove("execution", SCOPE)
            assert set(client.keys()) <= before
        backend.close()


def test_a_scope_ends_with_a_server_that_may_have_lost_changes() -> None:
    """A snapshot brings the state of some time ago back: an item that was popped, a smaller counter."""
    with servers.redis("--save", "3600 1000000") as server:
        backend = open_backend(server.url)
        store = backend.create("execution", b"a")
        store.push([b"item"])
        with Redis.from_url(server.url) as client:
            client.save()
        assert store.pop() == b"item"
        server.kill()
        server.start()
        with pytest.raises(StateError, match="appendfsync"):
            store.pop()
        assert not backend.exists("execution", b"a")
        with pytest.raises(StateError, match="gone"):
            backend.store("execution", b"a")
        again = backend.create("execution", b"a")
        assert again.pop() is None
        backend.close()


def test_a_server_that_evicts_keys_is_refused() -> None:
    with servers.redis("--maxmemory-policy", "allkeys-lru") as server:
        backend = open_backend(server.url)
        with pytest.raises(StateError, match="set maxmemory-policy to noeviction, it is allkeys-lru"):
            backend.create("execution", b"a")
        backend.close()


def fill(store: Store) -> None:
    for i in range(100):
        store.put_many("n", [(b"a", b"%d" % i), (b"%d" % i, bytes(1_000_000))])


def test_a_full_server_is_an_error_and_nothing_has_changed() -> None:
    with servers.redis("--maxmemory", "20mb") as server:
        backend = open_backend(server.url)
        store = backend.create("execution", b"a")
        store.put("n", b"a", b"old")
        with pytest.raises(StateError, match="has room"):
            fill(store)
        kept = store.scan("n")
        assert (b"a", b"%d" % (len(kept) - 2)) in kept
        assert store.delete("n") == len(kept)
        store.put("n", b"a", b"new")
        backend.close()


def test_errors_tell_no_password() -> None:
    check_errors_tell_no_password("redis://me:hidden@127.0.0.1:1/0")
    with pytest.raises(StateError, match="expected redis://") as caught:
        open_backend("redis://me:hidden@localhost:port/0")
    assert "hidden" not in str(caught.value)


def test_a_url_of_nothing_known_is_refused() -> None:
    with pytest.raises(StateError, match="expected one that begins with postgresql://, redis://") as caught:
        open_backend("mysql://me:hidden@localhost/state")
    assert "hidden" not in str(caught.value)


def test_a_missing_package_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(StateError, match=r"pip install 'duckwing\[redis\]'"):
        open_backend("redis://localhost/0")
