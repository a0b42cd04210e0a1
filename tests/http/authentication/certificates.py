"""Client certificates for tests."""

from __future__ import annotations

import datetime
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding


def certificate(subject: str = "CN=loader,O=Example", begins: int = -1, ends: int = 1) -> x509.Certificate:
    """A certificate of ``subject``, valid between two days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name.from_rfc4514_string(subject)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(begins))
        .not_valid_after(now + datetime.timedelta(ends))
        .sign(key, SHA256())
    )


def fingerprint(one: x509.Certificate) -> str:
    return one.fingerprint(SHA256()).hex()


def encoded(*several: x509.Certificate) -> str:
    """URL-encoded PEM, as proxies send it."""
    return quote("".join(one.public_bytes(Encoding.PEM).decode() for one in several), safe="")
