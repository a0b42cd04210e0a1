"""A worker's processes over HTTP: the port, and the ASGI server in each of them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..process.http_options import Http
from ..process.options import Options
from ..process.reloading import changes_below
from ..process.signals import STOP_SIGNALS
from . import headers as names
from .app import Application
from .supervisor import GRACE_SECONDS, READY, Start, Supervisor

BACKLOG = 2048

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable: where the processes keep their counters, so that any can give the sums."""

MAX_HEAD_BYTES = 64 << 10
"""Of a request line and headers."""

HEAD_SECONDS = 30.0
"""Within which they must come."""

IDLE_SECONDS = 75.0
"""After so long without a request a connection is closed."""


def bind(http: Http) -> socket.socket:
    """The listening socket.

    Raises:
        SystemExit: with status 1, if the port cannot be bound.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        if sys.platform != "win32":  # where it would let another process take the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        print(f"cannot listen on {http.host}:{http.port}: {error.strerror or error}", file=sys.stderr)
        raise SystemExit(1) from None
    bound.setblocking(False)
    return bound


def supervise(options: Options, start: Start, source: str, listening: socket.socket) -> bool:
    """Serve until a signal ends it.

    Args:
        options: how to serve.
        start: how a process is started.
        source: the author's file.
        listening: the socket.

    Returns:
        False at the end; True in each process that ``start`` forks.

    Raises:
        SystemExit: the first process cannot serve.
    """
    assert options.http is not None
    changed = changes_below(os.path.dirname(os.path.abspath(source))) if options.reload else None
    announce = announcement(options, listening)
    if not options.http.metrics:
        return Supervisor(listening, start, options.processes, announce, changed).run()
    folder = tempfile.mkdtemp(prefix="duckwing-metrics-")
    os.environ[METRICS_FOLDER] = folder  # before a process imports what counts

    def ended(pid: int) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]

    forked = Supervisor(listening, start, options.processes, announce, changed, ended).run()
    if not forked:
        shutil.rmtree(folder, ignore_errors=True)
    return forked


def announcement(options: Options, listening: socket.socket) -> Callable[[], None]:
    """What tells that clients may connect: one line on standard output, and nothing else ever (spec 02, section 19)."""
    http = options.http
    assert http is not None
    port: int = listening.getsockname()[1]
    output = os.dup(1)
    os.dup2(2, 1)  # whatever else is printed is for people

    def announce() -> None:
        if http.port_file:
            with open(http.port_file, "w") as file:
                file.write(f"{port}\n")
        with contextlib.suppress(OSError):
            os.write(output, f"PORT:{port}\n".encode())
        os.close(output)
        if not options.quiet:
            host = f"[{http.host}]" if ":" in http.host else http.host
            print(f"serving at http://{host}:{port}{http.prefix}/ (Ctrl-C ends it)", file=sys.stderr, flush=True)

    return announce


def check_open(app: Application, http: Http, *, remote: bool) -> None:
    """Refuse to serve everybody who can reach this machine, unless that is wanted.

    Raises:
        SystemExit: with status 2.
    """
    if app.settings.authenticate is not None or remote:
        return
    address = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][4][0]
    if not ipaddress.ip_address(address).is_loopback:
        print(
            f"--host {http.host} would serve everybody who can reach this machine, without asking who they are; "
            "configure authentication (docs/authentication.md), or add --allow-remote if that is wanted",
            file=sys.stderr,
        )
        raise SystemExit(2)


def serve(app: Application, listening: socket.socket, tie: socket.socket) -> None:
    """Serve from this process, of several, until a signal comes or their supervisor has died.

    Args:
        app: answers.
        listening: the socket; the processes share it.
        tie: to the supervisor.
    """
    _Server(app, tie, lambda: _tell(tie)).run([listening])


def serve_alone(app: Application, options: Options) -> None:
    """Serve from this process alone: where there is no fork.

    Raises:
        SystemExit: with status 1, if the port cannot be bound.
    """
    assert options.http is not None
    listening = bind(options.http)
    _Server(app, None, announcement(options, listening)).run([listening])


def _tell(tie: socket.socket) -> None:
    with contextlib.suppress(OSError):
        tie.send(READY)


class _Server(uvicorn.Server):
    def __init__(self, app: Application, tie: socket.socket | None, ready: Callable[[], None]):
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who says that a request was forwarded must be configured
            server_header=False,
            timeout_keep_alive=int(IDLE_SECONDS),
            timeout_graceful_shutdown=int(GRACE_SECONDS),
            backlog=BACKLOG,
        )
        super().__init__(config)
        self._tie = tie
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, and watch the supervisor."""
        await super().startup(sockets)
        if self._tie is not None:
            self._tie.setblocking(False)
            asyncio.get_running_loop().add_reader(self._tie, self._supervisor_has_died)
        self._ready()

    def _supervisor_has_died(self) -> None:
        assert self._tie is not None
        asyncio.get_running_loop().remove_reader(self._tie)
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End by a signal, with status 0; a second one does not wait.

        Of a process with a supervisor, that decides: a signal to all processes of a terminal or a service comes twice.
        """
        stopping = False

        def stop(number: int, frame: Any) -> None:
            nonlocal stopping
            if stopping and self._tie is None:
                os._exit(1)
            stopping = self.should_exit = True

        for number in STOP_SIGNALS:
            signal.signal(number, stop)
        yield


class _Protocol(HttpToolsProtocol):
    """Bounds the head of a request in size and time, which the server itself does not."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._late is None:
                self._expect_head()
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if len(self.headers) >= 200:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head has come."""
        self._in_head = False
        self._expect_nothing()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request has come; the next one begins with a head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over."""
        self._expect_nothing()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request."""
        body = msg.encode()
        head = (
            f"HTTP/1.1 400 Bad Request\r\n{names.ACCEPTED_SUPPORT}: true\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS, self._is_late)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_late(self) -> None:
        self._late = None
        if self._in_head and not self.transport.is_closing():
            self.send_400_response("The head of the request did not come in time.")
