"""Standard streams: nothing but the protocol comes out, whatever a file does with them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.rpc.errors import RemoteError

from .launch import SECONDS, attach, launch, run_command

if sys.platform == "win32":
    pytest.skip("about POSIX descriptors", allow_module_level=True)

WORKER = Path(__file__).with_name("worker.py")

TALKATIVE = """
import logging, os, subprocess, sys, warnings
print("from print")
sys.stdout.write("from write\\n")
sys.__stdout__.write("from __stdout__\\n")
sys.stdout.buffer.write(b"from buffer\\n")
os.write(1, b"from descriptor 1\\n")
os.system("echo from system")
subprocess.run(["echo", "from child"], check=True)
logging.basicConfig(stream=sys.stdout, level="INFO")
logging.info("from logging")
warnings.warn("from warnings")
try:
    heard = input("from input ")
except EOFError:
    heard = "nothing"
assert subprocess.run("cat", capture_output=True).stdout == b""

import duckwing as dw
demo = dw.Catalog("demo")

@demo.scalar
def said(value: str) -> str:
    print("from", value)
    return heard
"""

SAID = ["print", "write", "__stdout__", "buffer", "descriptor 1", "system", "child", "input", "warnings"]


@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_output_while_the_file_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "worker.py"
    path.write_text(TALKATIVE)
    with launch(run_command(path)) as process:
        assert attach(process).scalar("said", pa.array(["function"])).to_pylist() == ["nothing"]
        said = process.stderr()
        process.end_input()
        assert process.wait() == 0
    for source in [*SAID, "logging", "function"]:
        assert f"from {source}" in said


@pytest.mark.parametrize("command", [run_command(WORKER), None], ids=["run", "itself"])
def test_output_of_functions(tmp_path: Path, command: Sequence[str] | None) -> None:
    if command is None:
        path = tmp_path / "worker.py"
        path.write_text(f"{WORKER.read_text()}\nif __name__ == '__main__':\n    dw.Worker(demo).run()\n")
        command = [sys.executable, str(path)]
    with launch(command) as process:
        demo = attach(process)
        for _ in range(3):
            assert demo.scalar("loud", pa.array([1, 2])).to_pylist() == [1, 2]
        said = process.stderr().splitlines()
    for line in ("printed 1", "printed 2", "written", "descriptor", "from a child"):
        assert said.count(line) == (3 if line.startswith("printed") else 6)


@pytest.mark.parametrize(("closed", "status"), [("<&-", 1), (">&-", 1), ("<&- >&- 2>&-", 1), ("2>&-", 0)])
def test_closed_at_the_start(closed: str, status: int) -> None:
    """Without standard error there is only nowhere to complain to; without the others there is no connection."""
    command = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *run_command(WORKER)]
    if status == 0:
        with launch(command) as process:
            assert attach(process).scalar("loud", pa.array([1])).to_pylist() == [1]
            process.end_input()
            assert process.wait() == 0
        return
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    assert (ended.returncode, ended.stdout) == (status, "")
    if "2>" not in closed:
        assert ended.stderr.startswith("a worker talks over standard input and output, and one of them is closed")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
@pytest.mark.full
def test_a_thousand_calls_leave_no_descriptor_open(tmp_path: Path) -> None:
    with launch(run_command(WORKER)) as process:
        demo = attach(process)

        def descriptors() -> int:
            [count] = demo.scalar("open_descriptors", pa.array([0])).to_pylist()
            return int(count)

        def fails() -> None:
            with pytest.raises(RemoteError):
                demo.scalar("reciprocal", pa.array([0.0]))

        witness = str(tmp_path / "witness")
        calls: list[Callable[[], object]] = [
            lambda: demo.scalar("double", pa.array([1, 2])),
            fails,
            lambda: list(demo.scan("numbers", 2, witness)),
            lambda: next(demo.scan("numbers", 10, witness)),
        ]
        for call in calls:
            call()
        before = descriptors()
        for _ in range(250):
            for call in calls:
                call()
        assert descriptors() == before
