"""The fuzzer, with a fixed seed; ``make fuzz`` goes on with others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .fuzz import Fuzzer

ROOT = Path(__file__).parents[2]


def run(*arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.rpc.fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("inputs", [20_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_hostile_inputs(inputs: int) -> None:
    done = run("--inputs", str(inputs), "--seed", "1", timeout=590)
    assert done.returncode == 0, done.stderr


def test_inputs_are_made_again_by_their_number() -> None:
    one, other = Fuzzer(3), Fuzzer(3)
    made = {number: one.input(number) for number in range(300)}
    for number in reversed(range(300)):
        assert other.input(number) == made[number]
    assert Fuzzer(4).input(1) != made[1]


@pytest.mark.parametrize(
    ("sabotage", "expected"),
    [
        ("raise KeyError(number)", "KeyError: 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the process died with exit code -11"),
    ],
)
def test_failures_are_reported_with_their_input(tmp_path: Path, sabotage: str, expected: str) -> None:
    script = tmp_path / "sabotaged.py"
    script.write_text(f"""
import sys
from tests.rpc import fuzz

real = fuzz.Fuzzer.run
def run(self, number):
    if number == 7:
        {sabotage}
    real(self, number)
fuzz.Fuzzer.run = run

if __name__ == "__main__":
    sys.exit(fuzz.main(["--inputs", "20", "--seed", "5"]))
""")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(
        [sys.executable, script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert expected in done.stderr
    assert "--seed 5 --only 7" in done.stderr
