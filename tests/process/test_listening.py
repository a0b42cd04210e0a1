"""The socket of a worker and the line that tells of it (spec 03, sections 3 and 5.2)."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.client import connect
from duckwing.process.listening import listen
from duckwing.process.options import Tcp, Unix

from .launch import run_command
from .listening import (
    SECONDS,
    STARTS,
    WORKER,
    all_ended,
    eventually,
    listening,
    marked,
    short_folder,
    works,
)

if sys.platform != "linux":
    pytest.skip("processes are looked at in /proc", allow_module_level=True)

pytestmark = pytest.mark.timeout(120)

READERS = [
    ("forked", "pipe without reader"),
    ("forked", "all closed"),
    ("spawned", "pipe without reader"),
    *(pytest.param(start, stdout, marks=pytest.mark.full) for start in STARTS for stdout in ("closed", "full")),
]

REDIRECTIONS = {
    "pipe without reader": "",
    "closed": ">&-",
    "full": ">/dev/full",
    "all closed": "<&- >&- 2>&-",
}

BY_START = pytest.mark.parametrize("command", STARTS.values(), ids=list(STARTS))


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def refused(capsys: pytest.CaptureFixture[str], path: str, status: int = 1) -> str:
    """What is said of a path where nobody can listen."""
    with pytest.raises(SystemExit) as end:
        listen(Unix(path))
    assert end.value.code == status
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


@pytest.mark.parametrize(
    ("command", "flag"), [(STARTS["forked"], "--unix {}"), (STARTS["spawned"], "--unix={}")], ids=list(STARTS)
)
def test_the_ready_line_has_the_path_as_it_was_given(folder: Path, command: list[str], flag: str) -> None:
    (folder / "é").mkdir()
    path = f"{folder}/./é//../w é.sock"
    flags = [word.format(path) for word in flag.split()]
    with (
        subprocess.Popen(
            [*command, "a word of the author's", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=marked(folder),
        ) as process,
        all_ended(folder),
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == f"UNIX:{path}\n".encode()
        assert process.stdout.read() == b""  # closed at once, so whoever waits for the end need not
        process.terminate()
        assert process.wait(SECONDS) == 0


def test_a_relative_path(folder: Path) -> None:
    with listening(folder, "--unix", "relative.sock") as worker:
        assert worker.path == f"{folder}/relative.sock"
        assert works(worker.client())


@BY_START
def test_nobody_else_may_connect(folder: Path, command: list[str]) -> None:
    before = os.umask(0)
    try:
        with listening(folder, command=command) as worker:
            found = os.stat(worker.path)
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_the_umask_of_the_author_is_left_alone(folder: Path) -> None:
    program = folder / "program.py"
    program.write_text(f"""
import os, duckwing as dw
demo = dw.Catalog("demo")
open({str(folder / "made")!r}, "w").close()
""")
    before = os.umask(0o027)
    try:
        with listening(folder, command=run_command(program)):
            assert stat.S_IMODE(os.stat(folder / "made").st_mode) == 0o640
    finally:
        os.umask(before)


def test_a_stale_socket_makes_room(folder: Path) -> None:
    path = folder / "worker.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
        stale.listen()
    before = path.stat().st_ino, path.stat().st_ctime_ns
    with listening(folder, "--unix", str(path)) as worker:
        assert (path.stat().st_ino, path.stat().st_ctime_ns) != before
        assert works(worker.client())


def test_a_socket_that_somebody_listens_on_is_refused(folder: Path) -> None:
    with listening(folder) as worker:
        message = finished_beside(folder, worker.path)
        assert "already listening" in message
        assert worker.path in message
        assert works(worker.client())


def test_a_socket_with_a_full_queue_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "worker.sock")
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(path)
        busy.listen(0)
        waiting.connect(path)
        assert "already listening" in refused(capsys, path)
        assert os.path.exists(path)


def finished_beside(folder: Path, path: str) -> str:
    """What a second worker says for the path of a first one."""
    ended = subprocess.run(run_command(WORKER, "--unix", path), capture_output=True, text=True, timeout=SECONDS * 3)
    assert ended.returncode == 1
    assert ended.stdout == ""
    return ended.stderr


@pytest.mark.parametrize("kind", ["file", "folder", "fifo", "link to a socket", "dangling link"])
def test_what_is_no_socket_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path = folder / "in the way"
    match kind:
        case "file":
            path.write_text("precious")
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to(folder / "nothing")
        case _:
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(str(folder / "stale.sock"))
            path.symlink_to(folder / "stale.sock")
    before = path.lstat()
    assert "is no socket" in refused(capsys, str(path))
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (before.st_ino, before.st_mode, before.st_mtime_ns)
    assert os.path.exists(folder / "stale.sock") == (kind == "link to a socket")


def test_a_path_may_have_107_bytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{folder}/{'é' * 40}"
    path += "x" * (107 - len(os.fsencode(path)))
    with listening(folder, "--unix", path) as worker:
        assert works(worker.client())
    assert "too long (108 bytes, max 107)" in refused(capsys, path + "x")


@pytest.mark.parametrize("path", ["{}/missing/worker.sock", "{}/file/worker.sock"])
def test_a_path_where_nothing_can_be(folder: Path, capsys: pytest.CaptureFixture[str], path: str) -> None:
    (folder / "file").touch()
    path = path.format(folder)
    assert path in refused(capsys, path)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.full)])
def test_the_socket_of_a_successor_stays(folder: Path, number: int) -> None:
    path = f"{folder}/shared.sock"
    with listening(folder, "--unix", path) as old:
        os.unlink(path)
        with listening(folder, "--unix", path) as new:
            old.signal(number)
            old.wait()
            assert works(new.client())
            new.signal(signal.SIGTERM)
            assert new.wait() == 0
        assert not os.path.exists(path)


def test_of_many_that_want_one_path_one_gets_it(folder: Path) -> None:
    path = f"{folder}/shared.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with all_ended(folder):
        processes = [
            subprocess.Popen(
                run_command(WORKER, "--unix", path),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=marked(folder),
                text=True,
            )
            for _ in range(6)
        ]
        lines = []
        for process in processes:
            assert process.stdout is not None
            lines.append(process.stdout.readline())
        assert sorted(lines) == [""] * 5 + [f"UNIX:{path}\n"]
        for process, line in zip(processes, lines, strict=True):
            if line:
                process.terminate()
            _, errors = process.communicate(timeout=SECONDS)
            assert process.returncode == (0 if line else 1)
            assert line or "already listening" in errors


@pytest.mark.parametrize("address", ["0", *(pytest.param(a, marks=pytest.mark.full) for a in (":0", "127.0.0.1:0"))])
def test_tcp(folder: Path, address: str) -> None:
    with listening(folder, "--tcp", address) as worker:
        assert re.fullmatch(r"tcp://127\.0\.0\.1:[1-9]\d*", worker.location)
        assert works(worker.client())
        taken = worker.location.removeprefix("tcp://")
        ended = subprocess.run(run_command(WORKER, "--tcp", taken), capture_output=True, text=True, timeout=SECONDS * 3)
        assert ended.returncode == 1
        assert f"cannot listen on {taken}" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_tcp_by_name(folder: Path) -> None:
    with listening(folder, "--tcp", "localhost:0") as worker:
        assert re.fullmatch(r"tcp://localhost:[1-9]\d*", worker.location)
        assert works(worker.client())


def test_tcp_in_version_6(folder: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this system has no IPv6")
    with listening(folder, "--tcp", "[::1]:0") as worker:
        assert re.fullmatch(r"tcp://\[::1\]:[1-9]\d*", worker.location)
        assert works(worker.client())


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_addresses_must_be_allowed(capsys: pytest.CaptureFixture[str], host: str) -> None:
    with pytest.raises(SystemExit) as end:
        listen(Tcp(host, 0))
    assert end.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "--allow-remote" in output.err


def test_other_addresses_can_be_allowed(folder: Path) -> None:
    with listening(folder, "--tcp", "0.0.0.0:0", "--allow-remote") as worker:
        assert re.fullmatch(r"tcp://0\.0\.0\.0:[1-9]\d*", worker.location)
        assert works(worker.client())


@pytest.mark.parametrize(("start", "stdout"), READERS)
def test_nobody_reads_the_line(folder: Path, start: str, stdout: str) -> None:
    """The end is an orderly one all the same, not Python's status 120."""
    path = f"{folder}/worker.sock"
    redirection = REDIRECTIONS[stdout]
    read_end, write_end = os.pipe()
    with all_ended(folder):
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *STARTS[start], "--unix", path],
            stdout=write_end,
            stderr=subprocess.PIPE,
            env=marked(folder),
            text=True,
        )
        os.close(read_end)
        os.close(write_end)
        assert eventually(lambda: os.path.exists(path))
        assert works(connect(f"unix://{path}"))
        process.terminate()
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0
        assert "Error" not in errors


@BY_START
def test_prints_of_functions_do_not_reach_standard_output(folder: Path, command: list[str]) -> None:
    with listening(folder, command=command) as worker:
        assert worker.client().attach().scalar("loud", pa.array([1])).to_pylist() == [1]
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert worker.output() == b""
        errors = worker.stderr()
    for text in ("printed by a function", "written by a function", "written by a program"):
        assert text in errors


def test_prints_of_the_module_do_not_reach_standard_output(folder: Path) -> None:
    program = folder / "program.py"
    program.write_text("""
import os, duckwing as dw
print("printed by the module")
os.system("echo written by a program")
demo = dw.Catalog("demo")
""")
    path = f"{folder}/worker.sock"
    with (
        subprocess.Popen(
            run_command(program, "--unix", path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=marked(folder),
            text=True,
        ) as process,
        all_ended(folder),
    ):
        assert process.stdout is not None
        assert process.stdout.read() == f"UNIX:{path}\n"
        process.terminate()
        _, errors = process.communicate(timeout=SECONDS)
        assert "printed by the module" in errors
        assert "written by a program" in errors
