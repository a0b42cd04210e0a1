"""Evidence that a request has come through a trusted proxy (spec 02, section 13.5)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from .base import ConfigurationError, Presented, Reason, Rejected

HEADER = "VGI-Proxy-Proof"
CLAIM = "vgi_proxy_proof"

MAX_PROOF = 512
MAX_NONCES = 100_000
SECRET_SIZE = 32

_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ORIGIN = re.compile(r"[A-Za-z0-9._:/-]{1,255}")
_PROOF = re.compile(r"v1\.([A-Za-z0-9_-]{1,64})\.([0-9]{1,15})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


class _Unproven(Exception):
    """Why a request is not taken for one of the proxy; told to claims and the log, never to the caller."""


class ProxyProof:
    """Checks the proof that a trusted proxy adds to each request.

    Args:
        secrets: 32 bytes for each key id that proxies use.
        origin_id: what this worker is called between it and its proxies.
        mode: ``"require"`` refuses requests without a valid proof, ``"allow"`` only records what came.
        skew: seconds by which clocks may differ.
        clock: seconds since 1970, for tests.

    Raises:
        ConfigurationError: one of them is malformed.
    """

    def __init__(
        self,
        secrets: Mapping[str, bytes],
        origin_id: str,
        *,
        mode: Literal["allow", "require"] = "require",
        skew: float = 30,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if mode not in ("allow", "require"):
            raise ConfigurationError(f"the mode of the proxy proof must be 'allow' or 'require', not {mode!r}")
        if not secrets or not all(
            _KID.fullmatch(kid) and len(secret) == SECRET_SIZE for kid, secret in secrets.items()
        ):
            raise ConfigurationError(
                f"the proxy proof needs secrets of {SECRET_SIZE} bytes under ids of 1 to 64 letters, digits, '_' or '-'"
            )
        if not _ORIGIN.fullmatch(origin_id):
            raise ConfigurationError(
                "the origin id of the proxy proof must have 1 to 255 letters, digits or any of ._:/-"
            )
        if not 0 < skew <= 3600:
            raise ConfigurationError(
                f"the clock skew of the proxy proof must be more than 0 and at most 3600 s, not {skew}"
            )
        self.required = mode == "require"
        self._secrets = dict(secrets)
        self._origin_id = origin_id
        self._skew = skew
        self._clock = clock
        self._lock = threading.Lock()
        self._nonces: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, presented: Presented) -> Mapping[str, str]:
        """What is known of the proxy of a request: the claim ``vgi_proxy_proof``.

        Raises:
            Rejected: a proof is required, and there is no valid one.
        """
        claim = {"verified": "false", "proxy": "", "kid": "", "origin_id": self._origin_id, "reason": ""}
        try:
            kid = self._verified(presented.headers.getlist(HEADER))
        except _Unproven as error:
            if self.required:
                raise Rejected(Reason.PROXY, why=f"{HEADER}: {error}") from None
            claim["reason"] = str(error)
        else:
            claim |= {"verified": "true", "proxy": kid, "kid": kid}
        return MappingProxyType(claim)

    def _verified(self, values: list[str]) -> str:
        if len(values) != 1:
            raise _Unproven("repeated" if values else "missing")
        match = _PROOF.fullmatch(values[0]) if len(values[0]) <= MAX_PROOF else None
        if match is None:
            raise _Unproven("malformed")
        kid, stamp, nonce, mac = match.groups()
        secret = self._secrets.get(kid)
        if secret is None:
            raise _Unproven("unknown key")
        if abs(self._clock() - int(stamp)) > self._skew:
            raise _Unproven("too old, or from the future")
        if not hmac.compare_digest(mac, _mac(secret, kid, stamp, nonce, self._origin_id)):
            raise _Unproven("wrong")
        with self._lock:
            if (kid, nonce) in self._nonces:
                raise _Unproven("used before")
            self._nonces[kid, nonce] = None
            if len(self._nonces) > MAX_NONCES:
                self._nonces.popitem(last=False)
        return kid


def proxy_proof(secret: bytes, kid: str, origin_id: str, *, now: float | None = None) -> str:
    """A proof for one request, as a proxy makes it.

    Args:
        secret: 32 bytes.
        kid: id of the secret.
        origin_id: what the worker is called.
        now: seconds since 1970; by default, now.
    """
    stamp = str(int(time.time() if now is None else now))
    nonce = _base64url(os.urandom(16))
    return f"v1.{kid}.{stamp}.{nonce}.{_mac(secret, kid, stamp, nonce, origin_id)}"


def derived_secret(base_key: bytes, proxy_id: str, origin_id: str) -> bytes:
    """The secret of a proxy for a worker, where one base key serves for all of them."""
    return hmac.digest(
        base_key, b"vgi.proxy.proof.v1/" + proxy_id.encode() + b"\0" + origin_id.encode(), hashlib.sha256
    )


def _mac(secret: bytes, kid: str, stamp: str, nonce: str, origin_id: str) -> str:
    content = "".join(part + "\0" for part in ("vgi.proxy.proof.v1", kid, stamp, nonce, origin_id))
    return _base64url(hmac.digest(secret, content.encode("ascii"), hashlib.sha256))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
