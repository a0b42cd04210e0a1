"""A worker that a person has started at a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .launch import SECONDS, run_command

if sys.platform == "win32":
    pytest.skip("about POSIX terminals", allow_module_level=True)

import pty

SCRIPT = """
import duckwing as dw

demo = dw.Catalog("demo")
other = dw.Catalog("other")

if __name__ == "__main__":
    dw.Worker(demo, other).run()
"""


def said_at_a_terminal(command: list[str]) -> str:
    """What a worker says to a person who then types Ctrl-D."""
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True)
    os.close(slave)
    try:
        os.write(master, b"\x04")
        _, said = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        os.close(master)
    assert process.returncode == 0
    return said


@pytest.mark.parametrize("how", ["run", "itself"])
def test_says_how_to_attach_it(tmp_path: Path, how: str) -> None:
    path = tmp_path / "worker.py"
    path.write_text(SCRIPT)
    said = said_at_a_terminal(run_command(path) if how == "run" else [sys.executable, str(path)])
    for name in ("demo", "other"):
        assert f"ATTACH '{name}' AS {name} (TYPE vgi, LOCATION 'exec duckwing run {path}');" in said
    assert f"duckwing sql {path}" in said


@pytest.mark.parametrize("how", ["--quiet", "-q", "VGI_QUIET"])
def test_says_nothing_if_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    path = tmp_path / "worker.py"
    path.write_text(SCRIPT)
    if how == "VGI_QUIET":
        monkeypatch.setenv(how, "1")
        assert said_at_a_terminal(run_command(path)) == ""
    else:
        assert said_at_a_terminal(run_command(path, how)) == ""
