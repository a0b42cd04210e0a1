"""A client's connection to a server in the same process: no socket, no thread, the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from ...client.connection import WorkerConnection
from ...protocol import VGI
from ...rpc.client import Client
from ...rpc.framing import Buffer, Core


def connect_to(session: Callable[[], Core[None]]) -> WorkerConnection:
    """A connection whose calls are served in the thread that makes them.

    Args:
        session: makes the core of one connection, such as :meth:`duckwing.rpc.server.Server.session`.
    """
    return WorkerConnection(_Sessions(session))


class _Sessions:
    """A session of the server for each call."""

    def __init__(self, session: Callable[[], Core[None]]):
        self._session = session
        self._open: dict[Client, _ServedStream] = {}

    def take(self) -> Client:
        stream = _ServedStream(self._session())
        connection = Client(stream, VGI)
        self._open[connection] = stream
        return connection

    def give_back(self, connection: Client) -> None:
        stream = self._open.pop(connection, None)
        if stream is not None:
            stream.close()

    def close(self) -> None:
        for connection in list(self._open):
            self.give_back(connection)


class _ServedStream:
    """A byte stream to a core that goes on whenever the client wants to read."""

    def __init__(self, core: Core[None]):
        self._core = core
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._wants = 0
        self._over = False
        self._resume(None)

    def write(self, buffers: list[Buffer]) -> None:
        """What the client sends; it waits for the server to ask for it."""
        for buffer in buffers:
            self._incoming += memoryview(buffer)

    def read(self, size: int) -> bytes:
        """What the server has answered; less if it waits for the client or has ended."""
        while len(self._outgoing) < size and not self._over and len(self._incoming) >= self._wants:
            wanted = bytes(self._incoming[: self._wants])
            del self._incoming[: self._wants]
            self._resume(wanted)
        answer = bytes(self._outgoing[:size])
        del self._outgoing[:size]
        return answer

    def close(self) -> None:
        """The client has left."""
        self._over = True
        self._core.close()

    def _resume(self, outcome: bytes | None) -> None:
        """Let the core go on until it wants bytes, or ends."""
        try:
            effect = next(self._core) if outcome is None else self._core.send(outcome)
            while not isinstance(effect, int):
                for buffer in effect:
                    self._outgoing += memoryview(buffer)
                effect = self._core.send(b"")
            self._wants = effect
        except StopIteration:
            self._over = True
