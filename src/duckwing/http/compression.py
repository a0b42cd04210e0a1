"""How bodies are compressed (spec 02, section 6)."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence

import zstandard

from ..errors import Error

CODECS = ("zstd", "gzip")
"""In the order in which clients should prefer them."""

_PIECE = 1 << 20


class UnknownCoding(Error):
    """A body is compressed in a way that is not understood here."""


class Undecodable(Error):
    """A body is not what its coding says."""


class TooLarge(Error):
    """A body is larger than is accepted."""


def decode(body: bytes, coding: str | None, limit: int, codecs: Sequence[str] = CODECS) -> bytes:
    """The plain form of a request's body.

    Args:
        body: as it came.
        coding: the value of ``Content-Encoding``.
        limit: more bytes than these are not made of it.
        codecs: which may be used.

    Raises:
        UnknownCoding: there is no such coding.
        Undecodable: it is none of that coding.
        TooLarge: its plain form is larger.
    """
    coding = (coding or "identity").strip().lower()
    if coding == "identity":
        if len(body) > limit:
            raise TooLarge(f"the body has {len(body)} bytes; at most {limit} are accepted")
        return body
    if coding not in codecs:
        usable = f"use one of {', '.join(codecs)}" if codecs else "send it as it is"
        raise UnknownCoding(f"Content-Encoding {coding[:40]!r} is not supported; {usable}")
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in _unzstd(body, limit) if coding == "zstd" else _gunzip(body):
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the body has more than {limit} bytes after decompression")
            pieces.append(piece)
    except (zstandard.ZstdError, zlib.error, EOFError, OSError) as error:
        raise Undecodable(f"the body is no {coding}: {error}") from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _unzstd(body: bytes, limit: int) -> Iterator[bytes]:
    parameters = zstandard.get_frame_parameters(body)
    size = parameters.content_size
    if 0 < size <= min(limit, 64 * len(body) + _PIECE):  # so large may be allocated before it is believed
        yield zstandard.ZstdDecompressor().decompress(body, max_output_size=size, allow_extra_data=False)
        return
    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    with decoder.stream_reader(body, read_across_frames=False) as reader:
        while piece := reader.read(_PIECE):
            yield piece
    # Of other bodies that are cut off, what is there is decoded; nobody takes it for a whole Arrow stream.
    if zstandard.frame_header_size(body) >= len(body):
        raise EOFError("it is cut off")


def _gunzip(body: bytes) -> Iterator[bytes]:
    if not body:  # which would be read as no member at all
        raise EOFError("it is empty")
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as reader:
        while piece := reader.read(_PIECE):
            yield piece


def chosen_coding(custom: str | None, standard: str | None, codecs: Sequence[str] = CODECS) -> tuple[str, str] | None:
    """The coding of a response and the header that names it; None: it travels as it is.

    Args:
        custom: the request's ``X-VGI-Accept-Encoding``.
        standard: its ``Accept-Encoding``.
        codecs: which may be used.
    """
    offered = _tokens(standard)
    for token in [*_tokens(custom), *offered]:
        if token == "identity":
            return None
        if token in codecs:
            # A browser undoes the standard header before the client sees the body (spec 02, section 6.2).
            return token, "Content-Encoding" if token in offered else "X-VGI-Content-Encoding"
    return None


def _tokens(header: str | None) -> list[str]:
    if not header:
        return []
    return [token.partition(";")[0].strip().lower() for token in header[:1000].split(",")]


def encode(buffers: Sequence[bytes], coding: str) -> bytes:
    """A compressed body."""
    if coding == "zstd":
        size = sum(len(buffer) for buffer in buffers)
        zstd = zstandard.ZstdCompressor(level=1).compressobj(size=size)
        return b"".join([*map(zstd.compress, buffers), zstd.flush()])
    plain = zlib.compressobj(1, wbits=31)  # a header of 10 bytes without names, which is all that the client reads
    return b"".join([*map(plain.compress, buffers), plain.flush()])
