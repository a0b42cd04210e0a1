"""Bodies plain, compressed, and made to harm (spec 02, section 6)."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from duckwing.http.compression import CODECS, TooLarge, Undecodable, UnknownCoding, chosen_coding, decode, encode
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc.method import NoParams

from .serving import Browserless, call_body, open_scan, peak, serving
from .workers.served import served

CATALOGS = "/vgi.v2/catalog_catalogs"
BODY = call_body(CATALOG_CATALOGS, NoParams())
EXTENSION = {"X-VGI-Accept-Encoding": "zstd, gzip", "Accept-Encoding": "deflate, gzip, br, zstd"}
MIB = 1 << 20


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def zstd_of_unknown_size(data: bytes) -> bytes:
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return compressor.compress(data) + compressor.flush()


def gzip_with_a_name(data: bytes) -> bytes:
    sink = io.BytesIO()
    with gzip.GzipFile("a name", "wb", fileobj=sink) as file:
        file.write(data)
    return sink.getvalue()


PACKERS = {"zstd": zstd, "zstd of unknown size": zstd_of_unknown_size, "gzip": gzip.compress, "named": gzip_with_a_name}


def coding_of(packer: str) -> str:
    return "zstd" if packer.startswith("zstd") else "gzip"


# By themselves


@given(data=st.binary(max_size=5000), codec=st.sampled_from(CODECS), cuts=st.lists(st.integers(0, 5000), max_size=4))
def test_what_is_encoded_can_be_decoded(data: bytes, codec: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:stop] for start, stop in itertools.pairwise(places)]
    encoded = encode(pieces, codec)
    assert decode(encoded, codec, len(data)) == data
    plain = zstandard.ZstdDecompressor().decompress(encoded) if codec == "zstd" else gzip.decompress(encoded)
    assert plain == data


def test_what_is_encoded_can_be_read_by_the_client() -> None:
    """It knows no flags in the head of gzip, and wants to know the size of zstd (spec 02, section 6.2)."""
    data = os.urandom(100) * 100
    assert encode([data], "gzip")[:4] == b"\x1f\x8b\x08\x00"
    assert zstandard.frame_content_size(encode([data[:500], data[500:]], "zstd")) == len(data)


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("size", [0, 1, 1000, 3 * MIB])
def test_each_form_is_decoded_up_to_the_limit(packer: str, size: int) -> None:
    data = (os.urandom(1000) * (size // 1000 + 1))[:size]
    packed = PACKERS[packer](data)
    assert decode(packed, coding_of(packer), size) == data
    assert decode(packed, f" {coding_of(packer).upper()} ", size) == data
    if size:
        with pytest.raises(TooLarge):
            decode(packed, coding_of(packer), size - 1)


@pytest.mark.parametrize("packer", PACKERS)
def test_a_body_that_is_cut_off_never_looks_complete(packer: str) -> None:
    data = os.urandom(3000) + bytes(3000)
    packed = PACKERS[packer](data)
    for length in {*range(40), *range(40, len(packed), 97), len(packed) - 9, len(packed) - 5}:
        if packer == "zstd of unknown size":  # its decoder does not tell the end from a pause
            with contextlib.suppress(Undecodable):
                assert len(decode(packed[:length], "zstd", MIB)) < len(data)
            continue
        with pytest.raises(Undecodable):
            decode(packed[:length], coding_of(packer), MIB)


@pytest.mark.parametrize("packer", PACKERS)
def test_what_follows_a_body_is_refused(packer: str) -> None:
    with pytest.raises(Undecodable):
        decode(PACKERS[packer](b"data") + b"garbage", coding_of(packer), MIB)


@given(data=st.binary(max_size=200), coding=st.sampled_from(CODECS))
def test_garbage_is_refused(data: bytes, coding: str) -> None:
    with pytest.raises((Undecodable, TooLarge)):
        decode(b"\x01" + data, coding, 100)


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, zstd", "x-gzip", "zstd;q=1", "\u00e9" * 200])
def test_other_codings_are_refused(coding: str) -> None:
    with pytest.raises(UnknownCoding) as caught:
        decode(b"", coding, 100)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("custom", "standard", "chosen"),
    [
        ("zstd, gzip", "deflate, gzip, br, zstd", ("zstd", "Content-Encoding")),
        ("gzip, zstd", "deflate, gzip, br, zstd", ("gzip", "Content-Encoding")),
        ("zstd, gzip", None, ("zstd", "X-VGI-Content-Encoding")),
        ("zstd", "gzip", ("zstd", "X-VGI-Content-Encoding")),
        ("br, gzip", "deflate", ("gzip", "X-VGI-Content-Encoding")),
        (None, "br, gzip;q=0.5, zstd;q=0.9", ("gzip", "Content-Encoding")),
        (None, "GZIP", ("gzip", "Content-Encoding")),
        ("identity, zstd", "zstd", None),
        ("identity", None, None),
        (None, "identity", None),
        ("zstd, identity", None, ("zstd", "X-VGI-Content-Encoding")),
        (None, "br, deflate, *", None),
        (None, None, None),
        ("", "", None),
        (",;,", " , ", None),
    ],
)
def test_the_coding_of_an_answer(custom: str | None, standard: str | None, chosen: tuple[str, str] | None) -> None:
    assert chosen_coding(custom, standard) == chosen


# Over HTTP


@pytest.fixture(scope="module")
def packing() -> Iterator[Browserless]:
    """A server that compresses for clients of its own machine, too."""
    with serving(served, compression="on", max_request_bytes=2 * MIB) as client:
        yield client


@pytest.mark.parametrize("packer", [*PACKERS, "identity"])
def test_requests_of_each_form(packing: Browserless, packer: str) -> None:
    coding = "identity" if packer == "identity" else coding_of(packer)
    body = PACKERS.get(packer, bytes)(BODY)
    assert packing.post(CATALOGS, body, {"Content-Encoding": coding}).error is None


@pytest.mark.parametrize(
    ("headers", "coding", "name"),
    [
        (EXTENSION, "zstd", "Content-Encoding"),
        ({"X-VGI-Accept-Encoding": "zstd"}, "zstd", "X-VGI-Content-Encoding"),
        ({"X-VGI-Accept-Encoding": "gzip", "Accept-Encoding": "gzip"}, "gzip", "Content-Encoding"),
        ({"X-VGI-Accept-Encoding": "identity, zstd", "Accept-Encoding": "zstd"}, None, None),
        ({}, None, None),
    ],
)
def test_answers_of_each_form(
    packing: Browserless, headers: dict[str, str], coding: str | None, name: str | None
) -> None:
    for path, body in ((CATALOGS, BODY), (CATALOGS, b"garbage"), ("/vgi.v2/nothing", BODY)):  # errors, too
        reply = packing.post(path, body, headers or {"Accept-Encoding": "identity"})
        for header in ("Content-Encoding", "X-VGI-Content-Encoding"):
            assert reply.headers[header] == (coding if header == name else None)
        assert len(reply.batches) == 1


def test_a_scan_is_the_same_in_each_form(packing: Browserless) -> None:
    for headers in (EXTENSION, {"X-VGI-Accept-Encoding": "gzip"}, {}):
        with Browserless(*packing.ports, headers={**EXTENSION, **headers}) as client:
            table = client.connect().attach("served").scan("walk", 20_000, 5_000).read_all()
            assert table["n"].to_pylist() == list(range(20_000))


def test_clients_of_the_same_machine_get_plain_answers_unless_they_come_through_a_proxy(client: Browserless) -> None:
    assert client.post(CATALOGS, BODY, EXTENSION).headers["Content-Encoding"] is None
    for name in ("Via", "Forwarded", "X-Forwarded-For"):
        assert client.post(CATALOGS, BODY, {**EXTENSION, name: "192.0.2.1"}).headers["Content-Encoding"] == "zstd"


def test_a_server_that_does_not_compress_says_so() -> None:
    with serving(served, compression="off") as client:
        reply = client.post(CATALOGS, BODY, EXTENSION)
        assert reply.headers.get_all("VGI-Supported-Encodings") == [""]
        assert reply.headers["Content-Encoding"] is None
        assert reply.headers["X-VGI-Content-Encoding"] is None
        assert reply.error is None


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, zstd", "nonsense"])
def test_requests_of_unknown_form(packing: Browserless, coding: str) -> None:
    reply = packing.post(CATALOGS, BODY, {"Content-Encoding": coding})
    assert reply.status == 415
    assert b"zstd, gzip" in reply.body


@pytest.mark.parametrize("packer", PACKERS)
def test_requests_that_are_cut_off(packing: Browserless, packer: str) -> None:
    reply = packing.post(CATALOGS, PACKERS[packer](BODY)[:-5], {"Content-Encoding": coding_of(packer)})
    assert reply.status == 400


def bomb(packer: str, size: int) -> bytes:
    """A small body that becomes ``size`` zeros."""
    compressor: Any
    if packer == "gzip":
        compressor = zlib.compressobj(9, wbits=31)
    else:
        compressor = zstandard.ZstdCompressor(19).compressobj(**({"size": size} if packer == "zstd" else {}))
    pieces = [compressor.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*pieces, compressor.flush()])


@pytest.mark.parametrize("packer", ["zstd", "zstd of unknown size", "gzip"])
def test_a_bomb_is_refused_within_bounds(packing: Browserless, packer: str) -> None:
    body = bomb(packer, 256 * MIB)
    assert len(body) < 300_000
    before = peak(os.getpid())
    for _ in range(3):
        assert packing.post(CATALOGS, body, {"Content-Encoding": coding_of(packer)}).status == 413
    assert peak(os.getpid()) - before < 64 * MIB
    assert packing.post(CATALOGS, BODY).status == 200


def test_a_body_over_the_limit_is_refused_in_each_form(packing: Browserless) -> None:
    large = os.urandom(2 * MIB + 1)
    assert packing.post(CATALOGS, large).status == 413
    assert packing.post(CATALOGS, iter([large[:MIB], large[MIB:]])).status == 413
    assert packing.post(CATALOGS, zstd(large), {"Content-Encoding": "zstd"}).status == 413
    assert packing.post(CATALOGS, zstd(bytes(2 * MIB + 1)), {"Content-Encoding": "zstd"}).status == 413
    assert packing.post(CATALOGS, iter([BODY[:10], BODY[10:]])).error is None


def test_a_turn_is_limited_as_other_requests(packing: Browserless) -> None:
    tokens = open_scan(packing, "walk", 1_000_000, 1000).tokens
    assert packing.turn({**tokens, b"vgi_rpc.filler": bytes(2 * MIB)}).status == 413
    assert packing.turn(tokens).error is None
