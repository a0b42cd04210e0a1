"""Who may call a worker over HTTP: ways to say who calls, their combination, and what a refused caller is told.

Whatever is called with a :class:`Presented` and returns an ``Identity`` or raises is an authenticator.
"""

from __future__ import annotations

from .answers import refusal, unauthorized, unavailable
from .base import Authenticator, ConfigurationError, Presented, Reason, Rejected, Unavailable
from .bearer import bearer_token, static_bearer
from .browser import BrowserSignIn, Sealer
from .combine import first_of, gated
from .environment import Configured, from_environment
from .exchange import TokenExchange
from .jwt import jwt_bearer
from .oauth import ProtectedResource, well_known_path
from .proof import ProxyProof, derived_secret, proxy_proof
from .proxy import client_cert_header, forwarded_client_cert

__all__ = [
    "Authenticator",
    "BrowserSignIn",
    "ConfigurationError",
    "Configured",
    "Presented",
    "ProtectedResource",
    "ProxyProof",
    "Reason",
    "Rejected",
    "Sealer",
    "TokenExchange",
    "Unavailable",
    "bearer_token",
    "client_cert_header",
    "derived_secret",
    "first_of",
    "forwarded_client_cert",
    "from_environment",
    "gated",
    "jwt_bearer",
    "proxy_proof",
    "refusal",
    "static_bearer",
    "unauthorized",
    "unavailable",
    "well_known_path",
]
