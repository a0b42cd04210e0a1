"""Scans in parts: the plan, and the tokens by which any process reads a part (spec 05, section 8).

A token is sealed under the key of the user whose processes serve, for the bind and the caller that it
was made for; so a client can neither read nor change what it names, and another caller cannot use it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..catalog.declared import DECLARED_VERSION
from ..errors import ArgumentError, StateError
from ..protocol.calls import BindRequest
from ..protocol.scans import PlanResponse, ScanSplit
from ..rpc.call import ANONYMOUS
from ..rpc.codec import decode
from ..state.seal import seal, unseal
from ..state.values import load_value
from .attachment import identity_of
from .binding import bind_function
from .describe import UNLIMITED_WORKERS
from .pushdown import read_scan

if TYPE_CHECKING:
    from ..functions.table import BoundTable
    from ..protocol.scans import PlanRequest
    from ..rpc.call import Call
    from ..scans.splits import PlannedSplit
    from . import Service

PAGE = 10_000
"""Splits in one answer, unless the client wants fewer."""

_FORMAT = 1
_SEALED = 1
_HEADER = struct.Struct("<BBH16sq")
"""Format, flags, length of the anchor, fingerprint of the bind, anchor: the catalog's version (spec 05, 8.3)."""

_CONTENT = struct.Struct("<qq")
"""Place of the split in the plan; when the token was made, in seconds."""

_CURSOR = struct.Struct("<q16s")
"""Place of the first split of a page; the id of the plan."""


def table_function_plan(service: Service, call: Call, request: PlanRequest) -> PlanResponse:
    """The parts of a scan, or a page of them."""
    bind_call = decode(BindRequest, request.bind_call)
    bound = bind_function(service, call, bind_call)
    if getattr(bound.function, "form", None) != "splits":
        raise ArgumentError(f"function '{bind_call.function_name}' has no splits")
    columns, _ = bound.output()  # a plan, unlike a scan, does not bring them
    scan = read_scan(request, columns)
    bound = dataclasses.replace(bound, context=bound.context.of_scan(scan, request.bind_opaque_data))
    header = _header(bind_call)
    start, plan = _read_cursor(request.cursor, header)
    size = max(1, min(request.max_splits_per_response or PAGE, PAGE))
    page: list[ScanSplit] = []
    more = False
    for split in bound.plan(start):
        if len(page) == size:
            more = True
            break
        page.append(_scan_split(split, header, _context(header, bind_call, call)))
    return PlanResponse(
        splits=tuple(page),
        next_cursors=(seal(_CURSOR.pack(start + size, plan), header),) if more else (),
        init_opaque_data=plan,  # makes the execution ids of all splits begin alike
        max_workers=UNLIMITED_WORKERS,  # without it, the client reads with one thread
        catalog_version=DECLARED_VERSION,
        scope="catalog",
    )


def redeem(bound: BoundTable, call: Call, bind_call: BindRequest, tokens: Sequence[bytes]) -> Iterator[tuple[int, Any]]:
    """The places and values of the splits that ``tokens`` mean. All are checked before the first is given.

    Raises:
        ArgumentError: one is not ours, was made for something else, or is too old.
    """
    header = _header(bind_call)
    ttl = bound.function.split_ttl
    context = _context(header, bind_call, call)
    return iter([_open(token, header, context, ttl) for token in tokens])


def _header(bind_call: BindRequest) -> bytes:
    """What every token of a bind begins with."""
    digest = hashlib.sha256(b"vgi.split_token.v1\0")
    for label, value in (
        ("schema_path", json.dumps(list(bind_call.schema_path or ()), separators=(",", ":")).encode()),
        ("function_name", bind_call.function_name.encode()),
        ("arguments", bind_call.arguments),
        ("settings", bind_call.settings or b""),
        ("projection_ids", b""),
    ):
        digest.update(label.encode() + b"\0" + value + b"\0")
    return _HEADER.pack(_FORMAT, _SEALED, 8, digest.digest()[:16], DECLARED_VERSION)


def _scan_split(planned: PlannedSplit, header: bytes, context: bytes) -> ScanSplit:
    content = _CONTENT.pack(planned.ordinal, int(time.time())) + planned.payload
    split = planned.split
    return ScanSplit(
        token=header + seal(content, context),
        estimated_rows=split.rows,
        rows_exact=split.exact and split.rows is not None,
        estimated_bytes=split.bytes,
    )


def _open(token: bytes, expected: bytes, context: bytes, ttl: int | None) -> tuple[int, Any]:
    if len(token) < _HEADER.size:
        raise ArgumentError("[SPLIT_TOKEN_INVALID] a split token is cut off")
    header, sealed = token[: _HEADER.size], token[_HEADER.size :]
    if header[:4] != expected[:4]:
        raise ArgumentError("[SPLIT_TOKEN_INVALID] a split token was not made by this worker")
    if header[4:20] != expected[4:20]:
        raise ArgumentError("[SPLIT_TOKEN_INVALID] a split token belongs to another call")
    if header[20:] != expected[20:]:
        raise ArgumentError("[SPLIT_SNAPSHOT_EXPIRED] split snapshot expired; re-run the query")
    try:
        content = unseal(sealed, context)
    except StateError:
        raise ArgumentError("[SPLIT_TOKEN_INVALID] a split token was changed, or made for another caller") from None
    ordinal, made = _CONTENT.unpack_from(content)
    if ttl is not None and time.time() - made > ttl:
        raise ArgumentError(f"[SPLIT_SNAPSHOT_EXPIRED] a split token is older than {ttl} s; re-run the query")
    return ordinal, load_value(content[_CONTENT.size :])


def _context(header: bytes, bind_call: BindRequest, call: Call) -> bytes:
    """What a token is sealed for: the bind, the catalog with its options and version, the caller."""
    bound = header + identity_of(bind_call.attach_opaque_data)
    # A name that nobody vouches for is none (spec 07).
    return bound + (call.caller if call.caller.authenticated else ANONYMOUS).context


def _read_cursor(cursor: bytes | None, header: bytes) -> tuple[int, bytes]:
    if cursor is None:
        return 0, os.urandom(16)
    try:
        start, plan = _CURSOR.unpack(unseal(cursor, header))
    except (StateError, struct.error):
        raise ArgumentError("[SPLIT_TOKEN_INVALID] the cursor of a plan belongs to another call") from None
    return start, plan
