"""What a LOCATION means."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from duckwing.client import LocationError
from duckwing.client.locations import Command, Launched, Location, TcpSocket, UnixSocket, parse_location


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exec duckwing run worker.py", Command("exec duckwing run worker.py")),
        (["a b", "c"], Command(("a b", "c"))),
        ("unix:///run/w.sock", UnixSocket("/run/w.sock")),
        ("unix://rel%20ative", UnixSocket("rel%20ative")),
        ("tcp://localhost:1", TcpSocket("localhost", 1)),
        ("TCP://[::1]:65535", TcpSocket("::1", 65535)),
        ("launch:w 'a b'", Launched(("w", "a b"))),
        # Only in lower case; and what looks like a scheme is a command, too.
        ("UNIX:///x", Command("UNIX:///x")),
        ("LAUNCH:x", Command("LAUNCH:x")),
        ("ftp://foo", Command("ftp://foo")),
    ],
)
def test_the_beginning_decides(text: str | Sequence[str], expected: Location) -> None:
    assert parse_location(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ([], "at least one argument"),
        ("launch:", "names no command"),
        ("launch:  \t", "names no command"),
        ("launch:a 'b", "unterminated quote"),
        ("launch:a\\", "nothing after the last backslash"),
        ("tcp://localhost", "host:port"),
        ("tcp://:9000", "host:port"),
        ("tcp://::1:9000", "IPv6 address in brackets"),
        ("tcp://[localhost]:9000", "IPv6 address in brackets"),
        ("tcp://h:0", "from 1 to 65535"),
        ("tcp://h:65536", "from 1 to 65535"),
        ("tcp://h:٣", "from 1 to 65535"),
        ("HTTP://localhost:eight", "http://host:port or https://host:port"),
        ("oci://image", "container images"),
        ("github-auto://a/b@1", "releases on GitHub"),
        ("database://c/s/t/w?package_version=1", "kept in a table"),
        ("iroh://00", "Iroh"),
        ("worker:w.js", "in a browser"),
    ],
)
def test_what_cannot_be_connected_to(text: str | Sequence[str], message: str) -> None:
    with pytest.raises(LocationError, match=message):
        parse_location(text)
