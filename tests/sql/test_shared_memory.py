"""Batches through shared memory: the client offers it if VGI_RPC_SHM_SIZE_BYTES is set in its environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from .session import Session, attach_statement, location
from .transports import TRANSPORT

if sys.platform == "win32":
    pytest.skip("about POSIX shared memory", allow_module_level=True)


@pytest.fixture(params=["1", ""], ids=["all batches", "large batches"])
def shared(
    request: pytest.FixtureRequest, open_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    monkeypatch.setenv("VGI_RPC_SHM_SIZE_BYTES", str(16 << 20))
    if request.param:
        monkeypatch.setenv("VGI_RPC_SHM_MIN_BATCH_BYTES", request.param)
    session = open_session(threads=4)
    where = location("sharing", environment=f"LEAST={request.param}")
    session.execute(attach_statement(where, "sharing", "sharing"))
    yield session
    session.close()


def test_scans_and_scalars(shared: Session) -> None:
    rows = 3_000_000
    expected = shared.row(f"SELECT count(*), sum(range), sum(hash(range)) FROM range({rows})")
    assert shared.row(f"SELECT count(*), sum(n), sum(hash(n)) FROM sharing.main.numbers({rows})") == expected
    assert (
        shared.row(f"SELECT count(*), sum(n), sum(hash(n)) FROM (SELECT sharing.main.same(range) n FROM range({rows}))")
        == expected
    )


@pytest.mark.parametrize("function", ["in_the_end", "everything"])
def test_what_a_function_keeps_is_its_own(shared: Session, function: str) -> None:
    """Memory of a batch is used for the next one."""
    query = f"SELECT sum(hash(i)) FROM sharing.main.{function}((SELECT range i FROM range(500_000)))"
    assert shared.value(query) == shared.value("SELECT sum(hash(range)) FROM range(500_000)")


def test_texts_and_nested_values(shared: Session) -> None:
    query = "SELECT repeat('ü' || range, 20) s, [range, NULL] l, {'a': range::VARCHAR} r FROM range(100_000)"
    same = f"SELECT sharing.main.same_row(s, l, r) t, * FROM ({query})"
    assert shared.value(f"SELECT bool_and(s = t.s AND l = t.l AND r = t.r) FROM ({same})")


def test_it_was_used(shared: Session) -> None:
    """Else the tests above would say nothing."""
    maps = shared.value("SELECT sharing.main.segments(max(range)) FROM range(10)")
    assert (maps > 0) == (TRANSPORT in ("stdio", "launch", "unix"))


def test_no_segment_is_left(shared: Session) -> None:
    shared.rows("SELECT sum(n) FROM sharing.main.numbers(1_000_000)")
    shared.close()
    assert not [name for name in os.listdir("/dev/shm") if name.startswith(f"vgi_shm_{os.getpid():x}_")]
