"""Bytes that only this user can read and nobody can change unnoticed: secrets in state at rest.

There is no cryptography in the standard library and none in the core's dependencies, and a worker
must not need more than the core to keep an attach option. So this is the textbook construction,
encrypt, then authenticate, from one primitive, keyed BLAKE2b:

- a master key of 32 random bytes, of the environment or in a file of the user (``key``, mode 0600); from it two keys,
  by ``blake2b(key=master, person=...)``: one for the key stream, one for the authentication;
- a nonce of 24 random bytes for each message, so many that none comes twice;
- key stream block ``i`` is ``blake2b(nonce + i, key=stream key)``, 64 bytes; the text is XORed with it;
- the tag is ``blake2b(length of context + context + nonce + ciphertext, key=authentication key)``,
  32 bytes, compared in constant time before anything is decrypted.

A sealed message is ``version (1 byte) + nonce (24) + ciphertext + tag (32)``. The context is not in it:
whoever opens it says what it must have been sealed for.
"""

from __future__ import annotations

import contextlib
import functools
import hmac
import os
import secrets
import stat
import string
import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from ..errors import StateError
from .places import state_root

KEY_VARIABLE = "VGI_SIGNING_KEY"

_VERSION = b"\x01"
_KEY_SIZE = 32
_NONCE_SIZE = 24
_TAG_SIZE = 32
_BLOCK_SIZE = 64


def seal(data: bytes, context: bytes) -> bytes:
    """``data`` encrypted and authenticated for this user; 57 bytes longer.

    Args:
        data: the secret.
        context: what it is for; must be the same in :func:`unseal`.

    Raises:
        StateError: there is no key and none can be made.
    """
    master = signing_keys()[0]
    nonce = secrets.token_bytes(_NONCE_SIZE)
    hidden = _xor(data, master, nonce)
    return _VERSION + nonce + hidden + _tag(master, context, nonce, hidden)


def unseal(sealed: bytes, context: bytes) -> bytes:
    """What was given to :func:`seal` with the same ``context`` under this user's key.

    Raises:
        StateError: it was not, or was changed since.
    """
    overhead = len(_VERSION) + _NONCE_SIZE + _TAG_SIZE
    if len(sealed) < overhead or sealed[:1] != _VERSION:
        raise StateError("a sealed value is damaged, or was not sealed by this version of Duckwing")
    nonce, hidden, tag = sealed[1 : 1 + _NONCE_SIZE], sealed[1 + _NONCE_SIZE : -_TAG_SIZE], sealed[-_TAG_SIZE:]
    for master in signing_keys():
        if hmac.compare_digest(tag, _tag(master, context, nonce, hidden)):
            return _xor(hidden, master, nonce)
    raise StateError("a sealed value is damaged, was sealed for something else, or under another key")


def prove(data: bytes) -> bytes:
    """What only this user can make of ``data``, which is no secret: 32 bytes.

    Raises:
        StateError: there is no key and none can be made.
    """
    return _proof(signing_keys()[0], data)


def is_proven(data: bytes, proof: bytes) -> bool:
    """Whether :func:`prove` made ``proof`` of ``data``, under any of this user's keys.

    Raises:
        StateError: there is no key and none can be made.
    """
    return any(hmac.compare_digest(proof, _proof(master, data)) for master in signing_keys())


def _proof(master: bytes, data: bytes) -> bytes:
    return blake2b(data, key=_derived(master, b"duckwing proof"), digest_size=_TAG_SIZE).digest()


def _xor(data: bytes, master: bytes, nonce: bytes) -> bytes:
    key = _derived(master, b"duckwing stream")
    blocks = range((len(data) + _BLOCK_SIZE - 1) // _BLOCK_SIZE)
    stream = b"".join(blake2b(nonce + block.to_bytes(8, "little"), key=key).digest() for block in blocks)
    number = int.from_bytes(data, "little") ^ int.from_bytes(stream[: len(data)], "little")
    return number.to_bytes(len(data), "little")


def _tag(master: bytes, context: bytes, nonce: bytes, hidden: bytes) -> bytes:
    tag = blake2b(key=_derived(master, b"duckwing tag"), digest_size=_TAG_SIZE)
    for part in (len(context).to_bytes(8, "little"), context, nonce, hidden):
        tag.update(part)
    return tag.digest()


@functools.lru_cache(maxsize=16)
def _derived(master: bytes, purpose: bytes) -> bytes:
    return blake2b(key=master, person=purpose, digest_size=_KEY_SIZE).digest()


def signing_keys(environment: Mapping[str, str] = os.environ) -> tuple[bytes, ...]:
    """The keys of this worker: the first one seals, each of them opens.

    They are those of ``VGI_SIGNING_KEY``, which all machines of a fleet share (64 hexadecimal digits; of several,
    separated by commas, the first one is new); else the one that this user has.

    Raises:
        StateError: they are malformed, or there is no key and none can be made.
    """
    text = environment.get(KEY_VARIABLE)
    return _listed_keys(text) if text else (_user_key(),)


@functools.lru_cache(maxsize=1)
def _listed_keys(text: str) -> tuple[bytes, ...]:
    parts = [part.strip() for part in text.split(",")]
    if any(len(part) != 2 * _KEY_SIZE or not set(part) <= set(string.hexdigits) for part in parts):
        raise StateError(f"{KEY_VARIABLE} must be {2 * _KEY_SIZE} hexadecimal digits, or several such keys with commas")
    return tuple(map(bytes.fromhex, parts))


def _user_key() -> bytes:
    path = state_root() / "key"
    try:
        key = _read_key(path)
        if key is None:
            _make_key(path)
            key = _read_key(path)
    except OSError as error:
        raise StateError(f"cannot read or make the key file {path}: {error.strerror}") from error
    if key is None or len(key) != _KEY_SIZE:
        raise StateError(f"{path} is damaged: remove it, and a new key is made; what the old one sealed is lost")
    return key


def _read_key(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        if sys.platform != "win32" and (stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid()):
            raise StateError(f"will not use the key file {path}: only its user may have access; run: chmod 600 {path}")
        return os.read(descriptor, _KEY_SIZE + 1)
    finally:
        os.close(descriptor)


def _make_key(path: Path) -> None:
    """Put a new key at ``path``, complete from the start; of several processes that do so, one wins."""
    new = path.with_name(f"key.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(new, flags, 0o600)
    try:
        try:
            os.write(descriptor, secrets.token_bytes(_KEY_SIZE))
        finally:
            os.close(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()
