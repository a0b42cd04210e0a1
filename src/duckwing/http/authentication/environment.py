"""Authentication as the environment configures it (spec 02, sections 13.4, 13.5 and 14)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from .base import Authenticator, ConfigurationError
from .bearer import static_bearer
from .combine import first_of, gated
from .jwt import jwt_bearer
from .oauth import ProtectedResource
from .proof import ProxyProof

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Configured:
    """What the environment says.

    Attributes:
        authenticators: the ways to say who calls, in the order in which they are tried.
        resource: where clients sign in.
        proof: the proof that requests need of their proxy.
    """

    authenticators: tuple[Authenticator, ...] = ()
    resource: ProtectedResource | None = None
    proof: ProxyProof | None = None

    def authenticator(self, *own: Authenticator) -> Authenticator | None:
        """One authenticator of ``own`` and all this; None if everybody may call.

        Raises:
            ConfigurationError: clients are told where to sign in, but nothing checks what they bring back.
        """
        every = (*own, *self.authenticators)
        if self.resource and not every:
            raise ConfigurationError(
                "VGI_OAUTH_RESOURCE tells clients where to sign in, but nothing checks their tokens; "
                "set VGI_JWT_ISSUER and VGI_JWT_AUDIENCE, or give the worker an authenticator"
            )
        combined = first_of(*every) if every else None
        return gated(self.proof, combined) if self.proof else combined


def from_environment(environ: Mapping[str, str]) -> Configured:
    """What ``VGI_BEARER_TOKENS``, ``VGI_JWT_*``, ``VGI_OAUTH_*`` and ``VGI_PROXY_PROOF_*`` say; empty is unset.

    Raises:
        ConfigurationError: something is missing or malformed. The text has no tokens or secrets.
    """
    # Signed tokens first: "expired" says more than "unknown", and other tokens are told apart without their issuer.
    authenticators = [each for each in (_jwt(environ), _bearer(environ)) if each is not None]
    return Configured(tuple(authenticators), _resource(environ), _proof(environ))


def _bearer(environ: Mapping[str, str]) -> Authenticator | None:
    text = environ.get("VGI_BEARER_TOKENS", "")
    if not text:
        return None
    tokens: dict[str, str] = {}
    for number, entry in enumerate(text.split(","), 1):
        token, equals, principal = entry.strip().partition("=")
        if not token or not equals or not principal or token in tokens:
            raise ConfigurationError(
                f"entry {number} of VGI_BEARER_TOKENS is malformed or has the token of an earlier one; "
                "expected token=principal,token2=principal2"
            )
        tokens[token] = principal
    return _named("VGI_BEARER_TOKENS", lambda: static_bearer(tokens))


def _jwt(environ: Mapping[str, str]) -> Authenticator | None:
    settings = _group(environ, "VGI_JWT_", ("ISSUER", "AUDIENCE", "JWKS_URI", "PRINCIPAL_CLAIM"))
    if not settings:
        return None
    _need(settings, "VGI_JWT_", "ISSUER", "AUDIENCE")
    return _named(
        "VGI_JWT_*",
        lambda: jwt_bearer(
            _listed("VGI_JWT_ISSUER", settings["ISSUER"]),
            _listed("VGI_JWT_AUDIENCE", settings["AUDIENCE"]),
            jwks_uri=settings.get("JWKS_URI"),
            principal_claim=settings.get("PRINCIPAL_CLAIM", "sub"),
        ),
    )


def _resource(environ: Mapping[str, str]) -> ProtectedResource | None:
    texts = (
        "RESOURCE_NAME",
        "CLIENT_ID",
        "CLIENT_SECRET",
        "DEVICE_CODE_CLIENT_ID",
        "DEVICE_CODE_CLIENT_SECRET",
        "TOKEN_ENDPOINT",
    )
    settings = _group(environ, "VGI_OAUTH_", ("RESOURCE", "AUTH_SERVERS", "SCOPES", "USE_ID_TOKEN", *texts))
    if not settings:
        return None
    _need(settings, "VGI_OAUTH_", "RESOURCE", "AUTH_SERVERS")
    return _named(
        "VGI_OAUTH_*",
        lambda: ProtectedResource(
            resource=settings["RESOURCE"],
            authorization_servers=_listed("VGI_OAUTH_AUTH_SERVERS", settings["AUTH_SERVERS"]),
            scopes=tuple(settings.get("SCOPES", "").replace(",", " ").split()),
            use_id_token=_switch("VGI_OAUTH_USE_ID_TOKEN", settings.get("USE_ID_TOKEN", "false")),
            **{name.lower(): settings[name] for name in texts if name in settings},
        ),
    )


def _proof(environ: Mapping[str, str]) -> ProxyProof | None:
    settings = _group(environ, "VGI_PROXY_PROOF_", ("MODE", "SECRETS", "ORIGIN_ID", "SKEW"))
    mode = settings.get("MODE", "off")
    if mode == "off":
        # Secrets without a mode look like a worker that is protected, and would not be.
        if settings and "MODE" not in settings:
            raise ConfigurationError("VGI_PROXY_PROOF_MODE is not set; expected off, allow or require")
        return None
    if mode not in ("allow", "require"):
        raise ConfigurationError(f"VGI_PROXY_PROOF_MODE must be off, allow or require, not {mode!r}")
    _need(settings, "VGI_PROXY_PROOF_", "SECRETS", "ORIGIN_ID")
    secrets: dict[str, bytes] = {}
    for number, entry in enumerate(settings["SECRETS"].split(","), 1):
        kid, _, digits = entry.strip().partition(":")
        try:
            secret = bytes.fromhex(digits)
        except ValueError:
            secret = b""
        if len(digits) != 64 or len(secret) != 32 or kid in secrets:
            raise ConfigurationError(
                f"entry {number} of VGI_PROXY_PROOF_SECRETS is malformed or has the id of an earlier one; "
                "expected kid:64 hex digits,…"
            )
        secrets[kid] = secret
    try:
        skew = float(settings.get("SKEW", "30"))
    except ValueError:
        raise ConfigurationError(f"VGI_PROXY_PROOF_SKEW must be seconds, not {settings['SKEW']!r}") from None
    required = mode == "require"
    return _named(
        "VGI_PROXY_PROOF_*",
        lambda: ProxyProof(secrets, settings["ORIGIN_ID"], mode="require" if required else "allow", skew=skew),
    )


def _group(environ: Mapping[str, str], prefix: str, names: tuple[str, ...]) -> dict[str, str]:
    """The variables ``names`` that are set, without their prefix and the blanks around their values."""
    return {name: value for name in names if (value := environ.get(prefix + name, "").strip())}


def _need(settings: Mapping[str, str], prefix: str, *names: str) -> None:
    if missing := [prefix + name for name in names if name not in settings]:
        given = ", ".join(prefix + name for name in settings)
        raise ConfigurationError(f"{given} needs {' and '.join(missing)} as well")


def _listed(name: str, text: str) -> tuple[str, ...]:
    entries = tuple(entry.strip() for entry in text.split(","))
    if not all(entries):
        raise ConfigurationError(f"{name} has an empty entry; expected a list with commas between")
    return entries


def _switch(name: str, text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ConfigurationError(f"{name} must be true or false, not {text!r}")


def _named(variables: str, make: Callable[[], T]) -> T:
    """What ``make`` makes; an error of it says which variables it is about."""
    try:
        return make()
    except ConfigurationError as error:
        raise ConfigurationError(f"{variables}: {error}") from error
