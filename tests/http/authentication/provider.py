"""A small OpenID provider on this machine: discovery, keys that change, outages, tokens good and bad."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "duckwing"
CLIENT = "client-1"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Provider:
    """A provider; ``with Provider() as provider``.

    Attributes:
        asked: how often each path was asked for.
        broken: an answer other than the right one, by path: status and body.
        hanging: paths that are answered once ``released`` is set.
        forms: what was posted to the endpoints of tokens and devices.
        grants: answers to come for people, devices and refresh tokens.
        codes: ID and access tokens by authorization code, with the challenge that the code was given for.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.broken: dict[str, tuple[int, bytes]] = {}
        self.hanging: set[str] = set()
        self.released = threading.Event()
        self.forms: list[dict[str, str]] = []
        self.grants: list[dict[str, Any]] = []
        self.codes: dict[str, tuple[dict[str, Any], str]] = {}
        self.keys: dict[str, Any] = {}
        self.more_keys: list[dict[str, Any]] = []
        self.add_key("first")
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._answer(self, self.path, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider._answer(self, self.path, {name: value[0] for name, value in parse_qs(body).items()})

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Provider:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add_key(self, kid: str, make: Callable[[], Any] = lambda: ec.generate_private_key(ec.SECP256R1())) -> None:
        self.keys[kid] = make()

    def rotate(self, kid: str) -> None:
        """From now on, ``kid`` is the only key."""
        self.keys.clear()
        self.add_key(kid)

    def token(self, *, kid: str | None = None, headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token; claims that are None are left out."""
        kid = kid or next(iter(self.keys))
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        content = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "alice",
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
        } | claims
        content = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(content, key, algorithm, {"kid": kid} | dict(headers or {}))

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(kid, key) for kid, key in self.keys.items()] + self.more_keys}

    def _answer(self, handler: BaseHTTPRequestHandler, target: str, form: dict[str, str]) -> None:
        path = urlsplit(target).path
        self.asked[path] += 1
        if path in self.hanging:
            self.released.wait(60)
        status, body = self.broken.get(path) or self._right(target, form)
        try:
            handler.send_response(status)
            if status in (301, 302, 307):
                handler.send_header("Location", body.decode())
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # whoever asked has gone

    def _right(self, target: str, form: dict[str, str]) -> tuple[int, bytes]:
        path = urlsplit(target).path
        if path == "/.well-known/openid-configuration":
            return 200, json.dumps(
                {
                    "issuer": self.issuer,
                    "jwks_uri": f"{self.issuer}/keys",
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "device_authorization_endpoint": f"{self.issuer}/device",
                    "grant_types_supported": ["authorization_code", "refresh_token", DEVICE],
                }
            ).encode()
        if path == "/keys":
            return 200, json.dumps(self.jwks()).encode()
        if path == "/authorize":  # whoever asks is known and agrees
            asked = {name: value[0] for name, value in parse_qs(urlsplit(target).query).items()}
            self.codes["code-1"] = (self.grants.pop(0), asked["code_challenge"])
            return 302, f"{asked['redirect_uri']}?{urlencode({'code': 'code-1', 'state': asked['state']})}".encode()
        if path == "/device":
            self.forms.append(form)
            page = {"verification_uri": f"{self.issuer}/activate", "user_code": "ABCD", "device_code": "device-1"}
            return 200, json.dumps(page | {"interval": 1, "expires_in": 60}).encode()
        if path == "/token":
            self.forms.append(form)
            if form.get("grant_type") in (DEVICE, "refresh_token"):
                if not self.grants:
                    return 400, b'{"error": "invalid_grant"}'
                granted = self.grants.pop(0)
                return (400 if "error" in granted else 200), json.dumps(granted).encode()
            answer, challenge = self.codes.pop(form.get("code", ""), ({}, ""))
            verifier = form.get("code_verifier", "")
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            if not answer or digest != challenge:
                return 400, b'{"error": "invalid_grant"}'
            return 200, json.dumps(answer).encode()
        return 404, b"no such page"


def public_jwk(kid: str, key: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid}
