"""A small object store that notes every request, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = b"of the store"


@dataclass(frozen=True)
class Request:
    """A request to the store."""

    method: str
    name: str
    headers: Mapping[str, str]


class Objects:
    """An ``ObjectStore`` behind a real HTTP server on loopback, whose URLs are signed.

    Attributes:
        stored: bytes and coding of objects, by name.
        requests: all that have come over HTTP.
        fault: answers a request in its own way; None: the store does.
        refuses: ``put`` raises it.
    """

    def __init__(self) -> None:
        self.stored: dict[str, tuple[bytes, str]] = {}
        self.requests: list[Request] = []
        self.fault: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.refuses: Exception | None = None
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                store._serve(self)

            do_PUT = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="test objects")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, name: str, data: bytes, coding: str) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.stored[name] = (data, coding)

    def download_url(self, name: str, seconds: int) -> str:
        return self._signed("GET", name, seconds)

    def upload_url(self, name: str, seconds: int) -> str:
        return self._signed("PUT", name, seconds)

    def gets(self) -> list[str]:
        """Names of the objects that were got."""
        return [request.name for request in self.requests if request.method == "GET"]

    def _signed(self, method: str, name: str, seconds: int) -> str:
        return f"{self.url}/objects/{name}?seconds={seconds}&signature={_signature(method, name)}"

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        name = parts.path.rpartition("/")[2]
        self.requests.append(Request(handler.command, name, dict(handler.headers.items())))
        if self.fault is not None:
            self.fault(handler)
            return
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        signature = parse_qs(parts.query).get("signature", [""])[0]
        if not hmac.compare_digest(signature, _signature(handler.command, name)):
            reply(handler, 403)
        elif handler.command == "PUT":
            self.stored[name] = (body, handler.headers.get("Content-Encoding", ""))
            reply(handler, 200)
        elif name not in self.stored:
            reply(handler, 404)
        else:
            data, coding = self.stored[name]
            reply(handler, 200, data, **({"Content-Encoding": coding} if coding else {}))

    def __enter__(self) -> Objects:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Send a response; ``headers`` are as they are named on the wire."""
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _signature(method: str, name: str) -> str:
    return hmac.new(SECRET, f"{method} {name}".encode(), hashlib.sha256).hexdigest()
