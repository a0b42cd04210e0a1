"""The command line of a worker (spec 03, section 3)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest

from duckwing.process.options import Logging, Options, Tcp, Unix, parse_options, usable_cores

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="AF_UNIX")


def parse(*arguments: str, **environment: str) -> Options:
    return parse_options(arguments, environment)


def test_nothing() -> None:
    assert parse() == Options(processes=usable_cores())


@unix_only
def test_what_launchers_append() -> None:
    """After the author's own words and flags, whatever those are."""
    options = parse("word", "--mine", "-p", "x y", "--unix", "/run/w.sock", "--idle-timeout", "1.5")
    assert (options.listen, options.idle_seconds) == (Unix("/run/w.sock"), 1.5)


@unix_only
def test_a_path_is_neither_resolved_nor_normalised() -> None:
    assert parse("--unix=/a/../b//c").listen == Unix("/a/../b//c")
    assert parse("--unix=b/../c").listen == Unix(os.path.join(os.getcwd(), "b/../c"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", Tcp("127.0.0.1", 0)),
        (":9000", Tcp("127.0.0.1", 9000)),
        ("localhost:65535", Tcp("localhost", 65535)),
        ("[::1]:1", Tcp("::1", 1)),
        ("::1:1", Tcp("::1", 1)),
    ],
)
def test_tcp(text: str, expected: Tcp) -> None:
    assert parse("--tcp", text).listen == expected


@pytest.mark.parametrize(("text", "seconds"), [("300", 300), ("0", 0), ("-1", 0), ("0.001", 0.001), ("1.5", 1.5)])
def test_idle_timeout(text: str, seconds: float) -> None:
    assert parse("--idle-timeout", text).idle_seconds == seconds
    assert parse(VGI_RPC_IDLE_TIMEOUT=text).idle_seconds == seconds
    assert parse("--idle-timeout", "7", VGI_RPC_IDLE_TIMEOUT=text).idle_seconds == 7
    assert parse("--idle-timeout", "7", VGI_WORKER_IDLE_TIMEOUT=text).idle_seconds == seconds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tcp", "1", "--http"], "--tcp and --http exclude each other"),
        (["--tcp"], "--tcp needs a value"),
        (["--tcp", "host"], "expected [HOST:]PORT"),
        (["--tcp", "65536"], "expected [HOST:]PORT"),
        (["--tcp", "-1"], "expected [HOST:]PORT"),
        (["--idle-timeout", "soon"], "expected seconds"),
        (["--idle-timeout", "nan"], "expected seconds"),
        (["--idle-timeout=inf"], "expected seconds"),
        (["--processes", "0"], "from 1 to 256"),
        (["--processes", "many"], "from 1 to 256"),
        (["--log-level", "LOUD"], "expected one of DEBUG, INFO, WARNING, ERROR"),
        (["--log-format", "xml"], "expected text or json"),
        (["--http", "--port", "70000"], "--port 70000: expected a number from 0 to 65535"),
    ],
    ids=str,
)
def test_wrong_use(arguments: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(*arguments)
    assert end.value.code == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out


def test_logging() -> None:
    assert parse("--debug").logging == Logging("DEBUG")
    assert parse(VGI_WORKER_DEBUG="1").logging == Logging("DEBUG")
    options = parse("--debug", "--log-level", "warning", "--log-logger", "a", "--log-logger=b", "--log-format", "json")
    assert options.logging == Logging("WARNING", ("a", "b"), json=True)


def test_profile() -> None:
    assert parse().profile is None
    assert parse("--profile", "/a b").profile == "/a b"
    assert parse(DUCKWING_PROFILE="/c").profile == "/c"
    assert parse("--profile=/a", DUCKWING_PROFILE="/c").profile == "/a"
    assert parse(DUCKWING_PROFILE="").profile is None


def test_quiet() -> None:
    assert parse("-q").quiet
    assert parse("--quiet").quiet
    assert parse(VGI_QUIET="1").quiet
    assert not parse(VGI_QUIET="0").quiet
