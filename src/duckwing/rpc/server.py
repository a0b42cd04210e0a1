"""The serving end of a connection, as a core without I/O (spec 01, sections 4 to 12).

A :class:`Server` hosts protocols. :meth:`Server.session` is the core of one connection: it takes
requests, calls the handlers, and answers, until the other side closes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from . import keys
from .call import ANONYMOUS, Call, Handler, Identity, is_shutdown, run_handler
from .errors import (
    ConnectionClosed,
    MalformedMessage,
    MethodNotImplementedError,
    ProtocolNotSpecifiedError,
    ProtocolNotSupportedError,
    error_metadata,
)
from .framing import EMPTY_SCHEMA, Batch, Buffer, Core, empty_batch, stream_buffers
from .limits import DEFAULT_LIMITS, Limits
from .method import LazyTable, Method, Protocol, is_protocol_name
from .request import Request, method_name, read_params, read_request, shown
from .shared_memory import Attach, SharedMemory
from .turns import serve_stream
from .versions import check_version


class Server:
    """Hosts protocols for any number of connections.

    Args:
        hosted: pairs of a protocol and its handlers by method name. A handler is called with the
            :class:`Call` and the record of the parameters. A unary handler returns the result, a
            stream handler a :class:`Stream`. A method without handler is answered as
            "not implemented".
        limits: what is accepted from outside.
        reflection: host ``vgi_rpc.Reflection.v1`` too, so that clients can list the methods.
        attach: how to attach to shared memory that a client offers; None to do without.

    Raises:
        ValueError: the name of a protocol is reserved.
        TypeError: a method has a type that reflection has no name for.

    Example:
        >>> server = Server([(CALCULATOR, {"add": lambda call, r: r.a + r.b})])  # doctest: +SKIP
    """

    def __init__(
        self,
        hosted: Iterable[tuple[Protocol, Mapping[str, Handler]]],
        *,
        limits: Limits = DEFAULT_LIMITS,
        reflection: bool = True,
        attach: Attach | None = None,
    ):
        self.limits = limits
        self.attach = attach
        self.server_id = os.urandom(6).hex()
        self._reflection = reflection
        self._hosted = {protocol.name: (protocol, handlers) for protocol, handlers in hosted}
        for name in self._hosted:
            if name.startswith("vgi_rpc."):
                raise ValueError(f"protocol name {name!r} is reserved: names under 'vgi_rpc.' belong to the framework")
        if reflection:
            for protocol, handlers in self._hosted.values():
                if not isinstance(protocol.methods, LazyTable):
                    from .reflection import protocol_hash

                    protocol_hash(protocol, handlers)  # one type without a name, and no protocol could be listed

    def hosted(self) -> dict[str, tuple[Protocol, Mapping[str, Handler]]]:
        """The hosted protocols by name, reflection included."""
        if self._reflection and "vgi_rpc.Reflection.v1" not in self._hosted:
            from .reflection import REFLECTION, reflection_handlers

            self._hosted[REFLECTION.name] = (REFLECTION, reflection_handlers(self.server_id, self.hosted))
        return self._hosted

    def session(self, *, idle: Callable[[bool], None] | None = None, caller: Identity = ANONYMOUS) -> Core[None]:
        """The core of one connection: serves calls until the other side closes it.

        Args:
            idle: told True before the session waits for a request and False when one has come.
            caller: who is at the other end.
        """
        after_failed_stream = False
        memory = SharedMemory(self.attach, self.limits)
        try:
            while True:
                if idle is not None:
                    idle(True)
                request = yield from read_request(self.limits)
                if request is None:
                    return
                if idle is not None:
                    idle(False)
                if after_failed_stream and keys.METHOD not in request.metadata:
                    # A client that opened its input stream before it read the error of the call.
                    after_failed_stream = False
                else:
                    after_failed_stream = yield from self._serve(request, memory, caller)
        except MalformedMessage as error:
            with contextlib.suppress(ConnectionClosed):
                yield _error_stream(EMPTY_SCHEMA, error, Call({}, self.server_id))
        except ConnectionClosed:
            return
        finally:
            memory.close()

    def _serve(self, request: Request, memory: SharedMemory, caller: Identity) -> Core[bool]:
        """Answer one request. True if it was a stream call that failed before its header."""
        method: Method[Any, Any] | None = None
        call = Call(request.metadata, self.server_id, caller)
        try:
            if request.batch is not None:
                request = Request(memory.incoming(request.batch))
            call.method = method_name(request)
            if call.method == keys.TRANSPORT_OPTIONS:
                yield self._transport_options(request)
                return False
            protocol, handlers = self.route(call)
            method = protocol.methods[call.method]
            if protocol.version:
                check_version(request.metadata.get(keys.PROTOCOL_VERSION), protocol.version)
            assert request.batch is not None
            memory.look_at(request.batch)
            params = read_params(method, request.batch.data, self.limits)
            result = run_handler(handlers[call.method], call, params)
            if method.is_stream:
                yield from serve_stream(call, result, self.limits, memory)
                return False
            answer = answer_stream(method, call, result)
        except (ConnectionClosed, MalformedMessage):
            raise
        except BaseException as error:
            if is_shutdown(error):
                raise
            failed_stream = method is not None and method.is_stream
            schema = method.result_schema if method is not None and not failed_stream else EMPTY_SCHEMA
            yield _error_stream(schema, error, call)
            call.answered()
            return failed_stream
        yield answer
        call.answered()
        return False

    def route(self, call: Call) -> tuple[Protocol, Mapping[str, Handler]]:
        """The protocol that a call is for, which has its method, and the handlers.

        Raises:
            RpcError: nothing here answers it; its kind says why.
        """
        name = call.method
        if name == keys.RETIRED_DESCRIBE:
            raise MethodNotImplementedError(
                "'__describe__' was retired. "
                "Use protocol 'vgi_rpc.Reflection.v1', methods 'list_protocols' and 'describe'."
            )
        hosted = self._hosted
        raw = call.metadata.get(keys.PROTOCOL)
        if raw is None:
            raise ProtocolNotSpecifiedError(
                f"Request carries no 'vgi_rpc.protocol' routing key. Hosted: {sorted(self.hosted())}"
            )
        routing_key = raw.decode("utf-8", "replace")
        if not is_protocol_name(routing_key):
            raise ProtocolNotSupportedError(f"'vgi_rpc.protocol' is not a protocol name: {shown(raw)}")
        if routing_key not in hosted:
            hosted = self.hosted()
            if routing_key not in hosted:
                raise ProtocolNotSupportedError(
                    f"This server does not host protocol {routing_key!r}. Hosted: {sorted(hosted)}"
                )
        protocol, handlers = hosted[routing_key]
        if name not in protocol.methods or name not in handlers:
            available = sorted(method for method in protocol.methods if method in handlers)
            raise MethodNotImplementedError(
                f"Protocol {routing_key!r} has no method {shown(name.encode())}. Available: {available}"
            )
        return protocol, handlers

    def _transport_options(self, request: Request) -> list[Buffer]:
        shared = self.attach is not None and request.metadata.get(keys.TRANSPORT_SHM) == b"true"
        metadata = {
            keys.TRANSPORT_SHM: b"true" if shared else b"false",
            keys.REQUEST_VERSION: keys.FRAMING_VERSION,
            keys.SERVER_ID: self.server_id.encode(),
        }
        return stream_buffers(EMPTY_SCHEMA, [Batch(empty_batch(EMPTY_SCHEMA), metadata)])


def answer_stream(method: Method[Any, Any], call: Call, result: Any) -> list[Buffer]:
    """The stream that answers a unary call."""
    schema = method.result_schema
    form = method.result_type
    if form is None:
        data = empty_batch(schema)
    else:
        data = pa.RecordBatch.from_arrays([form.array(result, f"result of {method.name}")], schema=schema)
    return stream_buffers(schema, [*call.messages(schema), call.tag(data)])


def error_stream(error: BaseException) -> bytes:
    """The answer to any call, in the place of a process that cannot give it."""
    return b"".join(
        map(bytes, stream_buffers(EMPTY_SCHEMA, [Batch(empty_batch(EMPTY_SCHEMA), error_metadata(error, ""))]))
    )


def _error_stream(schema: pa.Schema, error: BaseException, call: Call) -> list[Buffer]:
    return stream_buffers(schema, call.failure(schema, error))
