"""What a worker says of where to sign in: OAuth protected-resource metadata (spec 02, section 14; RFC 9728)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from .base import ConfigurationError
from .outbound import check_url

WELL_KNOWN = "/.well-known/oauth-protected-resource"

_ID = re.compile(r"[A-Za-z0-9._~-]{1,512}")
_SCOPE = re.compile(r"[!#-\[\]-~]{1,256}")  # RFC 6749, section 3.3
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


@dataclass(frozen=True, kw_only=True)
class ProtectedResource:
    """Where clients of a worker sign in. This only leads them there: an authenticator checks what they bring back.

    Attributes:
        resource: public address of the worker: its origin, or with the path that it is mounted at.
        authorization_servers: issuers; DuckDB uses the first one.
        scopes: what clients ask for; DuckDB asks for ``openid`` if there is nothing.
        resource_name: what people are shown.
        client_id: as whom clients present themselves to the provider; DuckDB needs it.
        client_secret: the secret of that client. Unless there is a ``token_endpoint``, it is *published to the world*:
            for providers alone that call a secret what is none.
        device_code_client_id: a client of its own for devices without a browser.
        device_code_client_secret: its secret, published likewise.
        use_id_token: clients shall present the ID token rather than the access token.
        token_endpoint: address at which clients get tokens instead of the provider's, such as the worker's own
            ``/_oauth/token``, which knows the secret; clients are then not told it.
        resource_documentation: address of a text for people.
        resource_policy_uri: address of the rules for what clients may do with the data.
        resource_tos_uri: address of the terms of service.

    Raises:
        ConfigurationError: something is missing or malformed.
    """

    resource: str
    authorization_servers: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    resource_name: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    device_code_client_id: str | None = None
    device_code_client_secret: str | None = field(default=None, repr=False)
    use_id_token: bool = False
    token_endpoint: str | None = None
    resource_documentation: str | None = None
    resource_policy_uri: str | None = None
    resource_tos_uri: str | None = None

    def __post_init__(self) -> None:
        for name in ("authorization_servers", "scopes"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ConfigurationError(f"{name} must be a list of texts, not one text")
            object.__setattr__(self, name, tuple(value))
        check_url(self.resource, "resource")
        parts = urlsplit(self.resource)
        if "?" in self.resource or not _PATH.fullmatch(parts.path.rstrip("/")):
            raise ConfigurationError(f"resource must be an origin and a plain path, not {self.resource!r}")
        if not self.authorization_servers:
            raise ConfigurationError("authorization_servers must name at least one issuer")
        for server in self.authorization_servers:
            check_url(server, "an authorization server")
        for name in ("token_endpoint", "resource_documentation", "resource_policy_uri", "resource_tos_uri"):
            if (value := getattr(self, name)) is not None:
                check_url(value, name)
        for name in ("client_id", "device_code_client_id"):
            identifier, secret = getattr(self, name), getattr(self, name.replace("_id", "_secret"))
            if identifier is not None and not _ID.fullmatch(identifier):
                raise ConfigurationError(
                    f"{name} must have 1 to 512 letters, digits or any of ._~-, not {identifier!r}"
                )
            if secret is not None and identifier is None:
                raise ConfigurationError(f"{name.replace('_id', '_secret')} is given without {name}")
        if unfit := [scope for scope in self.scopes if not _SCOPE.fullmatch(scope)]:
            raise ConfigurationError(f"{unfit[0]!r} is no scope: expected visible ASCII without blanks and quotes")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the worker, as its clients see it."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}"

    def path(self, prefix: str) -> str:
        """Where clients see the worker that is mounted at ``prefix``: the resource's own path, if it has one."""
        return urlsplit(self.resource).path.rstrip("/") or prefix

    def metadata_url(self, prefix: str = "") -> str:
        """Address of the document, for a worker that is mounted at ``prefix``.

        It is made of the configured address: the request's ``Host`` would let a caller choose where others sign in.
        """
        return self.origin + WELL_KNOWN + self.path(prefix)

    def challenge(self, prefix: str = "") -> str:
        """The value of ``WWW-Authenticate``."""
        value = f'Bearer resource_metadata="{self.metadata_url(prefix)}"'
        return value if self.client_id is None else f'{value}, client_id="{self.client_id}"'

    def token_path(self, prefix: str = "") -> str | None:
        """Where the worker that is mounted at ``prefix`` itself gives tokens; None if it does not."""
        own = f"{self.origin}{self.path(prefix)}/_oauth/token"
        return f"{prefix}/_oauth/token" if self.token_endpoint == own else None

    def document(self) -> dict[str, Any]:
        """The document, without what is not set."""
        secrets_stay = self.token_endpoint is not None
        fields = {
            "resource": self.resource,
            "authorization_servers": list(self.authorization_servers),
            "scopes_supported": list(self.scopes) or None,
            "bearer_methods_supported": ["header"],
            "resource_name": self.resource_name,
            "client_id": self.client_id,
            "client_secret": None if secrets_stay else self.client_secret,
            "device_code_client_id": self.device_code_client_id,
            "device_code_client_secret": None if secrets_stay else self.device_code_client_secret,
            "use_id_token_as_bearer": self.use_id_token or None,
            "token_endpoint": self.token_endpoint,
            "resource_documentation": self.resource_documentation,
            "resource_policy_uri": self.resource_policy_uri,
            "resource_tos_uri": self.resource_tos_uri,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def response(self) -> Response:
        """The document as the answer to whoever asks, other pages' scripts included: there is nothing secret in it."""
        return JSONResponse(
            self.document(), headers={"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"}
        )


def well_known_path(prefix: str = "") -> str:
    """The path at which a worker that is mounted at ``prefix`` answers with the document."""
    return WELL_KNOWN + prefix
