"""How bodies are compressed over HTTP (spec 02, section 6)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from ..rpc.errors import MalformedMessage

_PIECE = 1 << 20
_WINDOW = 1 << 27
"""Bytes of memory that a zstd frame may ask for, as its own command line takes them at most by default."""


class TooLargeError(Exception):
    """A body has more bytes than are accepted."""


def codecs() -> tuple[str, ...]:
    """What this Python can compress and decompress, the better one first."""
    try:
        import zstandard  # noqa: F401
    except ImportError:  # it comes with the extra "http"
        return ("gzip",)
    return ("zstd", "gzip")


def compress(body: bytes, codec: str) -> bytes:
    """A compressed body; ``codec`` is one of :func:`codecs`."""
    if codec == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(level=1).compress(body)
    gzip = zlib.compressobj(1, wbits=31)
    return gzip.compress(body) + gzip.flush()


def decompress(body: bytes, codec: str, limit: int) -> bytes:
    """The plain form of a body.

    Args:
        body: as it came.
        codec: what its header says; ``"identity"`` is plain.
        limit: more bytes than these are not made of it.

    Raises:
        MalformedMessage: it is none of that codec, or is cut off, or there is no such codec.
        TooLargeError: its plain form is larger.
    """
    if codec == "identity":
        return body
    if codec not in codecs():
        raise MalformedMessage(f"the answer is compressed with {codec[:40]!r}, which was not asked for")
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _unzstd(body, limit) if codec == "zstd" else _gunzip(body):
            size += len(piece)
            if size > limit:
                raise TooLargeError
            pieces.append(piece)
    except (zlib.error, EOFError) as error:
        raise MalformedMessage(f"the answer is no {codec}: {error}") from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _unzstd(body: bytes, limit: int) -> Iterator[bytes]:
    import zstandard

    try:
        size = zstandard.get_frame_parameters(body).content_size
        if 0 < size <= min(limit, 64 * len(body) + _PIECE):  # so large may be allocated before it is believed
            yield zstandard.ZstdDecompressor().decompress(body, max_output_size=size, allow_extra_data=False)
            return
        decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        # Pieces of the input are small, since each may become very large.
        for start in range(0, len(body), _PIECE >> 8):
            if piece := decoder.decompress(body[start : start + (_PIECE >> 8)]):
                yield piece
        if not decoder.eof or decoder.unused_data:
            raise EOFError("it has another length than it says")
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from None


def _gunzip(body: bytes) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=31)
    while body and not decoder.eof:
        if piece := decoder.decompress(body, _PIECE):
            yield piece
        body = decoder.unconsumed_tail
    if piece := decoder.flush():
        yield piece
    if not decoder.eof or decoder.unused_data:
        raise EOFError("it has another length than it says")
