"""Workers that the clients of a user share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from duckwing.client import LaunchError, connect, launcher
from duckwing.client.launcher import find_place, is_alive, launch, split_arguments, worker_hash

SECONDS = 20.0

# A listener that answers nothing. Each start leaves a file with what it was given.
LISTENER = """
import json, os, signal, socket, sys
from pathlib import Path

path, timeout = sys.argv[sys.argv.index("--unix") + 1], sys.argv[sys.argv.index("--idle-timeout") + 1]
how = sys.argv[1]
facts = {
    "arguments": sys.argv[1:],
    "cwd": os.getcwd(),
    "stdin": os.path.samestat(os.fstat(0), os.stat("/dev/null")),
    "stderr": os.path.samestat(os.fstat(2), os.stat("/dev/null")),
    "ignores_pipe": bool(int(Path("/proc/self/status").read_text().split("SigIgn:")[1].split()[0], 16) & 1 << 12)
    if Path("/proc/self/status").exists() else True,
}
Path(__file__).with_name(f"start {os.getpid()}").write_text(json.dumps(facts))
if how == "exits":
    sys.exit(3)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
listener.listen(16)
if how == "noisy":
    print("starting up\\r\\nUNIX is nice")
    sys.stdout.flush()
print(f"UNIX:{path if how != 'elsewhere' else '/elsewhere'}", end="\\r\\n" if how == "noisy" else "\\n", flush=True)
while True:
    connection, _ = listener.accept()
    connection.close()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where everything is; what was started there is ended."""
    for name in [name for name in os.environ if name.startswith("VGI_RPC_")]:
        monkeypatch.delenv(name)
    (tmp_path / "listener.py").write_text(LISTENER)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    yield tmp_path
    for pid in started(tmp_path):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def started(folder: Path) -> list[int]:
    return [int(file.name.split()[1]) for file in folder.glob("start *")]


def command(folder: Path, how: str = "well") -> list[str]:
    return [sys.executable, str(folder / "listener.py"), how, "a b"]


# Names


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["/bin/true"], {}, "d5ca8a192abb7a4b"),
        (["/bin/true", "a b", "--x=1"], {"PATH": "/bin"}, "1341ef91901ac218"),
        (["/bin/true", "é/x"], {}, "73cfd72199a6c75b"),
        (["/bin/true"], {"VGI_RPC_FOO": "bar", "OTHER": "1", "VGI_RPC_AAA": 'q"x'}, "37dea40a1e35d449"),
    ],
)
def test_the_names_are_those_of_other_launchers(
    arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    """The values of spec 03, section 6.3, which were seen on DuckDB's extension."""
    assert worker_hash(arguments, "/", environment) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b\tc\n", ["a", "b", "c"]),
        ("a'b c'd", ["ab cd"]),
        ("'' \"\" x", ["", "", "x"]),
        (r"a\ b \'c", ["a b", "'c"]),
        (r"'a\b'", [r"a\b"]),
        (r'"a\b\"\\\$\`"', [r'a\b"\$`']),
        ("$HOME ~ *", ["$HOME", "~", "*"]),
        ("'a\"b' \"c'd\"", ['a"b', "c'd"]),
    ],
)
def test_arguments_are_split_without_expansion(text: str, expected: list[str]) -> None:
    assert split_arguments(text) == expected


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_RUNTIME_DIR": "/run/user/1", "TMPDIR": "/x"}, "/run/user/1/vgi-rpc"),
        ({"XDG_RUNTIME_DIR": "", "TMPDIR": "/x/tmpd/"}, f"/x/tmpd/vgi-rpc-{os.geteuid()}"),
        ({}, f"/tmp/vgi-rpc-{os.geteuid()}"),
    ],
)
def test_where_the_sockets_are(environment: dict[str, str], expected: str) -> None:
    assert str(launcher.default_folder(environment)) == expected


# Starting


def test_the_first_starts_it_and_the_others_find_it(folder: Path) -> None:
    path = launch(command(folder, "noisy"), idle_timeout=1.5)
    assert launch(command(folder, "noisy")) == path
    [pid] = started(folder)
    facts = json.loads((folder / f"start {pid}").read_text())
    assert facts["arguments"] == ["noisy", "a b", "--unix", path, "--idle-timeout", "1.5"]
    assert facts["cwd"] == os.getcwd()
    assert facts["stdin"]
    assert facts["stderr"]
    assert facts["ignores_pipe"]
    place = find_place(command(folder, "noisy"))
    assert str(place.socket) == path
    assert place.lock.read_bytes() == b""
    assert [stat.S_IMODE(os.stat(p).st_mode) for p in (place.lock, place.lock.parent)] == [0o600, 0o700]


def test_who_comes_at_the_same_time_waits(folder: Path) -> None:
    paths: list[str] = []
    threads = [threading.Thread(target=lambda: paths.append(launch(command(folder)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len(paths) == 4
    assert len(set(paths)) == 1
    assert len(started(folder)) == 1


def test_a_dead_one_is_replaced_and_leaves_no_zombie(folder: Path) -> None:
    path = launch(command(folder))
    [first] = started(folder)
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            os.kill(first, 0)
        except ProcessLookupError:
            break
        assert time.monotonic() < deadline, "nobody has taken note of its end"
        time.sleep(0.01)
    assert Path(path).exists()
    assert not is_alive(Path(path))
    assert launch(command(folder)) == path
    assert len(started(folder)) == 2


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("exits", r"the worker exited before it listened, with status 3: .*listener\.py exits"),
        ("elsewhere", "listens on /elsewhere instead of "),
    ],
)
def test_workers_that_do_not_listen(folder: Path, how: str, message: str) -> None:
    with pytest.raises(LaunchError, match=message):
        launch(command(folder, how))
    # The lock is free again.
    with open(find_place(command(folder, how)).lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_command_that_is_not_there(folder: Path) -> None:
    with pytest.raises(LaunchError, match="no-such-command cannot be started: No such file"):
        launch([str(folder / "no-such-command")])


def test_a_worker_that_says_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "START_SECONDS", 0.2)
    with pytest.raises(LaunchError, match=r"did not print 'UNIX:<path>' within 0\.2 s"):
        launch(["sh", "-c", "exec sleep 60", "sh"])


def test_what_is_no_socket_stays(folder: Path) -> None:
    place = find_place(command(folder))
    place.socket.write_text("precious")
    with pytest.raises(LaunchError, match="it is not a socket"):
        launch(command(folder))
    assert place.socket.read_text() == "precious"


def test_another_launcher_holds_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "LOCK_SECONDS", 0.2)
    place = find_place(command(folder))
    with open(place.lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LaunchError, match="timed out acquiring the lock"):
            launch(command(folder))


def test_a_full_queue_is_a_live_worker(folder: Path) -> None:
    path = folder / "full"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(0)
        waiting = []
        try:
            for _ in range(3):
                one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                waiting.append(one)
                one.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    one.connect(str(path))
            assert is_alive(path)
        finally:
            for one in waiting:
                one.close()


def test_a_folder_of_its_own(folder: Path) -> None:
    path = launch(command(folder), state_directory=str(folder / "other" / "place"))
    assert Path(path).parent == folder / "other" / "place"


# Real workers

WORKER = """
import os
import duckwing as dw

demo = dw.Catalog("demo")

@demo.scalar(stability="volatile")
def pid(n: int) -> int:
    return os.getpid() * n

if __name__ == "__main__":
    dw.Worker(demo).run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="who listens on a socket")
def test_clients_share_a_worker_and_start_another_when_it_has_left(folder: Path) -> None:
    (folder / "worker.py").write_text(WORKER)
    location = f"launch:{sys.executable} '{folder / 'worker.py'}'"
    with connect(location, idle_timeout=60) as one, connect(location) as other:
        place = find_place([sys.executable, str(folder / "worker.py")])
        found = one.attach("demo")
        pids = {found.scalar("pid", [1])[0].as_py(), other.attach("demo").scalar("pid", [1])[0].as_py()}
        assert one.processes == ()
        listener = _listener(place.socket)
        os.kill(listener, signal.SIGTERM)
        _wait_until(lambda: not is_alive(place.socket))
        # The attachment of the first worker still counts.
        assert found.scalar("pid", [1])[0].as_py() not in pids
        os.kill(_listener(place.socket), signal.SIGTERM)


@pytest.mark.sql
@pytest.mark.skipif(sys.platform != "linux", reason="who listens on a socket")
@pytest.mark.parametrize("first", ["DuckDB", "the client"])
def test_duckdb_and_the_client_share_a_worker(folder: Path, connection: duckdb.DuckDBPyConnection, first: str) -> None:
    path = folder / "wörker 'x'.py"
    path.write_text(WORKER)
    location = f'launch:{sys.executable} "{path}"'
    place = find_place([sys.executable, str(path)])

    def from_duckdb() -> int:
        connection.execute(f"ATTACH 'demo' (TYPE vgi, LOCATION {quoted(location)})")
        assert connection.execute("SELECT demo.pid(0)").fetchall() == [(0,)]
        return _listener(place.socket)

    def from_the_client() -> int:
        with connect(location) as worker:
            assert worker.attach("demo").scalar("pid", [0]).to_pylist() == [0]
        return _listener(place.socket)

    both = [from_duckdb, from_the_client] if first == "DuckDB" else [from_the_client, from_duckdb]
    one, other = (look() for look in both)
    os.kill(one, signal.SIGTERM)
    assert one == other
    assert len(list(place.socket.parent.glob("*.lock"))) == 1


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _listener(path: Path) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(str(path))
        return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
