"""Code that writes to standard output and reads standard input, at import and in functions."""

import os
import subprocess
import sys
from collections.abc import Iterator

import duckwing as dw
from duckwing.types import BIGINT

print("printed at import")
sys.stdout.write("written at import, without a line end")
sys.stdout.flush()
os.write(1, b"\x10\0\0\0written to descriptor 1 at import")
subprocess.run([sys.executable, "-c", "print('a child at import')"], check=True)
os.system("echo a shell at import")

rude = dw.Catalog("rude")


@rude.scalar
def prints(value: int) -> int:
    print("printed", value)
    print("flushed", value, flush=True)
    assert sys.__stdout__ is not None
    sys.__stdout__.write("x" * 100_000)
    return value


@rude.scalar
def writes(value: int) -> int:
    os.write(1, b"\0" * 65536)
    return value


@rude.scalar
def starts_a_child(value: int) -> int:
    subprocess.run([sys.executable, "-c", "print('x' * 100000)"], check=True)
    os.system("echo from a shell")
    return value


@rude.scalar
def leaves_a_child(value: int) -> int:
    subprocess.Popen(["sleep", "0.5"])
    return value


@rude.scalar
def closes(value: int) -> int:
    sys.stdout.close()
    return value


@rude.scalar
def closes_descriptors(value: int) -> int:
    os.close(0)
    os.close(1)
    return value


@rude.scalar
def plain(value: int) -> int:
    return value


@rude.scalar
def asks(value: int) -> str:
    try:
        return input("your name? ")
    except EOFError:
        return "no input"


@rude.scalar
def reads(value: int) -> int:
    return len(os.read(0, 100)) + len(sys.stdin.read())


@rude.scalar
def child_reads(value: int) -> str:
    return subprocess.run(["cat"], capture_output=True, check=True, text=True).stdout


@rude.table_function(columns={"n": BIGINT})
def prints_rows(rows: int) -> Iterator[tuple[int]]:
    for n in range(rows):
        print("row", n, flush=True)
        yield (n,)
    print("done", flush=True)
