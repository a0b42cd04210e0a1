"""A worker that is killed at a chosen moment of a chosen call.

The folder MORTAL holds ``plan``: the victim, the moment, and which of its times is meant. Without it, moments are
only written down, in ``moments``.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw
from duckwing.process import child
from duckwing.rpc import server
from duckwing.types import BIGINT

mortal = dw.Catalog("mortal")
FOLDER = Path(os.environ["MORTAL"])


def moment(name: str) -> None:
    """Kill whoever is to be killed now."""
    try:
        victim, planned, time = (FOLDER / "plan").read_text().split(";")
    except FileNotFoundError:
        with (FOLDER / "moments").open("a") as file:
            file.write(name + "\n")
        return
    if name != planned:
        return
    descriptor = os.open(FOLDER / "times", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"x")
    times = os.fstat(descriptor).st_size
    os.close(descriptor)
    if times == int(time):
        os.kill(os.getpid() if victim == "process" else os.getppid(), signal.SIGKILL)


run_handler: Callable[..., Any] = vars(server)["run_handler"]
called = ""


def mortal_run_handler(function: Callable[..., Any], call: Any, params: Any) -> Any:
    global called
    called = call.method
    moment(f"{called} before")
    result = run_handler(function, call, params)
    if hasattr(result, "turn"):
        result = MortalStream(result, called)
    moment(f"{called} after")
    return result


class MortalStream:
    def __init__(self, stream: Any, name: str):
        self._stream = stream
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def turn(self, batch: Any) -> Any:
        moment(f"{self._name} turn")
        answer = self._stream.turn(batch)
        moment(f"{self._name} turned" if answer is not None else f"{self._name} ended")
        return answer

    def close(self) -> None:
        moment(f"{self._name} close")
        self._stream.close()


class MortalConnection(child._Connection):
    _first = 0

    def write(self, buffers: Sequence[Any]) -> None:
        self._first = sum(memoryview(buffer).nbytes for buffer in buffers) // 16 * 8
        super().write(buffers)
        moment(f"{called} written")

    def _send(self, pending: Sequence[memoryview]) -> int:
        if not self._first:
            return super()._send(pending)
        return super()._send([memoryview(b"".join(pending))[: self._first]])

    def _wrote(self, buffer: memoryview | None, position: int) -> None:
        super()._wrote(buffer, position)
        if self._first:
            self._first = 0
            moment(f"{called} half written")


vars(server)["run_handler"] = mortal_run_handler
vars(child)["_Connection"] = MortalConnection


@mortal.table_function(columns={"n": BIGINT})
def scan(count: int) -> Iterator[object]:
    for n in range(count):
        yield {"n": range(n * 100, n * 100 + 100)}


@mortal.table_function(columns={"n": BIGINT})
class parts:
    def __init__(self, count: int):
        self.count = count

    def plan(self) -> Iterator[int]:
        yield from range(self.count)

    def scan(self, split: int) -> Iterator[object]:
        yield {"n": range(split * 100, split * 100 + 50)}
        yield {"n": range(split * 100 + 50, split * 100 + 100)}


mortal.table("numbers", scan, args=(10,))


@mortal.scalar
def same(value: pa.Int64Array) -> pa.Int64Array:
    return value


@mortal.scalar(stability="volatile")
def supervisor(value: int) -> int:
    return os.getppid()


@mortal.row_function(columns={"m": BIGINT})
def twice(n: int) -> Iterator[object]:
    yield (n,)
    yield (n,)


@mortal.table_in_out
def through(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows


@mortal.table_in_out(columns={"total": BIGINT})
class summed:
    total: int = 0

    def process(self, rows: pa.RecordBatch) -> None:
        self.total += pc.sum(rows[0]).as_py() or 0

    def finish(self) -> Iterator[object]:
        yield (self.total,)


@mortal.buffering(columns={"rows": BIGINT, "total": BIGINT})
class totals:
    def sink(self, rows: pa.RecordBatch) -> dict[str, list[int]]:
        return {"rows": [rows.num_rows], "total": [pc.sum(rows[0]).as_py()]}

    def split(self, parts: list[pa.RecordBatch]) -> list[list[int]]:
        return [[place] for place in range(len(parts))]

    def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return parts


@mortal.buffering
def kept(rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from rows


@mortal.aggregate
class total:
    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)


@mortal.aggregate
class framed:
    total: int = 0

    def update(self, value: int) -> None:
        self.total += value

    def merge(self, other: "framed") -> None:
        self.total += other.total

    def result(self) -> int:
        return self.total

    def window(self, values: list[int]) -> int:
        return sum(values)
