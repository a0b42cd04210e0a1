"""Requests for pages (spec 02, section 18)."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from importlib import resources

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from ...client.connection import WorkerConnection
from .inventory import Inventory
from .reading import read_inventory
from .site import Site
from .wasm import FILES, THREAD

_STATIC = {
    "console.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "page.css": "text/css",
    "page.js": "text/javascript",
}

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

_SLASHES = re.compile("/{2,}")

_GZIP = re.compile(r"(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))\s*(?:[;,]|$)")

_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_POLICY = "default-src 'self'; {more}base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
_PAGE_POLICY = _POLICY.format(more="")
_CONSOLE_POLICY = _POLICY.format(more="script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; ")
_THREAD_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'none'"
"""For the engine's own thread: it may reach this origin alone, whatever a statement or an extension asks for."""

_MAX_NAME = 255

_WORTH_PACKING = 1024
"""Bytes."""

_Render = Callable[[Request, Site], str]


async def page(request: Request, site: Site) -> Response | None:
    """The answer to a GET or HEAD for a page or what belongs to one; None if the path is not one of ours.

    Args:
        request: whose caller has been admitted.
        site: the worker, as this caller.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    root = request.scope.get("root_path", "").rstrip("/")
    path = _SLASHES.sub("/", request.scope["path"].removeprefix(root))
    if not (path == site.prefix or path.startswith(f"{site.prefix}/")):
        return None
    rest = path[len(site.prefix) :] or "/"
    site = dataclasses.replace(site, prefix=root + site.prefix)
    if rest == "/":
        if wants_json(request):
            return _answer(request, site, json.dumps(status(site)).encode(), "application/json")
        return await _html(request, site, _index, _PAGE_POLICY)
    if rest == "/describe" and site.describe:
        return await _html(request, site, _describe, _PAGE_POLICY)
    if rest == "/console" and site.console:
        return await _html(request, site, _console, _CONSOLE_POLICY)
    if rest.startswith("/static/"):
        return _static(request, rest.removeprefix("/static/"))
    if rest.startswith("/wasm/") and site.console:
        return _engine_file(request, site, rest.removeprefix("/wasm/"))
    return None


def wants_json(request: Request) -> bool:
    """Whether the status is asked for rather than the page."""
    if request.query_params.get("format") == "json":
        return True
    accept = request.headers.get("accept", "").lower()
    return "application/json" in accept and "text/html" not in accept


def status(site: Site) -> Mapping[str, object]:
    """What other tools read of a worker (spec 02, section 18)."""
    return {
        "status": "ok",
        "server_id": site.server_id,
        "protocol": "vgi",
        "worker": site.worker,
        "doc": site.doc,
        "version": site.version,
        "lang": "python",
        "oauth": site.oauth,
    }


def origin_of(request: Request) -> str:
    """Scheme and authority of the request, for texts that say where the worker is; never a malformed ``Host``.

    ``X-Forwarded-Proto`` is believed of anybody, like ``Host``: it only changes what this one is shown.
    """
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    scheme = "https" if "https" in (request.scope.get("scheme"), forwarded) else "http"
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        name, port = request.scope.get("server") or ("localhost", None)
        host = f"[{name}]" if ":" in name else name
        host += f":{port}" if port else ""
    return f"{scheme}://{host}"


def _index(request: Request, site: Site) -> str:
    from .render import index_page

    return index_page(site, _inventory(request, site), origin_of(request))


def _describe(request: Request, site: Site) -> str:
    from .render import describe_page

    return describe_page(site, origin_of(request))


def _console(request: Request, site: Site) -> str:
    from .render import console_page

    return console_page(site, _inventory(request, site), origin_of(request), site.engine is not None)


def _inventory(request: Request, site: Site) -> Inventory:
    name = request.query_params.get("catalog", "")[:_MAX_NAME]
    version = request.query_params.get("data_version", "")[:_MAX_NAME]
    connection: WorkerConnection = site.connect()
    with connection:
        return read_inventory(connection, name or None, version)


async def _html(request: Request, site: Site, render: _Render, policy: str) -> Response:
    def answer() -> Response:
        body = render(request, site).encode("utf-8", "replace")
        return _answer(request, site, body, "text/html; charset=utf-8", policy)

    return await run_in_threadpool(answer)


def _answer(request: Request, site: Site, body: bytes, media_type: str, policy: str = "default-src 'none'") -> Response:
    cache = "private, no-cache" if site.private or site.signed_in else "no-cache"
    headers = {"Cache-Control": cache, "Content-Security-Policy": policy, "Vary": "Accept, Accept-Encoding"}
    return _validated(request, body, media_type, headers)


def _validated(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """The body, compressed where that is worth it, with a strong validator; or 304 if the client has it."""
    packed = len(body) > _WORTH_PACKING and _takes_gzip(request)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}{"-gzip" if packed else ""}"'
    headers = {**_SAFE, **headers, "ETag": etag}
    if _has(request, etag):
        return Response(status_code=304, headers=headers)
    if packed:
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    response = Response(body, headers={**headers, "Content-Type": media_type})
    if request.method == "HEAD":
        response.body = b""
    return response


def _takes_gzip(request: Request) -> bool:
    return _GZIP.search(request.headers.get("accept-encoding", "")) is not None


def _has(request: Request, etag: str) -> bool:
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return etag in known or known == ["*"]


def _static(request: Request, name: str) -> Response | None:
    if name not in _STATIC:
        return None
    media_type = _STATIC[name] + "; charset=utf-8"
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": "default-src 'none'",
        "Vary": "Accept-Encoding",
    }
    return _validated(request, _static_file(name), media_type, headers)


@functools.cache
def _static_file(name: str) -> bytes:
    return resources.files("duckwing.http.pages").joinpath("static", name).read_bytes()


def _engine_file(request: Request, site: Site, name: str) -> Response | None:
    """A file of the engine, compressed if it is there in this form and the browser takes it."""
    if site.engine is None or name not in FILES:
        return None
    file = site.engine / name
    headers = {**_SAFE, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    headers["Content-Security-Policy"] = _THREAD_POLICY if name == THREAD else "default-src 'none'"
    packed = file.with_name(f"{name}.gz")
    if packed.is_file() and _takes_gzip(request):
        file = packed
        headers["Content-Encoding"] = "gzip"
    try:
        found = file.stat()
    except OSError:  # it was removed while the worker runs
        return None
    headers["ETag"] = etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    if _has(request, etag):
        return Response(status_code=304, headers=headers)
    return FileResponse(file, headers=headers, media_type=FILES[name], stat_result=found)
