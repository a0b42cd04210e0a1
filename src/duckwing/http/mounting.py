"""From a worker to an ASGI application."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..process.http_options import Http
from ..service import Service
from ..state.seal import signing_keys
from .app import Application
from .authentication import Authenticator, ProtectedResource, from_environment
from .compression import CODECS
from .cors import Cors
from .objects import Offload
from .settings import Served, Settings

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..service.hooks import Hooks
    from ..state.backend import Backend


def application(
    catalogs: Sequence[Catalog],
    hooks: Hooks,
    http: Http,
    *,
    threads: int = 1,
    authenticate: Authenticator | None = None,
    backend: Backend | None = None,
    resource: ProtectedResource | None = None,
    offload: Offload | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Application:
    """A worker as an ASGI application.

    Args:
        catalogs: what is served.
        hooks: of the worker.
        http: how it is served; where it listens is somebody else's business.
        threads: in which authors' code runs, unless ``http`` says it.
        authenticate: finds out who calls, before what the environment configures.
        backend: where several machines share the state of queries.
        resource: where clients can sign in; by default, what the environment says.
        offload: what travels beside HTTP.
        environment: configures keys and authentication.

    Raises:
        StateError: the keys are malformed, or cannot be made.
        ConfigurationError: authentication is configured in a way that cannot work.
    """
    settings = configured_settings(http, environment, *([authenticate] if authenticate is not None else []))
    settings = replace(
        settings,
        threads=http.threads or threads,
        resource=settings.resource if resource is None else resource,
        backend=backend,
        offload=offload,
    )
    first = catalogs[0]
    served = Served(
        name=", ".join(catalog.catalog_name for catalog in catalogs),
        version=_version(),
        make_server=lambda: Service(catalogs, hooks, stateless=True, backend=backend).server(),
        stop=hooks.stop,
        doc=first.catalog_comment or "",
    )
    return Application(served, settings)


def configured_settings(http: Http, environment: Mapping[str, str], *authenticators: Authenticator) -> Settings:
    """What the command line and the environment say.

    Args:
        http: how something is served.
        environment: configures keys and authentication.
        authenticators: find out who calls, before what the environment configures.

    Raises:
        StateError: the keys are malformed, or cannot be made.
        ConfigurationError: authentication is configured in a way that cannot work.
    """
    configured = from_environment(environment)
    settings = Settings(
        keys=signing_keys(environment),
        prefix=http.prefix,
        cors=Cors(http.cors_origins),
        compression=http.compression,
        codecs=_codecs(http, environment),
        max_request_bytes=http.max_request_bytes,
        threads=http.threads or 1,
        authenticate=configured.authenticator(*authenticators),
        resource=configured.resource,
        pages=http.pages,
        metrics=http.metrics,
    )
    return settings if http.max_stream_bytes is None else replace(settings, max_stream_bytes=http.max_stream_bytes)


def _codecs(http: Http, environment: Mapping[str, str]) -> Sequence[str]:
    if http.compression == "off":
        return ()
    # Read by workers of all kinds, for clients and gateways without it.
    return tuple(codec for codec in CODECS if codec != "zstd" or environment.get("VGI_HTTP_DISABLE_ZSTD") != "1")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("duckwing")
    except PackageNotFoundError:
        return ""
