"""An OpenID provider: its discovery document and its keys, each fetched when wanted and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .base import ConfigurationError
from .kept import Kept
from .outbound import FetchError, check_url, get_json

MAX_KEYS = 100

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS = (*RSA_ALGORITHMS, "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms with a public key. With a shared one, whoever can check tokens could make them."""

_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of a provider.

    Attributes:
        kid: its id, ``""`` if it has none.
        algorithms: what it may check.
        key: as PyJWT takes it.
    """

    kid: str
    algorithms: tuple[str, ...]
    key: Any


def discovery(issuer: str) -> Kept[dict[str, Any]]:
    """The discovery document of the provider ``issuer``, made sure to be its own.

    Raises:
        ConfigurationError: ``issuer`` is no address that may be asked.
    """
    url = check_url(issuer, "an issuer").removesuffix("/") + "/.well-known/openid-configuration"

    def fetch() -> dict[str, Any]:
        document = get_json(url, f"the discovery document of {issuer}")
        if document.get("issuer") != issuer:
            raise FetchError(
                f"the discovery document of {issuer} is that of {document.get('issuer')!r}; "
                "write the issuer as the provider writes it"
            )
        return document

    return Kept(fetch)


def endpoint(document: dict[str, Any], name: str) -> str:
    """The address ``name`` of a discovery document.

    Raises:
        FetchError: there is none, or it is not https.
    """
    what = f"{name} of {document.get('issuer')}"
    url = document.get(name)
    if not isinstance(url, str):
        raise FetchError(f"{what} is missing from its discovery document")
    try:
        return check_url(url, what)
    except ConfigurationError as error:
        raise FetchError(str(error)) from error


def key_set(issuer: str, jwks_uri: str | None) -> Kept[Sequence[Key]]:
    """The keys of ``issuer``, at ``jwks_uri`` or where its discovery document says.

    Raises:
        ConfigurationError: an address is not one that may be asked.
    """
    if jwks_uri is not None:
        check_url(jwks_uri, "the address of the keys")
        return Kept(lambda: parse_keys(get_json(jwks_uri, f"the key set {jwks_uri}"), jwks_uri))
    document = discovery(issuer)

    def fetch() -> Sequence[Key]:
        url = endpoint(document.get(), "jwks_uri")
        return parse_keys(get_json(url, f"the key set of {issuer}"), issuer)

    return Kept(fetch)


def parse_keys(document: dict[str, Any], source: str) -> Sequence[Key]:
    """The usable keys of a JWK set (RFC 7517). Keys that are not for checking signatures are left out.

    Raises:
        FetchError: it is no key set.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise FetchError(f"the key set of {source} has no list of at most {MAX_KEYS} keys")
    return [key for each in listed if isinstance(each, dict) and (key := _key(each)) is not None]


def _key(jwk: dict[str, Any]) -> Key | None:
    import jwt

    kid, operations = jwk.get("kid", ""), jwk.get("key_ops")
    for_signatures = jwk.get("use", "sig") == "sig"
    if isinstance(operations, list) and "verify" not in operations:
        for_signatures = False
    algorithms = _algorithms(jwk)
    if not for_signatures or not algorithms or not isinstance(kid, str):
        return None
    try:
        key = jwt.PyJWK({name: value for name, value in jwk.items() if name != "d"}, algorithms[0]).key
    # What is wrong with one key of a set must not keep the others from being used.
    except Exception:
        return None
    if jwk.get("kty") == "RSA" and key.key_size < 2048:
        return None
    return Key(kid, algorithms, key)


def _algorithms(jwk: dict[str, Any]) -> tuple[str, ...]:
    """What a key may check: nothing but what its type allows, and its ``alg`` alone if it names one."""
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if kind == "RSA":
        possible: tuple[str, ...] = RSA_ALGORITHMS
    elif kind == "EC" and isinstance(curve, str) and curve in _CURVES:
        possible = (_CURVES[curve],)
    elif kind == "OKP" and curve in ("Ed25519", "Ed448"):
        possible = ("EdDSA",)
    else:
        possible = ()
    named = jwk.get("alg")
    return possible if named is None else tuple(each for each in possible if each == named)
