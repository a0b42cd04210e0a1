"""How the service is started and ends, which is how workers are (spec 03, sections 3 and 12; spec 02, section 13)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

import pytest

from duckwing.client.http_requests import AuthenticationError
from duckwing.rpc.method import NoParams
from duckwing.transports.sockets import connect_unix

from .declared import TELL, WHICH
from .wires import NAME, SERVICE, VERSION, Place, Wire

PATIENCE = 60.0

COMMAND = [sys.executable, str(SERVICE)]


def test_it_leaves_with_its_client() -> None:
    done = subprocess.run(COMMAND, input=b"", capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("arguments", [["--unix"], ["--unix", "a", "--tcp", "0"], ["--tcp", "no port"]], ids=" ".join)
def test_wrong_usage(arguments: list[str]) -> None:
    done = subprocess.run([*COMMAND, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="about signals and sockets of the file system")
def test_it_says_where_it_listens_and_stops() -> None:
    with tempfile.TemporaryDirectory(prefix="dw-") as folder:  # a socket's path must be short
        path = f"{folder}/s"
        with subprocess.Popen([*COMMAND, "--unix", path], stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == f"UNIX:{path}\n".encode()
                stream = connect_unix(path)
                assert Wire("unix", stream).call("which").result.to_pylist() == ["v1"]
                stream.close()
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0
                assert process.stdout.read() == b""
                assert not os.path.exists(path)
            finally:
                process.kill()


def test_who_may_call_over_http() -> None:
    """The environment says it, as for workers."""
    variables = {"VGI_BEARER_TOKENS": "secret=alice"}
    stranger, alice = (Place("http", variables, token).connect() for token in (None, "secret"))
    try:
        with pytest.raises(AuthenticationError):
            stranger.client.call(WHICH, NoParams())
        told = alice.client.call(TELL, NoParams())
        assert (told.principal, told.authenticated) == ("alice", True)
        assert told.metadata["vgi_rpc.protocol"] == NAME.encode()
        assert told.metadata["vgi_rpc.protocol_version"] == VERSION.encode()
    finally:
        stranger.close()
        alice.close()
