"""Client certificates that a proxy has checked and hands on in a header (spec 02, section 13.4)."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from ...rpc.call import Identity
from .base import Authenticator, ConfigurationError, Presented, Reason, Rejected

XFCC = "x-forwarded-client-cert"
MAX_HEADER = 65_536
MAX_ELEMENTS = 32

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ATTRIBUTES = {"emailAddress": NameOID.EMAIL_ADDRESS, "serialNumber": NameOID.SERIAL_NUMBER}


@dataclass(frozen=True)
class _Client:
    """A client as its certificate, or the proxy's account of it, describes it."""

    subject: x509.Name
    fingerprint: str
    certificate: x509.Certificate | None
    names: Mapping[str, tuple[str, ...]]


def forwarded_client_cert(
    trusted_proxies: Sequence[str],
    *,
    subjects: Iterable[str] | None = None,
    fingerprints: Iterable[str] | None = None,
    check_expiry: bool = False,
) -> Authenticator:
    """Clients whose certificate a proxy describes in ``x-forwarded-client-cert``, as Envoy does.

    Of several descriptions the last one counts, which the proxy that is trusted has added itself.

    Args:
        trusted_proxies: addresses or networks of the proxies. They must take the header away from what
            clients send, and the worker should be reachable from them alone.
        subjects: who is let in: common names, or whole names such as ``"CN=loader,O=Example"``; by default everyone
            whom the proxy has let in.
        fingerprints: SHA-256 fingerprints of the certificates that are let in, in hex.
        check_expiry: also check the dates of the certificate; the proxy must then hand on all of it (``Cert``).

    Raises:
        ConfigurationError: this cannot work.
    """
    return _certificates(XFCC, _described, trusted_proxies, subjects, fingerprints, check_expiry)


def client_cert_header(
    header: str,
    trusted_proxies: Sequence[str],
    *,
    subjects: Iterable[str] | None = None,
    fingerprints: Iterable[str] | None = None,
    check_expiry: bool = True,
) -> Authenticator:
    """Clients whose certificate a proxy hands on as URL-encoded PEM, as nginx does.

    Args:
        header: name of the header, such as ``"X-SSL-Client-Cert"``.
        trusted_proxies: as for :func:`forwarded_client_cert`.
        subjects: likewise.
        fingerprints: likewise.
        check_expiry: also check the dates of the certificate.

    Raises:
        ConfigurationError: this cannot work.
    """
    return _certificates(header.lower(), _encoded, trusted_proxies, subjects, fingerprints, check_expiry)


def networks(addresses: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks, parsed.

    Raises:
        ConfigurationError: there is none, or one of them is malformed.
    """
    if isinstance(addresses, str) or not addresses:
        raise ConfigurationError("expected a list of the addresses or networks of trusted proxies, such as 10.0.0.0/8")
    try:
        return tuple(ipaddress.ip_network(each) for each in addresses)
    except ValueError as error:
        raise ConfigurationError(f"the address of a trusted proxy is malformed: {error}") from error


def within(peer: str | None, trusted: Sequence[Network]) -> bool:
    """Whether ``peer`` is in one of the networks; nobody knows who is at the end of a socket without address."""
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped  # what a socket for both families calls an IPv4 peer
    return any(address in network for network in trusted)


def _certificates(
    header: str,
    read: Callable[[str], _Client],
    trusted_proxies: Sequence[str],
    subjects: Iterable[str] | None,
    fingerprints: Iterable[str] | None,
    check_expiry: bool,
) -> Authenticator:
    trusted = networks(trusted_proxies)
    allowed_names, allowed_subjects = _subjects(subjects)
    allowed_prints = _fingerprints(fingerprints)

    def authenticate(presented: Presented, /) -> Identity:
        values = presented.headers.getlist(header)
        if not values:
            raise Rejected(Reason.MISSING, proxied=True)
        if not within(presented.peer, trusted):
            raise Rejected(Reason.PROXY, why=f"{header} came from {presented.peer}, which is no trusted proxy")
        if len(values) > 1 or len(values[0]) > MAX_HEADER:
            raise _invalid(f"{header} is repeated, or longer than {MAX_HEADER} characters")
        try:
            client = read(values[0])
        except ValueError as error:
            raise _invalid(f"{header} cannot be read: {error}") from error
        if check_expiry:
            _check_dates(client.certificate)
        principal = _common_name(client.subject)
        if subjects is not None and principal not in allowed_names and client.subject not in allowed_subjects:
            raise _invalid(f"{principal!r} is not among the subjects that are let in")
        if fingerprints is not None and client.fingerprint not in allowed_prints:
            raise _invalid("the certificate is not among those that are let in")
        claims = {"subject": client.subject.rfc4514_string(), "fingerprint": client.fingerprint, **client.names}
        return Identity("mtls", principal, True, MappingProxyType(claims))

    return authenticate


def _invalid(why: str) -> Rejected:
    return Rejected(Reason.INVALID, why=why, proxied=True)


def _subjects(subjects: Iterable[str] | None) -> tuple[frozenset[str], tuple[x509.Name, ...]]:
    if isinstance(subjects, str):
        raise ConfigurationError("expected a list of subjects, not one text")
    names, wholes = set(), []
    for subject in subjects or ():
        try:
            if "=" in subject:
                wholes.append(_name(subject))
            else:
                names.add(subject)
        except ValueError as error:
            raise ConfigurationError(f"the subject {subject!r} is no name like 'CN=loader,O=Example'") from error
    return frozenset(names), tuple(wholes)


def _fingerprints(fingerprints: Iterable[str] | None) -> frozenset[str]:
    if isinstance(fingerprints, str):
        raise ConfigurationError("expected a list of fingerprints, not one text")
    plain = [each.replace(":", "").lower() for each in fingerprints or ()]
    for each in plain:
        if not _FINGERPRINT.fullmatch(each):
            raise ConfigurationError(f"a SHA-256 fingerprint has 64 hex digits, unlike {each!r}")
    return frozenset(plain)


def _common_name(subject: x509.Name) -> str:
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str) or not names[0].value:
        raise _invalid("the certificate has not exactly one common name")
    return names[0].value


def _check_dates(certificate: x509.Certificate | None) -> None:
    if certificate is None:
        raise _invalid("the proxy does not hand on the certificate, so its dates cannot be checked")
    now = datetime.datetime.now(datetime.UTC)
    if now < certificate.not_valid_before_utc:
        raise _invalid("the certificate is not valid yet")
    if now > certificate.not_valid_after_utc:
        raise Rejected(Reason.EXPIRED, why="the certificate has expired", proxied=True)


def _name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text, _ATTRIBUTES)


def _encoded(value: str) -> _Client:
    certificates = x509.load_pem_x509_certificates(unquote(value, errors="strict").encode())
    if len(certificates) != 1:
        raise ValueError("there is more than one certificate")
    certificate = certificates[0]
    return _Client(certificate.subject, certificate.fingerprint(SHA256()).hex(), certificate, {})


def _described(value: str) -> _Client:
    """A client as the last element of ``x-forwarded-client-cert`` describes it."""
    fields: dict[str, list[str]] = {}
    for key, text in parse_xfcc(value)[-1]:
        fields.setdefault(key.lower(), []).append(text)
    if any(len(fields.get(key, ())) > 1 for key in ("hash", "cert", "subject")):
        raise ValueError("the client is described twice")
    fingerprint = fields.get("hash", [""])[0].lower()
    if fingerprint and not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError("Hash is not a SHA-256 fingerprint")
    names: dict[str, tuple[str, ...]] = {name: tuple(fields[name]) for name in ("uri", "dns") if name in fields}
    if "cert" in fields:
        client = _encoded(fields["cert"][0])
        if fingerprint not in ("", client.fingerprint):
            raise ValueError("Hash is not that of Cert")
        return _Client(client.subject, client.fingerprint, client.certificate, names)
    if "subject" not in fields:
        raise ValueError("neither Cert nor Subject is given")
    return _Client(_name(fields["subject"][0]), fingerprint, None, names)


_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))\s*(;|,|$)')


def parse_xfcc(value: str) -> list[list[tuple[str, str]]]:
    """The elements of ``x-forwarded-client-cert``, each a list of keys and values.

    ``URI`` and ``By`` are percent-decoded; ``Cert`` is left for who parses it.

    Raises:
        ValueError: it is malformed.
    """
    elements: list[list[tuple[str, str]]] = [[]]
    position = 0
    while True:
        match = _PAIR.match(value, position)
        if match is None:
            raise ValueError(f"expected key=value at character {position}")
        key, quoted, plain, end = match.groups()
        text = re.sub(r"\\(.)", r"\1", quoted, flags=re.S) if quoted is not None else plain
        elements[-1].append((key, unquote(text, errors="strict") if key.lower() in ("uri", "by") else text))
        if len(elements[-1]) > MAX_ELEMENTS or len(elements) > MAX_ELEMENTS:
            raise ValueError(f"there are more than {MAX_ELEMENTS} elements")
        if not end:
            return elements
        if end == ",":
            elements.append([])
        position = match.end()
