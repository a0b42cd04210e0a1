"""The memory of worker processes, as Linux tells it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_PROC = Path("/proc")

POLL_SECONDS = 0.005
"""How often to look at what the end of a query removes."""


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
    peaks = [peak_of(process) for process in children_with(mark)]
    if not peaks:
        raise RuntimeError("the worker was gone before its memory could be read")
    return max(peaks)


@contextlib.contextmanager
def sampled(read: Callable[[], float], every: float) -> Iterator[list[float]]:
    """What ``read`` returns again and again, in a thread, for as long as the block runs.

    Args:
        read: what to look at. It may fail to find a process: one may end at any moment, and then nothing can be read.
        every: seconds between two looks.
    """
    found: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(every):
            with _perhaps_gone():
                found.append(read())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def peaks_below(parent: int) -> dict[int, float]:
    """The peak of each process that ``parent`` has started and that lives, by its id; bytes."""
    return {child: peak_of(child) for child in children_of(parent)}


def resident_below(parent: int) -> float:
    """The memory that these processes have now, together; bytes."""
    return sum(_kibibytes((child / "status").read_text(), "VmRSS:") for child in _children(str(parent)))


def children_with(mark: str) -> list[int]:
    """The children of this process whose command line has a word ``mark``."""
    return [int(process.name) for process in _children() if mark in _words(process)]


def children_of(parent: int) -> list[int]:
    """The processes that ``parent`` has started and that live."""
    return [int(process.name) for process in _children(str(parent))]


def peak_of(process: int) -> float:
    """The peak of resident memory of a process since :func:`forget_peak`, or since its start; bytes."""
    return _high_water((_PROC / str(process) / "status").read_text())


def forget_peak(process: int) -> None:
    """Begin anew with the peak of a process of the same user."""
    with _perhaps_gone():
        (_PROC / str(process) / "clear_refs").write_text("5")


def processor_seconds_below(parent: int) -> float:
    """The processor time that these processes have used so far, together, in all their threads."""
    threads = [thread for child in _children(str(parent)) for thread in (child / "task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def peak_of_import() -> float:
    """The peak of a process that imports pyarrow and leaves; bytes."""
    program = "import pyarrow; print(open('/proc/self/status').read())"
    return _high_water(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    )


def _children(parent: str = "self") -> list[Path]:
    ids: list[str] = []
    for thread in (_PROC / parent / "task").iterdir():
        with _perhaps_gone():
            ids += (thread / "children").read_text().split()
    return [_PROC / pid for pid in ids]


def _words(process: Path) -> list[str]:
    with _perhaps_gone():
        return (process / "cmdline").read_text().split("\0")
    return []


def _perhaps_gone() -> contextlib.suppress:
    """Threads and processes may end while they are looked at; nothing is known of those."""
    return contextlib.suppress(FileNotFoundError, ProcessLookupError)


def _high_water(status: str) -> float:
    return _kibibytes(status, "VmHWM:")


def _kibibytes(status: str, field: str) -> float:
    """A field of a status text, in bytes; the kernel writes kibibytes.

    Raises:
        ProcessLookupError: the process has ended, but for what its parent has to be told: it has no memory any more.
    """
    for line in status.splitlines():
        if line.startswith(field):
            return float(line.split()[1]) * 1024
    raise ProcessLookupError(f"there is no {field} in the status of a process that has ended")
