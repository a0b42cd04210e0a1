"""A worker whose client has gone ends, whatever its functions do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .launch import SECONDS, run_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")

WORKER = """
import signal
import sys
import threading
from pathlib import Path

import duckwing as dw

demo = dw.Catalog("demo")


@demo.scalar
def waits_for_ever(witness: str, stubborn: bool) -> int:
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        Path(witness).write_text("begun")
        threading.Event().wait()
    finally:
        Path(witness).write_text("cleaned up")
"""

CLIENT = """
import os
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa

from duckwing.client import connect

witness, stubborn, *command = sys.argv[1:]
worker = connect(command)
demo = worker.attach()
call = lambda: demo.scalar("waits_for_ever", pa.array([witness]), pa.array([stubborn == "stubborn"]))
threading.Thread(target=call, daemon=True).start()
while not Path(witness).exists() or Path(witness).read_text() != "begun":
    time.sleep(0.01)
print(worker.processes[0].pid, flush=True)
os._exit(0)
"""


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail(f"process {pid} is still there")


@pytest.mark.parametrize("manner", ["well-behaved", "stubborn"])
def test_it_does_not_outlive_its_client(manner: str, tmp_path: Path) -> None:
    path, witness = tmp_path / "worker.py", tmp_path / "witness"
    path.write_text(WORKER, encoding="utf-8")
    client = subprocess.run(
        [sys.executable, "-c", CLIENT, str(witness), manner, *run_command(path)],
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert client.returncode == 0, client.stderr
    wait_for_end(int(client.stdout))
    assert witness.read_text() == ("cleaned up" if manner == "well-behaved" else "begun")
