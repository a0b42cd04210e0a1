"""Where connections come from. A connection carries one call at a time, so calls at the same time need several."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import Error
from ..protocol import VGI
from ..rpc.client import Client, LogMessage
from ..transports.sockets import ConnectError, SocketStream, connect_tcp, connect_unix
from .caller import Source
from .launcher import launch
from .locations import Command, Http, Launched, Location, LocationError, TcpSocket, UnixSocket
from .process import WorkerProcess

OnLog = Callable[[LogMessage], None]


def make_source(
    location: Location,
    on_log: OnLog | None,
    idle_timeout: float,
    state_directory: str | None,
    bearer_token: str | None = None,
) -> Source[Any]:
    """The source for a location.

    Raises:
        LocationError: there is a token, and the location does not take any.
    """
    if bearer_token is not None and not isinstance(location, Http):
        raise LocationError("bearer_token= is for workers at http:// and https://; this LOCATION takes none")
    match location:
        case Command(command):
            return Processes(lambda: WorkerProcess(command), on_log)
        case UnixSocket(path):
            return Sockets(lambda: connect_unix(path), on_log)
        case TcpSocket(host, port):
            return Sockets(lambda: connect_tcp(host, port), on_log)
        case Launched(arguments):
            return Sockets(_Launcher(arguments, idle_timeout, state_directory), on_log)
        case Http():
            from .http import HttpSource
            from .http_requests import Requests

            return HttpSource(Requests(location, bearer_token), on_log)


class Processes:
    """Processes of one command, as many as there are calls at the same time; idle ones are used again.

    Unlike DuckDB's extension, which ends a process after every error, this ends it only if the connection is out of
    step.

    Args:
        start: starts one.
        on_log: called with each log message.
    """

    def __init__(self, start: Callable[[], WorkerProcess], on_log: OnLog | None = None):
        self._start = start
        self._on_log = on_log
        self._lock = threading.Lock()
        self._processes: dict[Client, WorkerProcess] = {}
        self._idle: list[Client] = []
        self._closed = False

    @property
    def processes(self) -> Sequence[WorkerProcess]:
        """Those that are there, in the order in which they were started."""
        with self._lock:
            return list(self._processes.values())

    def take(self) -> Client:
        """A connection to the process that was used last, or to a new one."""
        while True:
            with self._lock:
                if self._closed:
                    raise Error("the connection to the worker was closed; connect again")
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._new()
            process = self._processes.get(connection)
            if process is not None and process.status is None:
                return connection
            self._end(connection)  # it has died meanwhile

    def give_back(self, connection: Client) -> None:
        """Keep the process if it waits for the next call, else end it."""
        with self._lock:
            if self._closed or connection not in self._processes:
                return
            if connection.idle:
                self._idle.append(connection)
                return
        self._end(connection)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            processes = list(self._processes.values())
            self._processes.clear()
            self._idle.clear()
        for process in processes:
            process.hang_up()
        for process in processes:
            process.close()

    def _new(self) -> Client:
        try:
            process = self._start()
        except OSError as error:
            raise ConnectError(f"the worker cannot be started: {error}") from error
        connection = Client(process.stream, VGI, on_log=self._on_log, explain=process.obituary)
        with self._lock:
            if not self._closed:
                self._processes[connection] = process
                return connection
        process.close()
        raise Error("the connection to the worker was closed; connect again")

    def _end(self, connection: Client) -> None:
        with self._lock:
            process = self._processes.pop(connection, None)
        if process is not None:
            process.close()


class Sockets:
    """A connection for each call, as the extension makes them.

    Args:
        connect: makes one.
        on_log: called with each log message.
    """

    def __init__(self, connect: Callable[[], SocketStream], on_log: OnLog | None = None):
        self._connect = connect
        self._on_log = on_log
        self._lock = threading.Lock()
        self._open: dict[Client, SocketStream] = {}
        self._closed = False

    def take(self) -> Client:
        """A new connection."""
        if self._closed:
            raise Error("the connection to the worker was closed; connect again")
        stream = self._connect()
        connection = Client(stream, VGI, on_log=self._on_log)
        with self._lock:
            self._open[connection] = stream
        return connection

    def give_back(self, connection: Client) -> None:
        """Close it."""
        with self._lock:
            stream = self._open.pop(connection, None)
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._closed = True
            streams = list(self._open.values())
            self._open.clear()
        for stream in streams:
            stream.close()


class _Launcher:
    """Connects to a shared worker, and launches it again when it has left (spec 03, section 6.7)."""

    def __init__(self, arguments: Sequence[str], idle_timeout: float, state_directory: str | None):
        self._arguments = arguments
        self._idle_timeout = idle_timeout
        self._state_directory = state_directory
        self._path: str | None = None

    def __call__(self) -> SocketStream:
        path = self._path
        if path is not None:
            try:
                return connect_unix(path)
            except ConnectError:
                self._path = None
        try:
            return self._launched()
        except ConnectError:  # the worker that was found was about to leave
            return self._launched()

    def _launched(self) -> SocketStream:
        path = launch(self._arguments, idle_timeout=self._idle_timeout, state_directory=self._state_directory)
        stream = connect_unix(path)
        self._path = path
        return stream
