"""How a worker is served over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..rpc.server import Server
from .authentication import Authenticator, ProtectedResource
from .compression import CODECS
from .cors import Cors
from .objects import Offload

if TYPE_CHECKING:
    from ..state.backend import Backend

MAX_DECODED_BYTES = 1 << 30
"""What a request may become when nothing smaller is configured."""

MAX_WAITING = 1000
"""Calls that may wait in a process; further ones are answered with 503, and clients ask again."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What does not change while a worker is served.

    Attributes:
        keys: of 32 bytes, for tokens; the first one seals, each of them opens.
        prefix: path under which it is mounted, without a slash at its end; ``""`` at the root.
        cors: whose pages may call it besides its own.
        compression: of answers: ``"auto"`` compresses what leaves the machine.
        codecs: with which, in the order in which clients should prefer them; none are told if compression is off.
        max_request_bytes: of a request's body, as it travels and as it is; None: no limit is told.
        max_stream_bytes: of the answer with a turn of a stream, if the client takes more.
        threads: in which authors' code runs.
        authenticate: finds out who calls; None: everybody may.
        resource: where clients can sign in.
        pages: there are pages for people.
        metrics: Prometheus can read counters at ``/metrics``.
        offload: what travels beside HTTP; None: nothing.
        backend: where processes of several machines share the state of queries; None: there is one machine.
    """

    keys: Sequence[bytes] = field(repr=False)
    prefix: str = ""
    cors: Cors = field(default_factory=Cors)
    compression: Literal["auto", "on", "off"] = "auto"
    codecs: Sequence[str] = CODECS
    max_request_bytes: int | None = None
    max_stream_bytes: int = 1 << 28
    threads: int = 1
    authenticate: Authenticator | None = None
    resource: ProtectedResource | None = None
    pages: bool = True
    metrics: bool = False
    offload: Offload | None = None
    backend: Backend | None = None


@dataclass(frozen=True)
class Served:
    """What is served.

    Attributes:
        name: of the worker, for people.
        version: of the worker, or of Duckwing.
        make_server: makes what answers calls, for one thread.
        stop: called when the process ends.
        doc: one line about it.
        protocol: what it speaks, for whoever asks for its health.
    """

    name: str
    version: str
    make_server: Callable[[], Server]
    stop: Callable[[], None] = lambda: None
    doc: str = ""
    protocol: str = "vgi"
