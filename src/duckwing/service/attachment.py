"""Attach data: the handle that a client keeps of an attachment and sends with every call.

It holds all that a process needs which never saw the attach (spec 04, section 3.5).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import CatalogError
from ..rpc.codec import decode, encode
from ..rpc.errors import RpcError
from .ownership import is_own, proof_of

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..rpc.call import Call
    from . import Service


@dataclass(frozen=True)
class Attachment:
    """One ATTACH of one catalog.

    Attributes:
        id: 16 random bytes.
        catalog: the catalog's name.
        options: the values of the options; None if the catalog has none.
        sealed: they are sealed for ``id``, because the client writes attach data to its log.
        data_version: the version of the data that it got; None: there is only one.
        proof: that this worker made it, for its caller; None where a client is a process of the same user.
    """

    id: bytes
    catalog: str
    options: bytes | None = None
    sealed: bool = False
    data_version: str | None = None
    proof: bytes | None = None


def new_attachment(
    service: Service, call: Call, catalog: Catalog, options: Mapping[str, Any], data_version: str | None
) -> bytes:
    """Attach data for a new attachment of ``catalog``.

    Args:
        service: what is served.
        call: whose caller alone may use it, over HTTP.
        catalog: the catalog.
        options: the values of its options.
        data_version: the version of the data that it gets.
    """
    made = Attachment(os.urandom(16), catalog.catalog_name, data_version=data_version)
    if catalog.attach_options:
        from ..state.seal import seal
        from ..state.values import dump_value

        data = dump_value(dict(options))
        secret = any(option.secret for option in catalog.attach_options.values())
        made = replace(made, options=seal(data, made.id) if secret else data, sealed=secret)
    if service.stateless:
        made = replace(made, proof=proof_of(call, "attachment", encode(made)))
    return encode(made)


@functools.lru_cache(maxsize=256)
def _read(attach_opaque_data: bytes) -> Attachment:
    """The attachment that attach data stands for.

    Raises:
        RpcError: it is none.
    """
    return decode(Attachment, attach_opaque_data)


@functools.lru_cache(maxsize=256)
def _proven(attach_opaque_data: bytes) -> bytes:
    """What the proof in attach data is about: all the rest."""
    return encode(replace(_read(attach_opaque_data), proof=None))


def identity_of(attach_opaque_data: bytes | None) -> bytes:
    """What all attachments share that see the same: the catalog, the version of its data, the options."""
    if not attach_opaque_data:
        return b""
    attachment = _read(attach_opaque_data)
    options = repr(sorted(attach_options(attach_opaque_data).items()))
    return repr((attachment.catalog, attachment.data_version, options)).encode()


def attached_version(attach_opaque_data: bytes | None) -> str | None:
    """The version of the data that an attachment got."""
    return _read(attach_opaque_data).data_version if attach_opaque_data else None


def attach_options(attach_opaque_data: bytes | None) -> dict[str, Any]:
    """The options of an attachment.

    Raises:
        StateError: they were sealed by another user, or changed.
    """
    attachment = _read(attach_opaque_data) if attach_opaque_data else None
    if attachment is None or attachment.options is None:
        return {}
    from ..state.seal import unseal
    from ..state.values import load_value

    data = unseal(attachment.options, attachment.id) if attachment.sealed else attachment.options
    options: dict[str, Any] = load_value(data)
    return options


def attachment_id(attach_opaque_data: bytes | None) -> bytes | None:
    """What is the same in all calls through one ATTACH; None outside of any."""
    return _read(attach_opaque_data).id if attach_opaque_data else None


def attached_catalog(service: Service, call: Call, attach_opaque_data: bytes | None) -> Catalog:
    """The catalog of an attachment.

    Raises:
        CatalogError: the data is not ours or not the caller's, or the catalog is no longer served.
    """
    if not attach_opaque_data:
        if len(service.catalogs) == 1:
            return service.catalogs[0]
        raise CatalogError("the call does not say which catalog it belongs to; attach a catalog and call through it")
    try:
        attachment = _read(attach_opaque_data)
    except RpcError:
        raise CatalogError("the attachment was made by another worker; DETACH it and ATTACH again") from None
    if service.stateless:
        proof = attachment.proof
        if proof is None or not is_own(service, call, "attachment", _proven(attach_opaque_data), proof):
            raise CatalogError(
                "the attachment was made by or for somebody else, or under another key; DETACH it and ATTACH again"
            )
    catalog = find_catalog(service, attachment.catalog)
    if catalog is None:
        raise CatalogError(
            f"this worker no longer serves the catalog '{attachment.catalog}'; DETACH it and ATTACH again"
        )
    return catalog


def find_catalog(service: Service, name: str) -> Catalog | None:
    """The catalog of that name, without regard to case."""
    return next((c for c in service.catalogs if c.catalog_name.casefold() == name.casefold()), None)
