"""SIGTERM, SIGINT and SIGHUP, at every point at which they can come (spec 03, sections 11 and 12)."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.errors import Error

from .launch import CANCEL_BATCH, TICK, Fifo, Launched, attach, break_off, in_background, launch, run_command

if sys.platform == "win32":
    pytest.skip("about POSIX signals", allow_module_level=True)

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def worker() -> Iterator[Launched]:
    with launch(run_command(WORKER)) as process:
        yield process


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def fifo(tmp_path: Path) -> Fifo:
    return Fifo(tmp_path / "fifo")


@pytest.mark.parametrize("number", SIGNALS)
def test_idle(worker: Launched, number: int) -> None:
    attach(worker)
    worker.until_asleep()
    worker.signal(number)
    assert worker.wait() == 0
    assert worker.stderr() == ""


def test_idle_in_a_file_that_serves_itself(tmp_path: Path) -> None:
    """It is over then; nobody else serves what it declares."""
    path = tmp_path / "worker.py"
    path.write_text("import duckwing as dw\ndemo = dw.Catalog('demo')\ndw.Worker(demo).run()\n")
    with launch(run_command(path)) as worker:
        attach(worker)
        worker.until_asleep()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_scan_that_waits_for_the_client(worker: Launched, witness: Path, number: int) -> None:
    scan = attach(worker).scan("numbers", 1000, str(witness))
    next(scan)
    worker.until_asleep()
    worker.signal(number)
    assert worker.wait() == -number
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    break_off(scan)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("how", ["computing", "sleeping"])
@pytest.mark.parametrize("after", [0, 5])
def test_scan_in_user_code(worker: Launched, witness: Path, fifo: Fifo, number: int, how: str, after: int) -> None:
    scan = attach(worker).scan("busy", how, fifo.path, str(witness), after)
    with in_background(lambda: list(scan)):
        fifo.wait()
        if how == "sleeping":
            worker.until_asleep()  # Python itself loses a signal that comes just before a blocking system call
        worker.signal(number)
        assert worker.wait() == -number
    assert witness.read_text() == "Terminated"
    assert worker.stderr() == ""


@pytest.mark.parametrize("how", ["computing", "sleeping"])
def test_scalar_in_user_code(worker: Launched, witness: Path, fifo: Fifo, how: str) -> None:
    demo = attach(worker)
    arguments = [pa.array([text]) for text in (how, fifo.path, str(witness))]
    with in_background(lambda: demo.scalar("busy_scalar", *arguments)):
        fifo.wait()
        if how == "sleeping":
            worker.until_asleep()  # Python itself loses a signal that comes just before a blocking system call
        worker.signal(signal.SIGTERM)
        assert worker.wait() == -signal.SIGTERM
    assert witness.read_text() == "Terminated"
    assert worker.stderr() == ""


def test_scan_that_waits_for_a_client_that_does_not_read(worker: Launched, witness: Path) -> None:
    scan = attach(worker).scan("large", str(witness))
    next(scan)
    worker.stream.write([TICK])
    worker.first_byte()  # more follows than a pipe holds
    worker.signal(signal.SIGTERM)
    assert worker.wait() == -signal.SIGTERM
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    break_off(scan)


@pytest.mark.parametrize("closed", [False, True])
def test_a_cancel_that_came_with_the_signal_is_honoured(worker: Launched, witness: Path, closed: bool) -> None:
    """The extension sends both, and closes the pipes, without waiting in between."""
    scan = attach(worker).scan("numbers", 1000, str(witness))
    next(scan)
    with worker.frozen():
        worker.stream.write([CANCEL_BATCH])
        if closed:
            worker.end_input()
        worker.signal(signal.SIGTERM)
    assert worker.wait() == (0 if closed else -signal.SIGTERM)
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    with contextlib.suppress(Error):
        list(scan)  # a dropped scan would try to cancel itself


def test_work_that_came_with_the_signal_is_interrupted(worker: Launched, witness: Path, fifo: Fifo) -> None:
    """The client kills after two seconds; until then the function must have cleaned up."""
    scan = attach(worker).scan("busy", "computing", fifo.path, str(witness), 1)
    next(scan)
    with worker.frozen():
        worker.stream.write([TICK])
        worker.signal(signal.SIGTERM)
    fifo.wait()
    assert worker.wait() == -signal.SIGTERM
    assert witness.read_text() == "Terminated"
    break_off(scan)


def test_a_second_signal_kills_while_the_clean_up_hangs(worker: Launched, fifo: Fifo) -> None:
    scan = attach(worker).scan("stubborn", fifo.path)
    next(scan)
    worker.signal(signal.SIGTERM)
    fifo.wait()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == -signal.SIGTERM
    break_off(scan)


def test_a_signal_while_the_process_leaves_changes_nothing(tmp_path: Path, witness: Path, fifo: Fifo) -> None:
    """The extension closes the pipes of a worker and sends it SIGTERM a moment later."""
    path = tmp_path / "worker.py"
    path.write_text(f"""
import atexit, time
from pathlib import Path
import duckwing as dw

demo = dw.Catalog("demo")

@atexit.register
def leave():
    open({fifo.path!r}, "wb").close()
    time.sleep(0.2)
    Path({str(witness)!r}).write_text("left")
""")
    with launch(run_command(path)) as worker:
        attach(worker)
        worker.end_input()
        fifo.wait()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        assert worker.stderr() == ""
    assert witness.read_text() == "left"


def test_signals_that_user_code_handles_end_nothing(worker: Launched) -> None:
    demo = attach(worker)
    seen = []
    for batch in demo.scan("with_signals_of_its_own", 5):
        seen += batch["n"].to_pylist()
        worker.signal(signal.SIGUSR1)
    assert seen == [0, 1, 2, 3, 4]
    assert demo.scalar("double", pa.array([1])).to_pylist() == [2]
    worker.until_asleep()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0


def test_signals_to_forked_children_end_nothing(worker: Launched) -> None:
    numbers = [n for batch in attach(worker).scan("with_children", 5) for n in batch["n"].to_pylist()]
    assert numbers == [0, 1, 2, 3, 4]
    worker.until_asleep()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert worker.stderr() == ""


def test_a_forked_child_does_not_keep_the_client_waiting(worker: Launched, fifo: Fifo) -> None:
    scan = attach(worker).scan("with_fork", fifo.path)
    [child] = next(scan)["n"].to_pylist()
    try:
        fifo.wait()
        worker.signal(signal.SIGKILL)
        with in_background(lambda: list(scan)):
            pass
    finally:
        os.kill(child, signal.SIGTERM)


def test_an_interrupt_of_user_code_is_no_normal_end(worker: Launched) -> None:
    scan = attach(worker).scan("interrupting")
    next(scan)
    break_off(scan)
    assert worker.wait() != 0
    assert "KeyboardInterrupt: by the author" in worker.stderr()
