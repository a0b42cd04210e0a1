"""The flags of a worker that serves HTTP (spec 02, section 19)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

VALUED = frozenset(
    (
        "--host",
        "--port",
        "-p",
        "--port-file",
        "--prefix",
        "--cors-origins",
        "--http-threads",
        "--http-workers",
        "--compression",
        "--max-request-bytes",
        "--max-stream-response-bytes",
    )
)
"""Flags that take a value, beside those of all workers."""

Compression = Literal["auto", "on", "off"]


@dataclass(frozen=True, kw_only=True)
class Http:
    """Serve HTTP.

    Attributes:
        host: address to listen on.
        port: 0 lets the system choose.
        port_file: gets the port, in one line; ``""`` for none.
        prefix: path under which the worker is mounted.
        cors_origins: whose pages may call besides the worker's own; ``*`` for all.
        threads: in which authors' code runs, in each process; None: as the worker says.
        pages: there are pages for people.
        metrics: Prometheus can read counters at ``/metrics``.
        compression: of answers; ``auto`` compresses what leaves the machine.
        max_request_bytes: of a request; None for no limit of its own.
        max_stream_bytes: of the answer with a turn of a stream; None for no limit of its own.
    """

    host: str = "127.0.0.1"
    port: int = 0
    port_file: str = ""
    prefix: str = ""
    cors_origins: tuple[str, ...] = ()
    threads: int | None = None
    pages: bool = True
    metrics: bool = False
    compression: Compression = "auto"
    max_request_bytes: int | None = None
    max_stream_bytes: int | None = None


def read_http(values: Mapping[str, str], switches: set[str], environment: Mapping[str, str] = os.environ) -> Http:
    """What the flags say.

    Args:
        values: the last value of each flag that takes one.
        switches: the other words.
        environment: where ``VGI_HTTP_THREADS`` is looked for.

    Raises:
        ValueError: a flag is used wrongly; the message names it.
    """
    port = values.get("--port", values.get("-p"))
    origins = values.get("--cors-origins", "")
    threads = values.get("--http-threads", environment.get("VGI_HTTP_THREADS"))
    return Http(
        host=values.get("--host", "127.0.0.1"),
        port=0 if port is None else _number("--port", port, 0, 65535),
        port_file=values.get("--port-file", ""),
        prefix=_prefix(values.get("--prefix", "")),
        cors_origins=tuple(origin.strip() for origin in origins.split(",") if origin.strip()),
        threads=None if threads is None else _number("--http-threads", threads, 1, 256),
        pages="--no-describe" not in switches,
        metrics="--metrics" in switches,
        compression=_compression(values.get("--compression", "auto")),
        max_request_bytes=_bytes("--max-request-bytes", values),
        max_stream_bytes=_bytes("--max-stream-response-bytes", values),
    )


def _number(flag: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ValueError(f"{flag} {text}: expected a number from {least} to {most}")
    return int(text)


def _bytes(flag: str, values: Mapping[str, str]) -> int | None:
    return _number(flag, values[flag], 65_536, 1 << 50) if flag in values else None


def _prefix(text: str) -> str:
    prefix = text.rstrip("/")
    if prefix and not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)+", prefix):
        raise ValueError(f"--prefix {text}: expected a path such as /vgi, of letters, digits and ._~-")
    return prefix


def _compression(text: str) -> Compression:
    if text not in ("auto", "on", "off"):
        raise ValueError(f"--compression {text}: expected auto, on or off")
    return cast(Compression, text)
