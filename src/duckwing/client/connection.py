"""Connections to workers, and the catalogs attached through them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from types import TracebackType
from typing import Any

import pyarrow as pa

from ..protocol import VGI
from ..protocol.attach import CATALOG_ATTACH, CatalogAttachRequest, CatalogAttachResult
from ..protocol.calls import BIND, INIT, BindRequest, BindResponse, CallType, InitRequest
from ..rpc.client import Client, LogMessage
from ..rpc.codec import decode, encode
from ..rpc.errors import ConnectionClosed
from .arguments import encode_arguments
from .process import WorkerProcess


def connect(location: str | Sequence[str], *, on_log: Callable[[LogMessage], None] | None = None) -> WorkerConnection:
    """Start a worker and connect to it.

    Args:
        location: the shell command that starts it, as LOCATION in ATTACH, or a list of arguments.
        on_log: called with each log message of the worker.

    Returns:
        The connection; leave its ``with`` block to end the worker.
    """
    return WorkerConnection(WorkerProcess(location), on_log)


class WorkerConnection:
    """One connection to one worker process; calls are made one after the other.

    Attributes:
        process: the worker's process.
        rpc: the RPC client, for calls that have no method here.
    """

    def __init__(self, process: WorkerProcess, on_log: Callable[[LogMessage], None] | None = None):
        self.process = process
        self.rpc = Client(process.stream, VGI, on_log=on_log)

    def __enter__(self) -> WorkerConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ConnectionClosed):
            said = self.process.stderr()
            if said:
                error.add_note(f"worker stderr:\n{said}")
        self.close()

    def close(self) -> int:
        """End the worker and return its exit status."""
        return self.process.close()

    def catalogs(self) -> list[str]:
        """Names of the catalogs that the worker serves."""
        from ..protocol.catalogs import CATALOG_CATALOGS, CatalogInfo
        from ..rpc.method import NoParams

        items = self.rpc.call(CATALOG_CATALOGS, NoParams()).items
        return [decode(CatalogInfo, item).name for item in items]

    def attach(self, name: str = "") -> AttachedCatalog:
        """Attach a catalog; without a name, the only one.

        Raises:
            RemoteError: the worker does not serve it.
        """
        return AttachedCatalog(self, self.rpc.call(CATALOG_ATTACH, CatalogAttachRequest(name)))


class AttachedCatalog:
    """A catalog, attached.

    Attributes:
        about: what the worker said of it.
    """

    def __init__(self, connection: WorkerConnection, about: CatalogAttachResult):
        self.about = about
        self._rpc = connection.rpc

    def scalar(self, name: str, *columns: pa.Array, schema: str | None = None) -> pa.Array:
        """Call a scalar function on columns.

        Args:
            name: the function.
            columns: its columns, of equal length, in order.
            schema: the schema to look in; the default schema if None.

        Raises:
            RemoteError: the function or its arguments are refused, or it failed.
        """
        names = [f"col_{i}" for i in range(len(columns))]
        data = pa.RecordBatch.from_arrays(list(columns), names=names)
        request = self._bind(name, CallType.SCALAR, encode_arguments((), {}), data.schema, schema)
        bound = self._rpc.call(BIND, request)
        with self._rpc.open(INIT, _init(request, bound), data.schema) as stream:
            return stream.exchange(data).data.column(0)

    def scan(
        self, name: str, *positional: Any, schema: str | None = None, **named: Any
    ) -> Generator[pa.RecordBatch, None, None]:
        """Run a table function.

        Args:
            name: the function.
            positional: its positional arguments: Python values, or Arrow scalars.
            schema: the schema to look in; the default schema if None.
            named: its named arguments.

        Returns:
            Its batches. Leaving the iteration early cancels the scan.

        Raises:
            RemoteError: the function or its arguments are refused, or it failed.
        """
        request = self._bind(name, CallType.TABLE, encode_arguments(positional, named), None, schema)
        bound = self._rpc.call(BIND, request)
        with self._rpc.open(INIT, _init(request, bound)) as stream:
            try:
                for batch in stream:
                    yield batch.data
            except GeneratorExit:
                with contextlib.suppress(ConnectionClosed):  # what is gone need not be told
                    stream.cancel()
                raise

    def _bind(
        self, name: str, type: CallType, arguments: bytes, columns: pa.Schema | None, schema: str | None
    ) -> BindRequest:
        return BindRequest(
            function_name=name,
            arguments=arguments,
            function_type=type,
            input_schema=columns,
            attach_opaque_data=self.about.attach_opaque_data,
            schema_path=(schema or self.about.default_schema,),
        )


def _init(request: BindRequest, bound: BindResponse) -> InitRequest:
    return InitRequest(bind_call=encode(request), output_schema=bound.output_schema, bind_opaque_data=bound.opaque_data)
