"""Calling a worker without a database."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.client import AttachedCatalog, WorkerConnection, connect
from duckwing.rpc.client import LogMessage
from duckwing.rpc.errors import ConnectionClosed, RemoteError

WORKER = """
import os
import sys
from pathlib import Path

import pyarrow as pa

import duckwing as dw
from duckwing.types import BIGINT

demo = dw.Catalog("demo", comment="for the client's tests")


@demo.scalar
def reciprocal(value: float) -> float:
    return 1 / value


@demo.scalar
def scaled(value: pa.DoubleArray, factor: dw.Const[float]) -> pa.DoubleArray:
    import pyarrow.compute as pc

    return pc.multiply(value, factor)


@demo.scalar
def stops(value: int) -> int:
    if value == 2:
        raise StopIteration
    return value


@demo.scalar
def leave(value: int) -> int:
    sys.exit(0)


@demo.scalar
def die(value: int) -> int:
    print("last words", file=sys.stderr, flush=True)
    os._exit(7)


@demo.scalar
def noisy(value: int, ctx: dw.Context) -> int:
    ctx.log("seen", level="WARN", value=value)
    return value


@demo.table_function(columns={"n": BIGINT})
def numbers(count: int, *, step: int = 1, witness: str = ""):
    try:
        for n in range(0, count * step, step):
            yield {"n": [n]}
    finally:
        if witness:
            Path(witness).write_text("closed")


@demo.table_function(columns={"n": BIGINT})
def broken():
    yield (1,)
    raise LookupError("no more")


other = dw.Catalog("other")
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("worker") / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    return [sys.executable, "-m", "duckwing.cli", "run", str(path)]


@pytest.fixture
def worker(command: list[str]) -> Iterator[WorkerConnection]:
    with connect(command) as worker:
        yield worker


@pytest.fixture
def demo(worker: WorkerConnection) -> AttachedCatalog:
    return worker.attach("demo")


def rows(batches: Iterator[pa.RecordBatch]) -> list[int]:
    return [n for batch in batches for n in batch["n"].to_pylist()]


def test_lists_and_attaches(worker: WorkerConnection) -> None:
    assert worker.catalogs() == ["demo", "other"]
    assert worker.attach("DEMO").about.comment == "for the client's tests"
    with pytest.raises(RemoteError, match="No worker handles catalog 'nosuch'; this one serves 'demo', 'other'"):
        worker.attach("nosuch")


def test_scalars_and_scans_share_one_process(demo: AttachedCatalog) -> None:
    column = pa.array([2.0, None, 4.0])
    for _ in range(3):
        assert demo.scalar("reciprocal", column).to_pylist() == [0.5, None, 0.25]
        assert demo.scalar("scaled", column, pa.repeat(3.0, 3)).to_pylist() == [6.0, None, 12.0]
        assert rows(demo.scan("numbers", 4, step=5)) == [0, 5, 10, 15]


@pytest.mark.parametrize("function", ["reciprocal", "leave"])
def test_the_next_call_after_an_error_is_served(worker: WorkerConnection, demo: AttachedCatalog, function: str) -> None:
    """The extension discards a process after an error; a client of ours need not."""
    [pid] = [process.pid for process in worker.processes]
    argument = pa.array([0.0]) if function == "reciprocal" else pa.array([1])
    for _ in range(3):
        with pytest.raises(RemoteError) as caught:
            demo.scalar(function, argument)
        assert caught.value.type == ("ZeroDivisionError" if function == "reciprocal" else "SystemExit")
        assert demo.scalar("reciprocal", pa.array([4.0])).to_pylist() == [0.25]
    with pytest.raises(RemoteError, match="no more") as caught:
        list(demo.scan("broken"))
    assert caught.value.message == "no more [table function 'broken']"
    assert rows(demo.scan("numbers", 2)) == [0, 1]
    assert [process.pid for process in worker.processes] == [pid]


@pytest.mark.parametrize(("value", "debug"), [("1", True), (" True", True), ("0", False), ("", False), (None, False)])
def test_the_traceback_goes_to_the_client_or_to_the_log(
    command: list[str], monkeypatch: pytest.MonkeyPatch, value: str | None, debug: bool
) -> None:
    monkeypatch.delenv("DUCKWING_DEBUG", raising=False)
    if value is not None:
        monkeypatch.setenv("DUCKWING_DEBUG", value)
    with connect(command) as worker:
        with pytest.raises(RemoteError) as caught:
            list(worker.attach("demo").scan("broken"))
        logged = worker.processes[0].stderr()
    assert str(caught.value) == "LookupError: no more [table function 'broken']"
    sent, unwanted = (caught.value.traceback, logged) if debug else (logged, caught.value.traceback)
    assert unwanted == ""
    title, frame, line, last = sent.removeprefix("table function 'broken' failed\n").strip().splitlines()
    assert title == "Traceback (most recent call last):"
    assert (
        frame
        == f'  File "{command[-1]}", line {WORKER[: WORKER.index("raise LookupError")].count(chr(10)) + 1}, in broken'
    )
    assert (line, last) == ('    raise LookupError("no more")', "LookupError: no more")


def test_stop_iteration_does_not_cut_the_result(demo: AttachedCatalog) -> None:
    with pytest.raises(RemoteError, match="row 1: the function raised StopIteration"):
        demo.scalar("stops", pa.array([1, 2, 3]))


def test_leaving_a_scan_early_closes_the_generator(demo: AttachedCatalog, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    scan = demo.scan("numbers", 1_000_000, witness=str(witness))
    assert next(iter(scan))["n"].to_pylist() == [0]
    scan.close()
    assert witness.read_text() == "closed"
    assert rows(demo.scan("numbers", 1)) == [0]


def test_logs_are_handed_on(command: list[str]) -> None:
    logs: list[LogMessage] = []
    with connect(command, on_log=logs.append) as worker:
        assert worker.attach("demo").scalar("noisy", pa.array([5])).to_pylist() == [5]
    assert [(log.level, log.message) for log in logs] == [("WARN", "seen (value=5)")]
    assert '"value": 5' in logs[0].extra


def test_a_dead_worker_is_an_error_with_its_last_words(command: list[str]) -> None:
    with pytest.raises(ConnectionClosed) as caught, connect(command) as worker:
        worker.attach("demo").scalar("die", pa.array([1]))
    assert str(caught.value).endswith(" (it exited with status 7)\nworker stderr:\nlast words")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_worker_is_an_error(worker: WorkerConnection, demo: AttachedCatalog) -> None:
    scan = iter(demo.scan("numbers", 1_000_000))
    next(scan)
    os.kill(worker.processes[0].pid, signal.SIGKILL)
    with pytest.raises(ConnectionClosed):
        rows(scan)


def test_a_scan_that_outlives_its_connection_touches_nothing(command: list[str]) -> None:
    with connect(command) as worker:
        scan = worker.attach("demo").scan("numbers", 1000)
        next(scan)
    read_fd, write_fd = os.pipe()  # these may get the numbers of the closed pipes
    scan.close()
    os.close(write_fd)
    assert os.read(read_fd, 1) == b""
    os.close(read_fd)


def test_a_worker_leaves_when_its_input_ends(command: list[str]) -> None:
    worker = connect(command)
    worker.attach("demo")
    [process] = worker.processes
    worker.close()
    assert process.status == 0
    assert worker.processes == []
