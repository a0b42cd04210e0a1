"""Calls to a worker, each on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from ..rpc.codec import Record
from ..rpc.framing import EMPTY_SCHEMA, Batch
from ..rpc.method import Method

P = TypeVar("P", bound=Record)
R = TypeVar("R")
H = TypeVar("H", covariant=True)


class OpenStream(Protocol[H]):
    """A stream of a call, whatever carries it. Leave its ``with`` block to end it.

    Attributes:
        on_end: called once, when the stream is over, in whatever way.
    """

    on_end: Callable[[], None] | None

    @property
    def header(self) -> H:
        """The record with which the worker opened the stream."""

    def __enter__(self) -> OpenStream[H]: ...

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None: ...

    def exchange(self, data: pa.RecordBatch, metadata: Mapping[bytes, bytes] | None = None) -> Batch:
        """Send a batch and receive the worker's batch for it."""

    def tick(self, metadata: Mapping[bytes, bytes] | None = None) -> Batch | None:
        """The next batch of a producer; None at its end."""

    def __iter__(self) -> Iterator[Batch]:
        """The batches of a producer."""

    def cancel(self) -> None:
        """Tell the worker to stop, and end the stream."""

    def close(self) -> None:
        """End the stream."""


class Connection(Protocol):
    """A way to make one call after the other."""

    def call(self, method: Method[P, R], params: P, metadata: Mapping[bytes, bytes] | None = None) -> R:
        """Call a unary method and return its result."""

    def open(
        self,
        method: Method[P, R],
        params: P,
        input_schema: pa.Schema = EMPTY_SCHEMA,
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> OpenStream[R]:
        """Call a stream method."""


C = TypeVar("C", bound=Connection)


class Source(Protocol[C]):
    """Gives connections to a worker. Every method may be called by several threads at once."""

    def take(self) -> C:
        """A connection that nobody else uses.

        Raises:
            Error: the worker cannot be reached.
        """

    def give_back(self, connection: C) -> None:
        """The call on it is over, perhaps not in an orderly way."""

    def close(self) -> None:
        """End all connections, also those that are in use."""


class Caller:
    """Makes calls; several threads may do so at once.

    Args:
        source: where the connections come from.
    """

    def __init__(self, source: Source[Any]):
        self._source = source

    def call(self, method: Method[P, R], params: P, metadata: Mapping[bytes, bytes] | None = None) -> R:
        """Call a unary method and return its result.

        Args:
            method: a method of the protocol.
            params: its parameters.
            metadata: further metadata for the request.

        Raises:
            RemoteError: the worker answered with an error.
            ConnectionClosed: the worker died; whether it has done what was asked is unknown.
        """
        with self.connection() as connection:
            return connection.call(method, params, metadata)

    def open(
        self,
        method: Method[P, R],
        params: P,
        input_schema: pa.Schema = EMPTY_SCHEMA,
        metadata: Mapping[bytes, bytes] | None = None,
    ) -> OpenStream[R]:
        """Call a stream method. The stream holds its connection until it is closed or cancelled, or its ``with`` ends.

        Args:
            method: a stream method of the protocol.
            params: its parameters.
            input_schema: schema of the batches to send; without columns for a producer.
            metadata: further metadata for the request.

        Raises:
            RemoteError: the worker answered with an error before the stream was open.
            ConnectionClosed: the worker died.
        """
        connection: Connection = self._source.take()
        try:
            stream = connection.open(method, params, input_schema, metadata)
        except BaseException:
            self._source.give_back(connection)
            raise
        stream.on_end = lambda: self._source.give_back(connection)
        return stream

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for several calls that must go to one process, one after the other."""
        connection = self._source.take()
        try:
            yield connection
        finally:
            self._source.give_back(connection)
