"""From starting a worker to its answer to ATTACH, or over HTTP until clients can connect."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.launch import WORKERS, duckwing_command
from benchmarks.measure import Comparison, Effort, Target, alternate, seconds

from duckwing.protocol import VGI
from duckwing.protocol.attach import CATALOG_ATTACH, CatalogAttachRequest
from duckwing.rpc.client import Client
from duckwing.transports.pipe import PipeStream

TARGET = Target("ratio", 1.15, "at most 1.15")
HTTP_PACKAGES = (
    "pyarrow",
    "starlette.responses",
    "uvicorn",
    "httptools",
    "cryptography.hazmat.primitives.ciphers.aead",
)
"""What cannot be left out of a server."""

WORKER = str(WORKERS / "one_scalar.py")


def run(effort: Effort) -> list[Comparison]:
    python = sys.executable
    samples = alternate(
        {
            "script": lambda: _to_attach_answer([python, WORKER]),
            "duckwing run": lambda: _to_attach_answer([str(duckwing_command()), "run", WORKER]),
            "import": lambda: seconds(lambda: subprocess.run([python, "-c", "import pyarrow"], check=True)),
            "imported": lambda: _to_first_byte([python, "-c", "import pyarrow, os; os.write(1, b'.')"]),
            "HTTP": lambda: _to_first_byte([str(duckwing_command()), "run", WORKER, "--http", "--quiet"]),
            "HTTP imported": lambda: _to_first_byte(
                [python, "-c", f"import {', '.join(HTTP_PACKAGES)}, os; os.write(1, b'.')"]
            ),
        },
        effort.rounds,
    )
    whole = 'python -c "import pyarrow"'
    return [
        Comparison("startup", f"{how}, to the attach answer", samples[side], against, samples[other], target=target)
        for how, side in (("python worker.py", "script"), ("duckwing run worker.py", "duckwing run"))
        for against, other, target in (
            (whole, "import", TARGET),
            (f"{whole}, its exit not counted", "imported", None),
        )
    ] + [
        Comparison(
            "startup",
            "duckwing run worker.py --http, until clients can connect",
            samples["HTTP"],
            f"importing {', '.join(HTTP_PACKAGES)}",
            samples["HTTP imported"],
        )
    ]


def _to_attach_answer(command: Sequence[str]) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        client = Client(PipeStream(process.stdout.fileno(), process.stdin.fileno()), VGI)
        client.call(CATALOG_ATTACH, CatalogAttachRequest("one_scalar"))
        return time.perf_counter() - start


def _to_first_byte(command: Sequence[str]) -> float:
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if not process.stdout.read(1):
            raise RuntimeError(f"{command} wrote nothing")
        taken = time.perf_counter() - start
        process.terminate()
        return taken
