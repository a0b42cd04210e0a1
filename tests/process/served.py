"""A worker for the tests of listening workers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckwing as dw
from duckwing.types import BIGINT, BLOB

demo = dw.Catalog("demo")
worker = dw.Worker(demo)

KILOBYTE = bytes(1 << 10)


def reached(fifo: str) -> None:
    with open(fifo, "wb"):
        pass


@demo.scalar(stability="volatile")
def process(value: int) -> int:
    return os.getpid()


@demo.scalar
def double(value: int) -> int:
    return 2 * value


@demo.scalar
def loud(value: int) -> int:
    print("printed by a function")
    os.write(1, b"written by a function\n")
    subprocess.run(["echo", "written by a program"], check=True)
    return value


@demo.scalar(stability="volatile")
def complaining(megabytes: int) -> int:
    for _ in range(megabytes):
        sys.stderr.write("x" * (1 << 20))
    sys.stderr.flush()
    return megabytes


@demo.table_function(columns={"n": BIGINT, "process": BIGINT})
def numbers(count: int) -> Iterator[object]:
    for n in range(count):
        yield {"n": [n], "process": [os.getpid()]}


@demo.table_function(columns={"data": BLOB, "process": BIGINT})
def large(count: int) -> Iterator[object]:
    """Batches of more than a connection holds."""
    for _ in range(count):
        yield {"data": [KILOBYTE] * 4096, "process": [os.getpid()] * 4096}


@demo.table_function(columns={"process": BIGINT})
def busy(how: str, fifo: str, witness: str) -> Iterator[object]:
    """One batch, and then work without end."""
    yield {"process": [os.getpid()]}
    if how == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end = "end"
    try:
        reached(fifo)
        while True:
            if how == "sleeping":
                time.sleep(600)
            sum(range(1000))
    except BaseException as error:
        end = type(error).__name__
        raise
    finally:
        Path(witness).write_text(end)


@demo.table_function(columns={"worker": BIGINT, "child": BIGINT})
def with_a_child(how: str, count: int) -> Iterator[object]:
    """Leaves a process behind that lives on."""
    if how == "fork":
        child = os.fork()
        if not child:
            time.sleep(600)
            os._exit(0)
    else:
        child = subprocess.Popen(["sleep", "600"], close_fds=how == "program").pid
    for _ in range(count):
        yield {"worker": [os.getpid()], "child": [child]}


if __name__ == "__main__":
    worker.run()
