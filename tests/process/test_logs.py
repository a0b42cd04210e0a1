"""The log of a worker: what is written, how it looks, and where it goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from duckwing.process import logs

SAYS = """
import logging
import duckwing as dw

demo = dw.Catalog("demo")
if __name__ == "__main__":
    from duckwing.process.logs import configure_logging
    from duckwing.process.options import parse_options
    import sys

    configure_logging(parse_options(sys.argv[1:], {}).logging)
    for name in ("a", "b"):
        for level in ("debug", "info", "warning"):
            getattr(logging.getLogger(name), level)("%s of %s", level, name)
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("a").exception("failed")
"""


def said(tmp_path: Path, *flags: str) -> list[str]:
    path = tmp_path / "says.py"
    path.write_text(SAYS)
    done = subprocess.run([sys.executable, str(path), *flags], capture_output=True, text=True, timeout=60, check=True)
    return done.stderr.splitlines()


def messages(lines: list[str]) -> list[str]:
    return [line.split(": ", 1)[1] for line in lines if " of " in line]


def test_levels_and_loggers(tmp_path: Path) -> None:
    assert [line for line in said(tmp_path) if " of " in line] == ["warning of a", "warning of b"], "Python's default"
    assert messages(said(tmp_path, "--log-level", "INFO")) == ["info of a", "warning of a", "info of b", "warning of b"]
    everything = ["debug of a", "info of a", "warning of a", "warning of b"]
    assert messages(said(tmp_path, "--debug", "--log-logger", "a")) == everything


def test_json(tmp_path: Path) -> None:
    found = [json.loads(line) for line in said(tmp_path, "--log-format", "json", "--log-level", "WARNING")]
    assert [(entry["level"], entry["logger"], entry["message"]) for entry in found] == [
        ("WARNING", "a", "warning of a"),
        ("WARNING", "b", "warning of b"),
        ("ERROR", "a", "failed"),
    ]
    assert found[2]["exception"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/null")
def test_a_log_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    script = f"""
import os, sys
from duckwing.process import logs
logs.MAX_LOG_BYTES = 1000
log = logs.LogFile({str(tmp_path / "x.log")!r})
assert not logs.is_discarded(2)
for i in range(300):
    print("line", i, file=sys.stderr, flush=True)
    log.limit()
"""
    subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL, timeout=60, check=True)
    now, before = (tmp_path / "x.log").read_text(), (tmp_path / "x.log.1").read_text()
    assert now.endswith("line 299\n")
    assert len(now) <= 1000 < len(before) < 1020
    assert (tmp_path / "x.log").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/null")
def test_what_nobody_reads(tmp_path: Path) -> None:
    with open("/dev/null", "wb") as nothing, (tmp_path / "file").open("wb") as something:
        assert logs.is_discarded(nothing.fileno())
        assert not logs.is_discarded(something.fileno())
