"""Clients that are slow, broken or malicious are bounded, answered, and harm nobody else (spec 02, section 20)."""

from __future__ import annotations

import os
import random
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from duckwing.http import exchange
from duckwing.http import serving as protocol
from duckwing.http.lanes import Lanes
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc.method import NoParams

from .serving import ARROW, PATIENCE, Browserless, call_body, open_scan, request, resident, serving
from .workers.served import served

BODY = call_body(CATALOG_CATALOGS, NoParams())
HEAD = f"POST /vgi.v2/catalog_catalogs HTTP/1.1\r\nHost: x\r\nContent-Type: {ARROW}\r\n".encode()
REQUEST = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
MIB = 1 << 20
RECEIVED = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n(.*?)\r\n\r\n", re.DOTALL)


class Wire:
    """A connection of bytes."""

    def __init__(self, client: Browserless):
        self.socket = socket.create_connection(("127.0.0.1", client.ports[0]), PATIENCE)
        self.data = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next response: its status, headers and body."""
        while (match := RECEIVED.match(self.data)) is None:
            assert self._more(), f"the connection ended after {self.data[:100]!r}"
        fields = dict(line.split(": ", 1) for line in match[2].decode("latin-1").split("\r\n"))
        headers = {name.lower(): value for name, value in fields.items()}
        length = int(headers.get("content-length", 0))
        while len(self.data) < match.end() + length:
            assert self._more(), "the connection ended in a body"
        body = self.data[match.end() : match.end() + length]
        self.data = self.data[match.end() + length :]
        return int(match[1]), headers, body

    def is_closed(self) -> bool:
        """Wait for the end of the connection."""
        while self._more():
            pass
        return True

    def _more(self) -> bool:
        try:
            piece = self.socket.recv(65_536)
        except ConnectionResetError:
            return False
        self.data += piece
        return bool(piece)


def is_well(client: Browserless) -> bool:
    return client.post("/vgi.v2/catalog_catalogs", BODY).error is None


@pytest.fixture(autouse=True)
def _others_are_served(client: Browserless) -> Iterator[None]:
    yield
    assert is_well(client)


# Slow


def test_a_head_that_does_not_come_is_not_waited_for(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    for start in (b"", b"P", HEAD):
        with Wire(client) as wire:
            wire.send(start)
            status, headers, _ = wire.answer()
            assert (status, headers["vgi-accept-max-response-bytes-support"]) == (400, "true")
            assert wire.is_closed()


def test_a_head_in_drops_is_not_waited_for(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte must not give it more time."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    for before in (b"", REQUEST):  # also the second request of a connection
        with Wire(client) as wire:
            if before:
                wire.send(before)
                assert wire.answer()[0] == 200
            wire.send(HEAD)
            wire.socket.settimeout(0.02)
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                try:
                    wire.send(b"X-Drop: 1\r\n")
                    if wire.data or not wire._more():
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            assert time.monotonic() < deadline
            wire.socket.settimeout(PATIENCE)
            assert wire.data == b"" or wire.answer()[0] == 400


def test_a_connection_between_two_requests_may_rest(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with Wire(client) as wire:
        for _ in range(2):
            wire.send(REQUEST)
            assert wire.answer()[0] == 200
            time.sleep(0.3)  # longer than a head may take: nothing is to happen, so there is no event to wait for


def test_a_body_that_does_not_come_is_not_waited_for(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.2)
    for start in (b"", BODY[:10]):
        with Wire(client) as wire:
            wire.send(HEAD + b"Content-Length: 5000\r\n\r\n" + start)
            assert wire.is_closed()


@pytest.mark.full
def test_a_body_in_drops_is_not_waited_for_for_ever(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.3)
    with Wire(client) as wire:
        wire.send(HEAD + b"Content-Length: 100000\r\n\r\n")
        deadline = time.monotonic() + 5
        wire.socket.settimeout(0.02)
        while time.monotonic() < deadline:
            try:
                wire.send(b"x")
                if wire.data or not wire._more():
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() < deadline


def test_many_slow_clients_do_not_keep_others_away(client: Browserless) -> None:
    wires = [Wire(client) for _ in range(100)]
    try:
        for number, wire in enumerate(wires):
            wire.send([b"", b"POST /", HEAD, HEAD + b"Content-Length: 5000\r\n\r\n1234"][number % 4])
        for _ in range(20):
            assert is_well(client)
    finally:
        for wire in wires:
            wire.socket.close()


# Large


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X-Long: " + b"x" * 400_000 + b"\r\n\r\n",
        b"POST /" + b"x" * 400_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 3000) for n in range(199)) + b"\r\n",
        HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
        HEAD + b"X-Endless: " + b"x" * MIB * 8,
    ],
    ids=["value", "path", "lines", "many lines", "endless"],
)
def test_huge_heads(client: Browserless, head: bytes) -> None:
    with Wire(client) as wire:
        try:
            wire.send(head)
            status, headers, _ = wire.answer()
        except OSError:  # the server has closed its end while we still sent
            return
        assert (status, headers["vgi-accept-max-response-bytes-support"]) == (400, "true")
        assert wire.is_closed()


def test_a_long_head_that_is_within_bounds(client: Browserless) -> None:
    reply = client.post("/vgi.v2/catalog_catalogs", BODY, {"Authorization": "Bearer " + "x" * 30_000})
    assert reply.error is None


def test_what_is_announced_and_too_large_is_not_even_read() -> None:
    with serving(served, max_request_bytes=MIB) as client, Wire(client) as wire:
        wire.send(HEAD + b"Content-Length: 99999999999\r\n\r\n")
        assert wire.answer()[0] == 413


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"0x10", b"+5", b"5, 5", b"", b"\xb2", b"9" * 30])
def test_lengths_that_are_no_numbers(client: Browserless, length: bytes) -> None:
    with Wire(client) as wire:
        wire.send(HEAD + b"Content-Length: " + length + b"\r\n\r\n")
        assert wire.answer()[0] in (400, 413)


def test_two_ways_to_say_where_a_body_ends_are_refused(client: Browserless) -> None:
    """A proxy before us might believe the other one."""
    with Wire(client) as wire:
        wire.send(
            HEAD
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        status, _, _ = wire.answer()
        assert status == 400


# Broken


def test_garbage_is_answered_and_ends_the_connection(client: Browserless) -> None:
    chance = random.Random(3)
    for _ in range(50):
        with Wire(client) as wire:
            wire.send(b"\x16\x03\x01" + chance.randbytes(200) + b"\r\n\r\n")
            assert wire.answer()[0] == 400
            assert wire.is_closed()


def test_garbage_behind_a_request_does_not_harm_its_answer(client: Browserless) -> None:
    with Wire(client) as wire:
        wire.send(REQUEST + b"\0\xff garbage\r\n\r\n")
        statuses = [wire.answer()[0]]
        if statuses == [200]:
            statuses.append(wire.answer()[0])
        assert statuses[-1] == 400
        assert wire.is_closed()


def test_requests_in_one_piece_are_answered_in_order(client: Browserless) -> None:
    paths = [b"/health", b"/nothing", b"/health", b"/vgi.v2/x/y/z"] * 5
    with Wire(client) as wire:
        wire.send(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in paths) + REQUEST)
        assert [wire.answer()[0] for _ in paths] == [200, 404, 200, 404] * 5
        assert wire.answer()[0] == 200


def test_a_client_that_has_closed_its_writing_half_gets_its_answer_or_an_end(client: Browserless) -> None:
    with Wire(client) as wire:
        wire.send(REQUEST)
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
    with Wire(client) as wire:
        wire.send(HEAD + b"Content-Length: 5000\r\n\r\nhalf")
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
        assert b" 200 " not in wire.data[:20]


def test_clients_that_leave_at_any_moment(client: Browserless) -> None:
    chance = random.Random(5)
    for _ in range(100):
        with Wire(client) as wire:
            wire.send(REQUEST[: chance.randrange(len(REQUEST) + 1)])
            if chance.random() < 0.5:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset


@pytest.mark.full
def test_a_client_that_does_not_read_holds_up_nobody(client: Browserless) -> None:
    """Its answers stay in bounds, because the next one waits until the last one has gone."""
    tokens = open_scan(client, "walk", 9_000_000, 10_000, width=300).tokens
    body = request(None, tokens)
    head = HEAD.replace(b"/vgi.v2/catalog_catalogs", b"/vgi.v2/init/exchange")
    turn = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    before = resident(os.getpid())
    wires = [Wire(client) for _ in range(5)]
    try:
        for wire in wires:
            wire.send(turn * 10)
        for _ in range(10):
            assert is_well(client)
        assert resident(os.getpid()) - before < 300 * MIB
    finally:
        for wire in wires:
            wire.socket.close()


def test_overload_is_told(client: Browserless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lanes, "load", property(lambda lanes: 1_000_000))
    reply = client.post("/vgi.v2/catalog_catalogs", BODY)
    monkeypatch.undo()
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.headers["VGI-Accept-Max-Response-Bytes-Support"] == "true"


# Expect


def test_a_large_body_is_asked_for_at_once() -> None:
    with serving(served) as client, Wire(client) as wire:
        wire.send(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (2 * MIB))
        assert wire.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        wire.send(bytes(2 * MIB))
        assert wire.answer()[0] == 400  # zeros are no Arrow
        assert is_well(client)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (HEAD + b"Content-Length: 2097152\r\n", 413),
        (HEAD.replace(b"catalog_catalogs", b"nothing") + b"Content-Length: 2097152\r\n", 404),
        (HEAD.replace(ARROW.encode(), b"text/plain") + b"Content-Length: 2097152\r\n", 415),
        (HEAD.replace(b"POST", b"PUT") + b"Content-Length: 2097152\r\n", 405),
    ],
)
def test_a_body_that_nobody_wants_is_refused_before_it_comes(head: bytes, expected: int) -> None:
    with serving(served, max_request_bytes=MIB) as client:
        with Wire(client) as wire:
            wire.send(head + b"Expect: 100-continue\r\n\r\n")
            status, headers, _ = wire.answer()
            assert (status, headers["vgi-accept-max-response-bytes-support"]) == (expected, "true")
        with Wire(client) as wire:  # and a client that sends it all the same gets the same
            sender = threading.Thread(target=_send, args=(wire, head + b"\r\n" + bytes(2 * MIB)))
            sender.start()
            assert wire.answer()[0] == expected
            sender.join(PATIENCE)
            assert not sender.is_alive()
        assert is_well(client)


def _send(wire: Wire, data: bytes) -> None:
    try:
        wire.send(data)
    except OSError:
        return
