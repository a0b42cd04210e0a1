"""The memory of worker processes, as Linux tells it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROC = Path("/proc")


def available(case: str) -> bool:
    """Whether this system can tell; if not, stderr says that ``case`` leaves it out."""
    if (_PROC / "self" / "status").exists():
        return True
    print(f"{case}: no memory is measured, because that needs Linux's /proc", file=sys.stderr)
    return False


def peak_of_workers(mark: str) -> float:
    """The largest peak of resident memory among the children of this process whose command line has a word ``mark``.

    Bytes, mapped files and shared memory included.

    Raises:
        RuntimeError: there is none. The engine keeps its workers for the next query, until DETACH.
    """
    peaks = [_high_water((process / "status").read_text()) for process in _children() if mark in _words(process)]
    if not peaks:
        raise RuntimeError("the worker was gone before its memory could be read")
    return max(peaks)


def peak_of_import() -> float:
    """The peak of a process that imports pyarrow and leaves; bytes."""
    program = "import pyarrow; print(open('/proc/self/status').read())"
    return _high_water(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    )


def _children() -> list[Path]:
    ids = [pid for task in (_PROC / "self" / "task").iterdir() for pid in (task / "children").read_text().split()]
    return [_PROC / pid for pid in ids]


def _words(process: Path) -> list[str]:
    return (process / "cmdline").read_text().split("\0")


def _high_water(status: str) -> float:
    """``VmHWM`` of a status text, in bytes; the kernel writes kibibytes."""
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return float(line.split()[1]) * 1024
