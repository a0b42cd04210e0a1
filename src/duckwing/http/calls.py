"""Unary calls, and what streams have in common with them (spec 02, sections 2 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..rpc import keys
from ..rpc.call import Call, Handler, Identity, run_handler
from ..rpc.errors import MethodNotImplementedError, ProtocolError, ProtocolNotSupportedError
from ..rpc.framing import read_stream as read_ipc_stream
from ..rpc.limits import Limits
from ..rpc.method import Method, Protocol
from ..rpc.request import Request, method_name, read_params
from ..rpc.server import Server, answer_stream
from ..rpc.versions import check_version
from .answers import Answer, failure, too_large
from .pointers import Outbox, beside, uploads


@dataclass(frozen=True)
class Route:
    """What a path names.

    Attributes:
        protocol: name of the protocol.
        method: name of the method.
        action: ``"init"`` or ``"exchange"`` for streams, ``""`` for unary calls.
    """

    protocol: str
    method: str
    action: str = ""

    @property
    def metadata(self) -> Mapping[bytes, bytes]:
        """What a request's metadata say of it."""
        return {keys.PROTOCOL: self.protocol.encode(), keys.METHOD: self.method.encode()}


class WrongForm(ProtocolError):
    """A method is called in the form of another kind."""


def find(server: Server, route: Route) -> tuple[Protocol, Method[Any, Any], Handler]:
    """The method that a path names, and its handler.

    Raises:
        RpcError: there is none; its kind says what is missing.
        WrongForm: it is a stream's and called as unary, or the reverse.
    """
    call = Call(route.metadata, server.server_id)
    call.method = route.method
    if route.method in (keys.TRANSPORT_OPTIONS, keys.RETIRED_DESCRIBE):
        raise MethodNotImplementedError(
            f"'{route.method}' is no method over HTTP. "
            "Protocol 'vgi_rpc.Reflection.v1' lists what there is: 'list_protocols' and 'describe'."
        )
    protocol, handlers = server.route(call)
    method = protocol.methods[route.method]
    if method.is_stream != bool(route.action):
        form = "a stream: POST to …/init" if method.is_stream else "no stream: POST without an action"
        raise WrongForm(f"method '{route.method}' of protocol '{route.protocol}' is {form}")
    return protocol, method, handlers[route.method]


def read_body(body: bytes, limits: Limits) -> Request:
    """The batch of a body, which has exactly one.

    Raises:
        ProtocolError: it has none, or several.
        MalformedMessage: it is no Arrow stream.
    """
    _, batches = read_ipc_stream(body, limits)
    if len(batches) > 1:
        raise ProtocolError(f"Expected 1 batch in the request, got {len(batches)}.")
    return Request(batches[0] if batches else None)


def read_call(
    protocol: Protocol, method: Method[Any, Any], route: Route, request: Request, limits: Limits
) -> tuple[Mapping[bytes, bytes], Any]:
    """The metadata and the parameters of a request that begins a call.

    Raises:
        RpcError: it is none, or meant for another path.
        TypeError: a parameter cannot be read.
    """
    name = method_name(request)
    if name != route.method:
        raise ProtocolError(f"The request names method {name[:100]!r}, but was sent to '{route.method}'.")
    named = request.metadata.get(keys.PROTOCOL)
    if named is not None and named != route.protocol.encode():
        raise ProtocolNotSupportedError(
            f"The request names protocol {named[:100].decode('utf-8', 'replace')!r}, "
            f"but was sent to '{route.protocol}'."
        )
    if protocol.version:
        check_version(request.metadata.get(keys.PROTOCOL_VERSION), protocol.version)
    assert request.batch is not None
    return request.metadata, read_params(method, request.batch.data, limits)


def answer_unary(
    server: Server,
    route: Route,
    body: bytes,
    caller: Identity,
    limit: int,
    outbox: Outbox | None = None,
    coding: str = "",
) -> Answer:
    """Answer a unary call.

    Args:
        server: answers it.
        route: what its path names.
        body: of the request.
        caller: who calls.
        limit: bytes of the answer that are taken.
        outbox: sends what is too large for it; None: nothing does.
        coding: of what is sent.

    Raises:
        RpcError: the request has not become a call.
        TypeError: likewise; a parameter cannot be read.
    """
    protocol, method, handler = find(server, route)
    metadata, params = read_call(protocol, method, route, read_body(body, server.limits), server.limits)
    call = Call(metadata, server.server_id, caller)
    call.method = route.method
    try:
        result = run_handler(handler, call, params)
        stream, sent = beside(outbox, answer_stream(method, call, result), limit, coding)
        answer = Answer(stream, call=call, uploads=uploads(sent))
        if answer.size > limit:
            raise too_large(answer.size, limit, route.method)
    except BaseException as error:
        return failure(call, method.result_schema, error)
    return answer
