"""A server's memory does not grow with what goes through it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from duckwing.http import pumps, streams

from .serving import Browserless, Process, eventually, open_scan, peak, resident, serving
from .workers.served import served

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

MIB = 1 << 20
WIDTH = 500


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def drained(client: Browserless, name: str, rows: int) -> int:
    """Rows of a scan, none of which is kept here."""
    stream = open_scan(client, name, rows, 10_000, width=WIDTH)
    found: int = stream.reply.rows.num_rows
    while stream.tokens:
        reply = client.turn(stream.tokens)
        assert reply.error is None
        found += reply.rows.num_rows
        stream.tokens = {**stream.tokens, **reply.tokens} if reply.tokens else {}
    return found


@pytest.mark.full
@pytest.mark.parametrize("name", ["numbers", "walk"])
def test_a_long_scan_takes_no_more_memory_than_a_short_one(name: str) -> None:
    with Process("--processes", "1") as server, Browserless(server.port) as client:
        [pid] = server.children()
        assert drained(client, name, 50_000) == 50_000
        before = peak(pid)
        assert drained(client, name, 1_000_000) == 1_000_000  # some 500 MB
        assert peak(pid) - before < 64 * MIB


def test_a_scan_is_not_made_before_it_is_wanted(client: Browserless) -> None:
    """Nobody asks for its turns, so there is one of them, and little more."""
    before = resident(os.getpid())
    scans = [open_scan(client, "numbers", 50_000_000, 10_000, width=WIDTH) for _ in range(5)]
    catalog = client.connect().attach("served")
    for _ in range(20):  # the lane has had time to go on
        assert catalog.scalar("doubled", [1]).to_pylist() == [2]
    assert resident(os.getpid()) - before < 200 * MIB
    for scan in scans:
        client.turn(scan.tokens, cancel=b"1")


@pytest.mark.full
@pytest.mark.parametrize("cancel", [True, False])
def test_hundreds_of_abandoned_scans_leave_nothing(
    cancel: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cancel:
        monkeypatch.setattr(pumps, "DESERTED_SECONDS", 0.3)
        monkeypatch.setattr(streams, "TEND_SECONDS", 0.05)
    witness = tmp_path / "witness"
    with serving(served) as client:

        def abandon(count: int) -> None:
            for _ in range(count):
                stream = open_scan(client, "numbers", 50_000_000, 2000, width=WIDTH, witness=str(witness))
                assert stream.tokens
                if cancel:
                    client.turn(stream.tokens, cancel=b"1")

        abandon(100)
        eventually(lambda: lines(witness) == 100)
        before = resident(os.getpid())
        abandon(200)
        eventually(lambda: lines(witness) == 300)
        assert resident(os.getpid()) - before < 64 * MIB
        assert client.connect().attach("served").scalar("doubled", [1]).to_pylist() == [2]


@pytest.mark.full
def test_abandoned_classes_leave_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of them has a bound, and any process could go on without it."""
    monkeypatch.setattr(streams, "KEPT_STREAMS", 5)
    with serving(served) as client:
        for _ in range(10):
            open_scan(client, "walk", 9_000_000, 2000, width=WIDTH)
        before = resident(os.getpid())
        tokens = [open_scan(client, "walk", 9_000_000, 2000, width=WIDTH).tokens for _ in range(50)]
        assert resident(os.getpid()) - before < 64 * MIB
        assert client.turn(tokens[0]).rows.num_rows > 0


@pytest.mark.full
def test_large_requests_and_answers_do_not_stay() -> None:
    with Process("--processes", "1") as server, Browserless(server.port) as client:
        [pid] = server.children()
        catalog = client.connect().attach("served")
        text = ["x" * MIB] * 32
        for _ in range(2):
            assert catalog.scalar("repeated", text, 1).to_pylist() == text
        before = peak(pid)
        for _ in range(10):
            assert catalog.scalar("repeated", text, 1).to_pylist() == text
        assert peak(pid) - before < 64 * MIB
