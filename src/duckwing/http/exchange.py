"""One request, from its head to its answer (spec 02, section 5)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from ..client.http_objects import FetchError
from ..rpc.call import ANONYMOUS, Identity
from ..rpc.errors import ProtocolNotSpecifiedError, RpcError
from ..rpc.framing import Buffer
from ..rpc.method import is_protocol_name
from ..rpc.server import Server
from . import headers as names
from .access import Access, request_id
from .answers import Answer, refusal
from .authentication import Presented, well_known_path
from .authentication import refusal as refused_caller
from .calls import Route, WrongForm, answer_unary, find
from .compression import TooLarge, Undecodable, UnknownCoding, chosen_coding, decode, encode
from .lanes import Lanes, session_in
from .pointers import OffloadError, settled
from .settings import MAX_DECODED_BYTES, MAX_WAITING, Served, Settings
from .signing_in import SigningIn
from .streams import Streams
from .telemetry import Telemetry
from .tokens import InvalidToken
from .uploads import MAX_OFFER_BYTES
from .uploads import PATH as UPLOAD_PATH

if TYPE_CHECKING:
    from .metrics import Metrics
    from .pointers import Outbox
    from .uploads import Uploads

BODY_SECONDS = 60.0
SLOWEST = 16 << 10
"""Within so many seconds a request's body must come, and longer ones at so many bytes a second."""

_INLINE_BYTES = 1 << 16
"""Smaller bodies are compressed and read in the event loop's thread: a change of threads would cost more."""

_log = logging.getLogger(__name__)


class ClientGone(Exception):
    """The client has left before its request was complete."""


@dataclass(frozen=True)
class Running:
    """An application as its requests see it.

    Attributes:
        served: what is served.
        settings: how.
        router: tells what there is, without a lane.
        lanes: where authors' code runs.
        streams: the open ones.
        signing_in: where people sign in.
        fixed: headers of every response.
        metrics: counts requests; None: nobody wants to know.
        telemetry: makes spans of calls; None: likewise.
        outbox: sends what travels beside answers; None: nothing does.
        uploads: what travels beside requests; None: likewise.
    """

    served: Served
    settings: Settings
    router: Server
    lanes: Lanes
    streams: Streams
    signing_in: SigningIn
    fixed: Sequence[tuple[bytes, bytes]]
    metrics: Metrics | None
    telemetry: Telemetry | None
    outbox: Outbox | None
    uploads: Uploads | None


class Exchange:
    """One request and its answer.

    Args:
        running: the application.
        scope: of the request, as the following.
        receive: gives its body.
        send: takes the answer.
    """

    def __init__(self, running: Running, scope: Scope, receive: Receive, send: Send):
        self._app = running
        self._settings = running.settings
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = Headers(scope=scope)
        given = names.usable_request_id(self._headers.get("x-request-id"))
        self._access = Access(given or os.urandom(8).hex(), scope["method"], scope["path"][:200])
        self._disconnected = self._own_cors = self._dispatched = False

    async def run(self) -> None:
        """Answer the request, whatever happens."""
        request_id.set(self._access.id)
        telemetry = self._app.telemetry
        if telemetry is not None and self._scope["method"] == "POST" and telemetry.is_wanted(self._headers):
            with telemetry.call(self._access, self._headers):
                await self._run()
        else:
            await self._run()

    async def _run(self) -> None:
        try:
            answer = await self._answer()
            if isinstance(answer, Answer):
                await self._send_answer(answer)
            else:
                await self._send_response(answer)
        except ClientGone:
            self._access.status = 499
        except Exception as error:
            _log.exception("request %s failed", self._access.id)
            with contextlib.suppress(Exception):
                if self._dispatched:  # for 500 the client would make the call again
                    await self._send_answer(refusal(error, 200, self._app.router.server_id))
                else:
                    await self._send_response(_text("internal error; the worker's log says more", 500))
        finally:
            self._access.write()
            if self._app.metrics is not None:
                self._app.metrics.count(self._access)

    # Who asks for what

    async def _answer(self) -> Answer | Response:
        method, path = self._scope["method"], self._path()
        resource = self._settings.resource
        prefix = self._settings.prefix
        signing_in = self._app.signing_in
        if path == signing_in.token_path:
            exchanged = await signing_in.exchange(Request(self._scope, self._receive))
            if exchanged is not None:
                self._own_cors = True
                return exchanged
        if path == f"{prefix}/health" and method in ("GET", "HEAD"):
            return JSONResponse(
                {"status": "ok", "server_id": self._app.router.server_id, "protocol": self._app.served.protocol}
            )
        if resource is not None and path == well_known_path(prefix):
            return resource.response() if method in ("GET", "HEAD") else _text("method not allowed", 405)
        if method == "OPTIONS":
            return self._options()
        if method in ("GET", "HEAD"):
            return await self._page(path)
        if method != "POST":
            return _text("method not allowed", 405)
        caller = await self._caller()
        if isinstance(caller, Response):
            return caller
        self._access.principal = caller.principal
        try:
            accepted = names.accepted_bytes(self._headers.get(names.ACCEPTED_RESPONSE_BYTES))
        except ValueError as error:
            return refusal(error, 400, self._app.router.server_id)
        return await self._call(path, caller, accepted or names.MAX_RESPONSE_BYTES)

    def _path(self) -> str:
        """The path as it was sent: an escape in it could pretend to be another one."""
        raw: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0]
        root = self._scope.get("root_path", "")
        if root and path.startswith(root):
            path = path[len(root) :]
        while "//" in path:
            path = path.replace("//", "/")
        return path

    def _options(self) -> Response:
        try:
            names.accepted_bytes(self._headers.get(names.ACCEPTED_RESPONSE_BYTES))
        except ValueError as error:
            return _text(str(error), 400)
        response = Response(status_code=204)
        for name, value in self._settings.cors.preflight(self._headers.get("access-control-request-headers")):
            response.headers[name] = value
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    async def _page(self, path: str) -> Response:
        request = Request(self._scope, self._receive)
        signing_in = self._app.signing_in
        answer = await signing_in.page(request, path)
        if answer is not None:
            return answer
        caller = await self._caller(request)
        if isinstance(caller, Response):
            return caller
        self._access.principal = caller.principal
        if self._app.metrics is not None and path == f"{self._settings.prefix}/metrics":
            return self._app.metrics.response()
        if self._settings.pages:
            from .pages.memory import connect_to
            from .pages.routes import page
            from .pages.site import Site
            from .pages.wasm import engine_folder

            served = self._app.served
            site = Site(
                worker=served.name,
                server_id=self._app.router.server_id,
                version=served.version,
                connect=lambda: connect_to(lambda: session_in(self._app.lanes.free(), caller)),
                prefix=self._settings.prefix,
                doc=served.doc,
                oauth=signing_in.is_offered,
                signed_in=caller.principal,
                private=self._settings.authenticate is not None,
                engine=engine_folder(),
            )
            found = await page(request, site)
            if found is not None:
                return found
        return _text("there is nothing here", 404)

    async def _caller(self, page: Request | None = None) -> Identity | Response:
        """Who calls, or the answer to somebody who may not.

        Args:
            page: the request, if a person may have made it.
        """
        authenticate = self._settings.authenticate
        if authenticate is None:
            return ANONYMOUS
        client = self._scope.get("client")
        presented = Presented(self._headers, client[0] if client else None, self._scope["path"])
        try:
            return await asyncio.to_thread(authenticate, presented)
        except Exception as error:
            invitation = await self._app.signing_in.invitation(page, error) if page is not None else None
            return invitation or refused_caller(error, self._settings.resource, self._settings.prefix)

    # Calls

    async def _call(self, path: str, caller: Identity, limit: int) -> Answer | Response:
        server_id = self._app.router.server_id
        uploads = self._app.uploads
        if uploads is not None and path == self._settings.prefix + UPLOAD_PATH:
            self._access.method = "__upload_url__"
            asked = await self._body(MAX_OFFER_BYTES)
            if isinstance(asked, Response):
                return asked
            try:
                return await uploads.offer(asked, caller)
            except (RpcError, OffloadError) as error:
                return refusal(error, 400, server_id)
        try:
            route = _route(path, self._settings.prefix)
            if route is None:
                return _text("there is nothing here", 404)
            self._access.protocol, self._access.method = route.protocol, route.method
            find(self._app.router, route)
        except WrongForm as error:
            return refusal(error, 400, server_id)
        except RpcError as error:
            return refusal(error, 404, server_id)
        body = await self._body(self._settings.max_request_bytes or MAX_DECODED_BYTES)
        if isinstance(body, Response):
            return body
        try:
            if uploads is not None:
                body = await uploads.resolve(body, caller)
            self._dispatched = True
            return await settled(await self._dispatch(route, body, caller, limit))
        except FetchError as error:
            if error.passing:
                return _text(f"the request cannot be fetched: {error}", 503, {"Retry-After": "1"})
            return refusal(error, 400, server_id, body)
        except (RpcError, OffloadError, InvalidToken, TypeError) as error:
            return refusal(error, 400, server_id, body)

    async def _dispatch(self, route: Route, body: bytes, caller: Identity, limit: int) -> Answer:
        coding = "" if self._app.outbox is None else self._object_coding()
        if route.action == "init":
            return await self._app.streams.open(route, body, caller, limit, coding)
        if route.action:
            return await self._app.streams.go_on(route, body, caller, limit)
        lane = self._app.lanes.free()
        outbox = self._app.outbox
        return await lane.run(lambda server: answer_unary(server, route, body, caller, limit, outbox, coding))

    async def _body(self, limit: int) -> bytes | Response:
        """The body of a request of the RPC, or the refusal of one."""
        if names.ARROW not in self._headers.get("content-type", ""):
            return _text(f"expected Content-Type: {names.ARROW}", 415)
        if self._app.lanes.load > MAX_WAITING:
            return _text("too many calls wait; try again", 503, {"Retry-After": "1"})
        try:
            return await self._read_body(limit)
        except TooLarge as error:
            return _text(str(error), 413)
        except UnknownCoding as error:
            return _text(str(error), 415)
        except Undecodable as error:
            return _text(str(error), 400)

    async def _read_body(self, limit: int) -> bytes:
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            raise TooLarge(f"the body has {int(length)} bytes; at most {limit} are accepted")
        pieces: list[bytes] = []
        size = 0
        began = time.monotonic()
        while True:
            left = began + BODY_SECONDS + size / SLOWEST - time.monotonic()
            try:
                async with asyncio.timeout(max(left, 0.001)):
                    message = await self._receive()
            except TimeoutError:
                raise ClientGone from None
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the body has more than {limit} bytes")
            pieces.append(piece)
            if not message.get("more_body"):
                break
        self._access.request_bytes = size
        coding = self._headers.get("content-encoding")
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if coding is not None and size > _INLINE_BYTES:
            return await asyncio.to_thread(decode, body, coding, limit, self._settings.codecs)
        return decode(body, coding, limit, self._settings.codecs)

    # Answers

    async def _send_answer(self, answer: Answer) -> None:
        self._access.failed, self._access.rows = answer.failed, answer.rows
        self._access.cancelled = answer.cancelled
        self._access.function = answer.function or (answer.call.subject if answer.call is not None else "")
        response_headers = [("content-type", names.ARROW)]
        if answer.failed:
            response_headers.append((names.RPC_ERROR, "true"))
        body: Sequence[Buffer] | bytes = answer.body
        coding = self._coding()
        if coding is not None:
            buffers = [_bytes(buffer) for buffer in answer.body]
            if answer.size > _INLINE_BYTES:
                body = await asyncio.to_thread(encode, buffers, coding[0])
            else:
                body = encode(buffers, coding[0])
            response_headers.append((coding[1], coding[0]))
        whole = body if isinstance(body, bytes) else b"".join(map(_bytes, body))
        call = answer.call
        if call is not None and call.awaits_answer and await self._is_gone():
            await asyncio.to_thread(call.lost)
        await self._write(answer.status, response_headers, whole)
        if call is not None and call.awaits_answer:
            # In a thread: where several machines share the state, a server is told.
            await asyncio.to_thread(call.lost if self._disconnected else call.answered)

    def _coding(self) -> tuple[str, str] | None:
        compression = self._settings.compression
        if compression == "off" or (compression == "auto" and self._is_local()):
            return None
        return self._chosen_coding()

    def _object_coding(self) -> str:
        """The coding of objects that the answer points to; they have one header for all clients."""
        if self._settings.compression == "off":
            return ""
        coding, header = self._chosen_coding() or ("", "")
        return coding if header == "Content-Encoding" else ""

    def _chosen_coding(self) -> tuple[str, str] | None:
        asked, offered = self._headers.get("x-vgi-accept-encoding"), self._headers.get("accept-encoding")
        return chosen_coding(asked, offered, self._settings.codecs)

    def _is_local(self) -> bool:
        """Whether the client is on this machine: between its processes, compression only costs time."""
        client = self._scope.get("client")
        if any(name in self._headers for name in ("forwarded", "x-forwarded-for", "via")):
            return False
        return client is not None and _is_loopback(client[0])

    async def _send_response(self, response: Response) -> None:
        self._access.failed = response.status_code >= 400
        await response(self._scope, self._receive, self._send_with_headers)

    async def _send_with_headers(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._access.status = message["status"]
            message["headers"] = [*message["headers"], *self._common()]
        else:
            self._access.response_bytes += len(message.get("body", b""))
        await self._send(message)

    async def _write(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers]
        raw.append((b"content-length", b"%d" % len(body)))
        await self._send_with_headers({"type": "http.response.start", "status": status, "headers": raw})
        await self._send_with_headers({"type": "http.response.body", "body": body})

    def _common(self) -> list[tuple[bytes, bytes]]:
        cors = [] if self._own_cors else self._settings.cors.headers(self._headers.get("origin"))
        return [
            *self._app.fixed,
            (names.REQUEST_ID.encode(), self._access.id.encode()),
            *((name.encode(), value.encode()) for name, value in cors),
        ]

    async def _is_gone(self) -> bool:
        """Whether the client has left before it got its answer."""
        waiting = asyncio.ensure_future(self._receive())
        await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
            return False
        self._disconnected = waiting.result()["type"] == "http.disconnect"
        return self._disconnected


def _route(path: str, prefix: str) -> Route | None:
    """What a path names; None if it is no path of the RPC.

    Raises:
        ProtocolNotSpecifiedError: its first part cannot be a protocol.
    """
    if not path.startswith(f"{prefix}/"):
        return None
    parts = path[len(prefix) + 1 :].split("/")
    if len(parts) == 1 and parts[0] == "__describe__":
        return Route("vgi_rpc.Reflection.v1", "__describe__")
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2] not in ("init", "exchange")):
        return None
    if not is_protocol_name(parts[0]):
        raise ProtocolNotSpecifiedError("The first part of the path is no name of a protocol.")
    return Route(parts[0], parts[1], parts[2] if len(parts) == 3 else "")


@functools.lru_cache(maxsize=256)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bytes(buffer: Buffer) -> bytes:
    """``buffer`` as what joins and compressors read; nothing is copied."""
    return cast(bytes, memoryview(buffer))


def _text(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(message + "\n", status, headers=dict(headers or {}))
