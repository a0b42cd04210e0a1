"""The ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from . import headers as names
from .cursors import Cursors
from .exchange import Exchange, Running
from .lanes import Lanes
from .pointers import MAX_OBJECT_BYTES, Outbox
from .settings import Served, Settings
from .signing_in import SigningIn
from .streams import Streams
from .telemetry import telemetry
from .tokens import Sealer
from .uploads import MAX_UPLOAD_BYTES, Uploads

if TYPE_CHECKING:
    from .metrics import Metrics

STOP_SECONDS = 10.0
"""How long what an author's hooks do at the end may take."""


class Application:
    """A worker as an ASGI application, to be run by any server or mounted in another application.

    Args:
        served: what is served.
        settings: how.

    Attributes:
        settings: as above.
    """

    def __init__(self, served: Served, settings: Settings):
        self.settings = settings
        self._lanes = Lanes(served.make_server, settings.threads)
        sealer = Sealer(settings.keys)
        offload = settings.offload
        outbox = Outbox(offload) if offload is not None else None
        self._streams = Streams(self._lanes, Cursors(sealer), settings.max_stream_bytes, outbox, settings.backend)
        metrics: Metrics | None = None
        if settings.metrics:
            from .metrics import Metrics

            metrics = Metrics(lambda: self._lanes.load)
        self._running = Running(
            served,
            settings,
            served.make_server(),
            self._lanes,
            self._streams,
            SigningIn(settings, sealer),
            _capabilities(settings),
            metrics,
            telemetry(),
            outbox,
            Uploads(offload.store, sealer) if offload is not None else None,
        )
        self._tending: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request, or the server's start and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._start()
            await Exchange(self._running, scope, receive, send).run()
        else:
            raise NotImplementedError(f"a worker serves HTTP, not {scope['type']}")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _start(self) -> None:
        # Not every server tells a mounted application that it starts; then the first request does.
        if self._tending is None:
            self._tending = asyncio.create_task(self._streams.tend())
            await self._streams.start()

    def close(self) -> None:
        """End what only this process can go on with, and let the author's hooks clean up."""
        if self._tending is not None:
            self._tending.cancel()
            self._tending = None
        self._streams.close()
        try:
            self._lanes.free().submit(lambda server: self._running.served.stop()).result(STOP_SECONDS)
        except TimeoutError:
            logging.getLogger(__name__).warning("a function is still running; the worker ends without its hooks")
        self._lanes.close()
        for room in (self._running.outbox, self._running.uploads):
            if room is not None:
                room.close()


def _capabilities(settings: Settings) -> list[tuple[bytes, bytes]]:
    """Headers of every response (spec 02, section 4.2)."""
    fixed: Mapping[str, Any] = {
        names.ACCEPTED_SUPPORT: "true",
        names.SUPPORTED_ENCODINGS: ", ".join(settings.codecs),
        names.EXTERNALIZATION: "false" if settings.offload is None else "true",
        **({names.MAX_REQUEST_BYTES: str(settings.max_request_bytes)} if settings.max_request_bytes else {}),
    }
    if settings.offload is not None:
        fixed = {
            **fixed,
            names.MAX_EXTERNALIZED_BYTES: str(MAX_OBJECT_BYTES),
            names.UPLOAD_URLS: "true",
            names.MAX_UPLOAD_BYTES: str(MAX_UPLOAD_BYTES),
        }
    return [(name.encode(), value.encode()) for name, value in fixed.items()]
