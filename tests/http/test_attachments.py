"""Attach data belongs to the caller for whom it was made, and never expires."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from duckwing.http.authentication import Presented
from duckwing.protocol.attach import CATALOG_ATTACH, CatalogAttachRequest
from duckwing.protocol.listing import CATALOG_SCHEMAS
from duckwing.protocol.shared import CatalogParams
from duckwing.rpc.call import ANONYMOUS, Identity
from duckwing.rpc.codec import decode, encode
from duckwing.rpc.errors import RemoteError
from duckwing.service.attachment import Attachment

from .serving import KEY, OTHER_KEY, Browserless, HttpClient, serving
from .workers.served import served


def trusting() -> contextlib.AbstractContextManager[Browserless]:
    """A client of a server that believes everybody who says a name."""

    def check(presented: Presented) -> Identity:
        domain, _, name = presented.headers.get("authorization", "").partition(" ")
        return Identity(domain, name, True) if name else ANONYMOUS

    return serving(served, authenticate=check)


@pytest.fixture
def client() -> Iterator[Browserless]:
    with trusting() as client:
        yield client


def attach(client: Browserless, caller: str) -> bytes:
    client.headers["Authorization"] = caller
    return HttpClient(client).call(CATALOG_ATTACH, CatalogAttachRequest("served")).attach_opaque_data


def use(client: Browserless, caller: str, attachment: bytes) -> int:
    client.headers["Authorization"] = caller
    return len(HttpClient(client).call(CATALOG_SCHEMAS, CatalogParams(attachment)).items)


def refused(client: Browserless, caller: str, attachment: bytes) -> bool:
    with pytest.raises(RemoteError, match=r"was made by or for somebody else.*ATTACH again"):
        use(client, caller, attachment)
    return True


def test_an_attachment_belongs_to_its_caller(client: Browserless) -> None:
    mine = attach(client, "bearer ann")
    assert use(client, "bearer ann", mine)
    for caller in ("bearer bob", "bearer an", "bearer annn", "jwt ann", "", "bearera nn"):
        assert refused(client, caller, mine)
    assert use(client, "bearer ann", mine)
    nobodys = attach(client, "")
    assert use(client, "", nobodys)
    assert refused(client, "bearer ann", nobodys)


def test_attach_data_cannot_be_made_up_or_changed(client: Browserless) -> None:
    mine = decode(Attachment, attach(client, "bearer ann"))
    assert mine.proof is not None
    made_up = [
        replace(mine, proof=None),
        replace(mine, proof=b""),
        replace(mine, proof=bytes(len(mine.proof))),
        replace(mine, id=bytes(16)),
        replace(mine, catalog="SERVED"),
        replace(mine, options=b"{}"),
        replace(mine, data_version="2"),
        replace(mine, sealed=True),
    ]
    for attachment in made_up:
        assert refused(client, "bearer ann", encode(attachment))
    for damaged in (encode(mine)[:-1], b"\x00" * 40):
        with pytest.raises(RemoteError):
            use(client, "bearer ann", damaged)


def test_keys_can_be_rotated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGI_SIGNING_KEY", KEY)
    with trusting() as client:
        old = attach(client, "bearer ann")
    monkeypatch.setenv("VGI_SIGNING_KEY", f"{OTHER_KEY},{KEY}")
    with trusting() as client:
        assert use(client, "bearer ann", old)
        new = attach(client, "bearer ann")
    monkeypatch.setenv("VGI_SIGNING_KEY", OTHER_KEY)
    with trusting() as client:
        assert use(client, "bearer ann", new)
        assert refused(client, "bearer ann", old)
