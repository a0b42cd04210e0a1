"""Sealed strings that clients carry from call to call (spec 02, section 9).

A token is ``version (1 byte) + salt (16) + nonce (12) + ciphertext and tag``, in base64. The key is made of the
worker's key, the salt and the purpose by HKDF, so each process seals with keys of its own and one purpose's tokens
never open for another. What is sealed is ``codec (1 byte) + payload``, compressed where that is smaller.
"""

from __future__ import annotations

import base64
import binascii
import functools
import os
from collections.abc import Sequence

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import Error

MAX_TOKEN = 96 << 20
"""Bytes of a token that are looked at: a call with join keys of the largest size has some 64 MiB."""

MAX_PAYLOAD = 256 << 20

_VERSION = b"\x01"
_SALT, _NONCE, _TAG = 16, 12, 16
_RAW, _ZSTD = b"\0", b"\1"
_COMPRESS_FROM = 512
_MESSAGES_PER_SALT = 1 << 24


class InvalidToken(Error):
    """A token is not ours, was made for another caller, or has been changed. Which of them is not said."""

    def __init__(self, message: str = "Invalid state token; run the query again"):
        super().__init__(message)


class Sealer:
    """Seals and opens tokens.

    Args:
        keys: of 32 bytes; the first one seals, each of them opens.

    Raises:
        ValueError: there is none, or one of another size.
    """

    def __init__(self, keys: Sequence[bytes]):
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("a signing key has 32 bytes")
        self._keys = tuple(keys)
        self._salt = b""
        self._left = 0
        self._process = 0

    def seal(self, payload: bytes, purpose: bytes, context: bytes = b"") -> bytes:
        """A token.

        Args:
            payload: what it carries.
            purpose: what it is for; tokens of other purposes do not open for it.
            context: must be the same when it is opened.
        """
        # A forked process must not go on with the salt of its parent: both would count from the same number.
        if not self._left or self._process != os.getpid():
            self._salt, self._left, self._process = os.urandom(_SALT), _MESSAGES_PER_SALT, os.getpid()
        self._left -= 1
        data = _RAW + payload
        if len(payload) >= _COMPRESS_FROM:
            smaller = zstandard.ZstdCompressor(level=1).compress(payload)
            if len(smaller) < len(payload):
                data = _ZSTD + smaller
        nonce = os.urandom(_NONCE)
        sealed = _cipher(self._keys[0], self._salt, purpose).encrypt(nonce, data, context)
        return base64.b64encode(b"".join((_VERSION, self._salt, nonce, sealed)))

    def open(self, token: bytes, purpose: bytes, context: bytes = b"") -> bytes:
        """What was sealed.

        Raises:
            InvalidToken: it was not sealed here for this purpose and context.
        """
        if len(token) > MAX_TOKEN:
            raise InvalidToken
        try:
            raw = base64.b64decode(token, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidToken from None
        # Characters beyond the last byte's bits are not authenticated; there is one way to write a token.
        if len(raw) < 1 + _SALT + _NONCE + _TAG or raw[:1] != _VERSION or base64.b64encode(raw) != token:
            raise InvalidToken
        salt, nonce, sealed = raw[1:17], raw[17:29], raw[29:]
        for key in self._keys:
            try:
                data = _cipher(key, salt, purpose).decrypt(nonce, sealed, context)
            except InvalidTag:
                continue
            if data[:1] == _ZSTD:
                if zstandard.frame_content_size(data[1:]) > MAX_PAYLOAD:  # which the decompressor itself believes
                    raise InvalidToken
                return zstandard.ZstdDecompressor().decompress(data[1:], max_output_size=MAX_PAYLOAD)
            return data[1:]
        raise InvalidToken


@functools.lru_cache(maxsize=256)
def _cipher(key: bytes, salt: bytes, purpose: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"duckwing token 1 " + purpose).derive(key))
