"""Batches of answers that travel beside them, through an object store (spec 02, section 11.1)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import cast

import pyarrow as pa

from ..client.http_objects import without_credentials
from ..errors import Error
from ..rpc import keys
from ..rpc.call import Call
from ..rpc.framing import EMPTY_SCHEMA, END_OF_STREAM, Batch, Buffer, batch_message, empty_batch
from .answers import Answer, ResponseTooLargeError, failure
from .compression import encode
from .objects import Offload

MAX_OBJECT_BYTES = 256 << 20
MAX_BATCH_BYTES = MAX_OBJECT_BYTES - (1 << 20)
"""Of what travels beside an answer: a batch, and with it its schema."""

URL_SECONDS = 3600
"""So long a client can get an object, or put one."""

SENDERS = 8
"""Objects that are sent at a time."""

_log = logging.getLogger(__name__)


class OffloadError(Error):
    """The object store does not do what is asked of it."""


@dataclass(frozen=True)
class Sent:
    """A batch on its way to the store.

    Attributes:
        pointer: the message that takes its place.
        size: bytes of its own message.
        done: when it has arrived, or an ``OffloadError``.
    """

    pointer: Buffer
    size: int
    done: Future[None]


class Outbox:
    """Sends batches to the store.

    Args:
        offload: which ones, and to which store.
    """

    def __init__(self, offload: Offload):
        self._store = offload.store
        self._above = offload.above
        self._threads = ThreadPoolExecutor(SENDERS, "duckwing-objects")

    def takes(self, size: int, room: int) -> bool:
        """Whether a message of so many bytes is sent, if the response has so much room."""
        return size > min(self._above, room)

    def send(self, schema: Buffer, message: Buffer, coding: str) -> Sent:
        """Begin to send a batch.

        Args:
            schema: the message of its schema.
            message: its own.
            coding: of the object; ``""``: none.

        Raises:
            ResponseTooLargeError: it is larger than all that is taken.
            Exception: of the store.
        """
        size = memoryview(message).nbytes
        if size > MAX_BATCH_BYTES:
            raise ResponseTooLargeError(f"a batch has {size} bytes; at most {MAX_BATCH_BYTES} go to the object store")
        parts = [memoryview(schema).cast("B"), memoryview(message).cast("B"), memoryview(END_OF_STREAM)]
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        name = secrets.token_hex(24)
        metadata = {
            keys.LOCATION: self._store.download_url(name, URL_SECONDS).encode(),
            keys.LOCATION_SHA256: digest.hexdigest().encode(),
        }
        pointer = batch_message(Batch(empty_batch(pa.ipc.read_schema(pa.py_buffer(schema))), metadata))
        return Sent(pointer, size, self._threads.submit(self._put, name, parts, coding))

    def _put(self, name: str, parts: list[memoryview], coding: str) -> None:
        try:
            self._store.put(name, encode(cast("list[bytes]", parts), coding) if coding else b"".join(parts), coding)
        except Exception as error:
            told = without_credentials(f"{type(error).__name__}: {error}")
            _log.error("the object store did not take an object of %d bytes: %s", sum(map(len, parts)), told)
            raise OffloadError(
                f"the worker's object store did not take an answer of {sum(map(len, parts))} bytes "
                f"({type(error).__name__}); the worker's log says more"
            ) from None

    def close(self) -> None:
        """Send nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def beside(
    outbox: Outbox | None, body: Sequence[Buffer], limit: int, coding: str
) -> tuple[Sequence[Buffer], Sequence[Sent]]:
    """An IPC stream of one batch, behind any log messages; the batch may travel beside it.

    Args:
        outbox: sends it; None: there is none.
        body: the stream's messages, from the schema to the end.
        limit: bytes that it may have.
        coding: of the object.
    """
    message = body[-2]
    rest = sum(memoryview(part).nbytes for part in body) - memoryview(message).nbytes
    if outbox is None or not outbox.takes(memoryview(message).nbytes, limit - rest):
        return body, []
    sent = outbox.send(body[0], message, coding)
    return [*body[:-2], sent.pointer, body[-1]], [sent]


async def settled(answer: Answer) -> Answer:
    """``answer``, once all that it points to is there."""
    try:
        for upload in answer.uploads:
            # An answer that is asked for again waits for the same object.
            await asyncio.shield(asyncio.wrap_future(upload))
    except OffloadError as error:
        return replace(failure(answer.call or Call({}, ""), EMPTY_SCHEMA, error), function=answer.function)
    return answer


def uploads(sent: Sequence[Sent]) -> tuple[Future[None], ...]:
    """When all of them have arrived."""
    return tuple(each.done for each in sent)
