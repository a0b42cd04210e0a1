"""A client that leaves, at every point, and one that talks nonsense (spec 01, sections 11 and 12)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.protocol import VGI
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc import keys
from duckwing.rpc.errors import error_from_metadata
from duckwing.rpc.framing import Batch, MemoryStream, StreamReader, drive, stream_buffers
from duckwing.rpc.limits import DEFAULT_LIMITS

from .launch import SECONDS, TICK, Launched, attach, break_off, launch, run_command

if sys.platform == "win32":
    pytest.skip("about POSIX pipes", allow_module_level=True)

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture
def worker() -> Iterator[Launched]:
    with launch(run_command(WORKER)) as process:
        yield process


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    return tmp_path / "witness"


def exchange(sent: bytes) -> subprocess.CompletedProcess[bytes]:
    """What a worker says to some bytes and the end of its input."""
    return subprocess.run(run_command(WORKER), input=sent, capture_output=True, timeout=SECONDS)


def request() -> bytes:
    metadata = {
        keys.METHOD: CATALOG_CATALOGS.name.encode(),
        keys.REQUEST_VERSION: keys.FRAMING_VERSION,
        keys.PROTOCOL: VGI.name.encode(),
        keys.PROTOCOL_VERSION: VGI.version.encode(),
    }
    data = pa.RecordBatch.from_struct_array(pa.array([{}], pa.struct([])))
    return b"".join(map(bytes, stream_buffers(data.schema, [Batch(data, metadata)])))


def answers(received: bytes) -> list[list[Batch]]:
    """The batches of the streams in ``received``, each of which must be complete."""
    source = MemoryStream(received)
    streams = []
    while source.remaining:
        reader = StreamReader(DEFAULT_LIMITS)
        drive(reader.read_schema(), source)
        batches = []
        while (batch := drive(reader.read_batch(), source)) is not None:
            batches.append(batch)
        streams.append(batches)
    return streams


def test_between_calls(worker: Launched) -> None:
    attach(worker)
    worker.end_input()
    assert worker.wait() == 0
    assert worker.stderr() == ""


def test_before_the_first_call() -> None:
    ended = exchange(b"")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_in_a_scan(worker: Launched, witness: Path) -> None:
    scan = attach(worker).scan("numbers", 1000, str(witness))
    assert next(scan)["n"].to_pylist() == [0]
    worker.end_input()
    assert worker.wait() == 0
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    assert list(scan) == []  # the end of the input is the end of the scan, in good order


def test_nobody_reads_the_answer(worker: Launched, witness: Path) -> None:
    scan = attach(worker).scan("large", str(witness))
    next(scan)
    worker.until_asleep()
    worker.stop_reading()
    worker.stream.write([TICK])
    assert worker.wait() == 0
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    break_off(scan)


def test_nobody_reads_any_more_while_the_worker_writes(worker: Launched, witness: Path) -> None:
    scan = attach(worker).scan("large", str(witness))
    next(scan)
    worker.stream.write([TICK])
    worker.first_byte()  # more follows than a pipe holds
    worker.stop_reading()
    assert worker.wait() == 0
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    break_off(scan)


def test_complete_requests_are_answered_before_the_worker_leaves() -> None:
    ended = exchange(request() * 3)
    assert [len(stream) for stream in answers(ended.stdout)] == [1, 1, 1]
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("cut", [1, 4, 8, 20, -60, -9, -8, -1])
def test_in_a_request(cut: int) -> None:
    ended = exchange(request() + request()[:cut])
    assert len(answers(ended.stdout)) == 1
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"SELECT 1;\n", b"\xff" * 64, bytes(64)],
    ids=["http", "sql", "ones", "zeros"],
)
@pytest.mark.parametrize("before", [0, 2])
def test_garbage(garbage: bytes, before: int) -> None:
    ended = exchange(request() * before + garbage)
    *_, last = streams = answers(ended.stdout)
    assert len(streams) == before + 1
    assert error_from_metadata(last[-1].metadata).type in ("MalformedMessage", "ProtocolError")
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_garbage_in_a_scan(worker: Launched, witness: Path) -> None:
    scan = attach(worker).scan("numbers", 1000, str(witness))
    next(scan)
    worker.stream.write([b"garbage!"])
    assert worker.wait() == 0
    assert witness.read_text() == "GeneratorExit"
    assert worker.stderr() == ""
    break_off(scan)
