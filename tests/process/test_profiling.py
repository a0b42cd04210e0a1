"""``--profile``: where a worker spends its time, and what ``duckwing profile`` shows of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.cli.profile import Profile, read_profile
from duckwing.client import connect
from duckwing.errors import Error

from .launch import SECONDS, attach, launch, run_command
from .listening import listening, short_folder

WORKER = """
import time

import duckwing as dw

demo = dw.Catalog("demo")


@demo.scalar(stability="volatile")
def busy(milliseconds: int) -> int:
    return spin(time.thread_time() + milliseconds / 1000)


def spin(end: float) -> int:
    steps = 0
    while time.thread_time() < end:
        steps += 1
    return steps


@demo.scalar(stability="volatile")
def idle(milliseconds: int) -> int:
    time.sleep(milliseconds / 1000)
    return 1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "worker.py"
    path.write_text(WORKER)
    return path


def ask(command: Sequence[str], end: str = "input") -> None:
    """Have a worker compute for 0.4 s and sleep for 0.3 s."""
    with launch(command) as process:
        catalog = attach(process, "demo")
        assert catalog.scalar("busy", pa.array([400]))[0].as_py() > 0
        assert catalog.scalar("idle", pa.array([300])).to_pylist() == [1]
        if end == "input":
            process.end_input()
        else:
            process.until_asleep()
            process.signal(signal.SIGTERM)
        assert process.wait() == 0
        assert process.stderr() == ""


def one(found: Profile, function: str) -> str:
    """The name of the only function whose name ends so."""
    [name] = [name for name in found.within | found.waiting if name.rpartition(":")[0].endswith(f".{function}")]
    return str(name)


def check(found: Profile) -> None:
    """Times are within wide bounds: the machine may have little time for the worker, and less for who looks at it."""
    spin, busy, idle = one(found, "spin"), one(found, "busy"), one(found, "idle")
    assert 200_000 <= found.own[spin] <= found.within[busy] <= 800_000
    assert found.waiting[idle] >= 150_000
    assert found.own[idle] < found.own[spin] / 2


@pytest.mark.parametrize("end", ["input", "signal"])
def test_a_worker_says_where_its_time_went(file: Path, tmp_path: Path, end: str) -> None:
    folder = tmp_path / "made" / "profile"
    ask(run_command(file, "--profile", str(folder)), end)
    [written] = folder.iterdir()
    assert written.suffix == ".folded"
    assert all(line.startswith("MainThread;") for line in written.read_text().splitlines() if "worker.spin" in line)
    check(read_profile(folder))


def test_the_environment_asks_for_it(file: Path, tmp_path: Path) -> None:
    ask(["env", f"DUCKWING_PROFILE={tmp_path / 'profile'}", *run_command(file)])
    check(read_profile(tmp_path / "profile"))


def test_each_process_behind_a_socket_writes_a_file(file: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    flags = ("--processes", "2", "--profile", str(profile))
    with short_folder() as folder, listening(folder, *flags, command=run_command(file)) as worker:
        with worker.client() as client:
            assert client.attach("demo").scalar("busy", pa.array([400]))[0].as_py() > 0
        processes = worker.processes()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert {path.stem for path in profile.iterdir()} == set(map(str, processes))
    found = read_profile(profile)
    assert found.processes == 2
    assert 200_000 <= found.own[one(found, "spin")] <= 800_000


def test_http_is_profiled(file: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    command = run_command(file, "--http", "--port", "0", "--processes", "1", "--profile", str(profile))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip().removeprefix("PORT:")
            with connect(f"http://127.0.0.1:{port}") as client:
                assert client.attach("demo").scalar("busy", pa.array([400]))[0].as_py() > 0
        finally:
            server.terminate()
            server.wait(SECONDS)
    found = read_profile(profile)
    assert 200_000 <= found.own[one(found, "spin")] <= 800_000
    [lines] = [path.read_text().splitlines() for path in profile.iterdir()]
    assert any(line.startswith("duckwing-lane-0;") and ".spin:" in line for line in lines)


def test_what_is_written_survives_a_kill(file: Path, tmp_path: Path) -> None:
    with launch(run_command(file, "--profile", str(tmp_path / "profile"))) as process:
        catalog = attach(process, "demo")
        for _ in range(12):
            catalog.scalar("busy", pa.array([400]))
        process.signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    found = read_profile(tmp_path / "profile")
    assert found.own[one(found, "spin")] >= 1_000_000


def test_a_folder_that_cannot_be_made(file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    ended = subprocess.run(
        run_command(file, "--profile", str(tmp_path / "taken")),
        input="",
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"--profile {tmp_path / 'taken'}: cannot write ")
    assert not ended.stdout


# What is shown


def show(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duckwing.cli", "profile", *arguments]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=environment)


def test_the_functions_that_took_most_time(tmp_path: Path) -> None:
    (tmp_path / "1.folded").write_text("MainThread;a.main:1;a.f:5 3000000\nMainThread;a.main:1;a.g:9 500000\n")
    (tmp_path / "2.folded").write_text(
        "lane;a.main:1;a.f:5 500000\nlane;a.main:1;a.f:5;[waiting] 2000000\nlane;[waiting] 5\n"
    )
    shown = show(str(tmp_path), "--top", "2")
    assert shown.returncode == 0, shown.stderr
    _, first, second, last, *_ = shown.stdout.splitlines()
    assert first.split() == ["a.f:5", "3.500", "s", "87.5%", "3.500", "s", "87.5%", "2.000", "s"]
    assert second.split() == ["a.g:9", "0.500", "s", "12.5%", "0.500", "s", "12.5%", "0.000", "s"]
    assert last.startswith("4.000 s of work in 2 processes;")


def test_callers_have_the_time_of_what_they_call_once(tmp_path: Path) -> None:
    (tmp_path / "1.folded").write_text("MainThread;a.main:1;a.f:5;a.f:5;a.f:5 1000000\n")
    found = read_profile(tmp_path)
    assert (found.own["a.f:5"], found.within["a.f:5"], found.within["a.main:1"]) == (1_000_000, 1_000_000, 1_000_000)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(Error, match=r"there is no profile in .*; start the worker with --profile"):
        read_profile(tmp_path)
    assert show(str(tmp_path / "nowhere")).stderr.startswith("error: there is no profile in ")


def test_another_file(tmp_path: Path) -> None:
    (tmp_path / "1.folded").write_text("MainThread;a.f:5 12\nhello world\n")
    with pytest.raises(Error, match=r"1\.folded, line 2: expected a stack and microseconds, got 'hello world'"):
        read_profile(tmp_path)
