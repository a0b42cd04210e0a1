"""Client certificates that a proxy hands on."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.http.authentication import (
    ConfigurationError,
    Reason,
    Rejected,
    client_cert_header,
    forwarded_client_cert,
)
from duckwing.http.authentication.proxy import parse_xfcc

from .certificates import certificate, encoded, fingerprint
from .presenting import presented, refused

PROXY = ["10.0.0.0/8", "fd00::1"]
HASH = "ab" * 32
XFCC = "x-forwarded-client-cert"


def described(value: str, peer: str | None = "10.1.2.3") -> Any:
    return presented((XFCC, value), peer=peer)


def sent(value: str, peer: str | None = "10.1.2.3") -> Any:
    return presented(("X-SSL-Client-Cert", value), peer=peer)


class TestForwarded:
    """``x-forwarded-client-cert``."""

    def test_a_description_is_an_identity(self) -> None:
        value = (
            f'By=spiffe://b;Hash={HASH};Subject="CN=loader,O=Example";URI=spiffe%3A%2F%2Fa;DNS=a.example;DNS=b.example'
        )
        assert forwarded_client_cert(PROXY)(described(value)) == (
            "mtls",
            "loader",
            True,
            {
                "subject": "CN=loader,O=Example",
                "fingerprint": HASH,
                "uri": ("spiffe://a",),
                "dns": ("a.example", "b.example"),
            },
        )

    def test_the_certificate_itself_is_read_where_it_is_handed_on(self) -> None:
        own = certificate("CN=extract,O=Example")
        authenticate = forwarded_client_cert(PROXY, check_expiry=True)
        identity = authenticate(described(f'Hash={fingerprint(own)};Cert="{encoded(own)}";Subject="CN=other"'))
        assert identity.principal == "extract"
        assert refused(authenticate, described(f'Hash={HASH};Cert="{encoded(own)}"')) is Reason.INVALID
        assert refused(authenticate, described(f'Hash={HASH};Subject="CN=loader"')) is Reason.INVALID

    def test_the_last_of_several_descriptions_counts(self) -> None:
        # The first one is what a client may have sent; the proxy has appended its own.
        forged = f'Hash={HASH};Subject="CN=admin",Hash={HASH};Subject="CN=loader"'
        assert forwarded_client_cert(PROXY)(described(forged)).principal == "loader"

    @pytest.mark.parametrize("peer", ["11.0.0.1", "fd00::2", "::ffff:11.0.0.1", None, "", "10.0.0.1:80", "testclient"])
    def test_others_than_the_proxies_are_not_believed(self, peer: str | None) -> None:
        authenticate = forwarded_client_cert(PROXY)
        assert refused(authenticate, described('Subject="CN=loader"', peer=peer)) is Reason.PROXY
        assert refused(authenticate, presented(peer=peer)) is Reason.MISSING

    @pytest.mark.parametrize("peer", ["10.255.0.1", "fd00::1", "::ffff:10.0.0.1"])
    def test_the_proxies_are(self, peer: str) -> None:
        assert forwarded_client_cert(PROXY)(described('Subject="CN=loader"', peer=peer)).principal == "loader"

    def test_a_repeated_header_is_refused(self) -> None:
        twice = [(XFCC, 'Subject="CN=loader"')] * 2
        assert refused(forwarded_client_cert(PROXY), presented(*twice, peer="10.0.0.1")) is Reason.INVALID

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "Subject",
            'Subject=""',
            'Subject="CN=loader',
            'Subject="loader"',
            'Subject="O=Example"',
            'Subject="CN=a,CN=b"',
            'Subject="CN=loader";Subject="CN=admin"',
            'Subject="CN=loader";subject="CN=admin"',
            'Subject="CN=loader";Hash=abc',
            'Subject="CN=loader",',
            'Subject="CN=loader";',
            f"Hash={HASH}",
            "Cert=%FF",
            "Cert=nonsense",
            ";".join(["DNS=a"] * 40),
            ",".join(['Subject="CN=a"'] * 40),
            'Subject="CN=loader";URI=%ff',
            'Subject="CN=' + "x" * 70_000 + '"',
        ],
    )
    def test_malformed_descriptions_are_refused(self, value: str) -> None:
        assert refused(forwarded_client_cert(PROXY), described(value)) is Reason.INVALID

    def test_quoting_hides_no_second_description(self) -> None:
        assert parse_xfcc(r'Subject="CN=a\",CN=b;Hash=\\";URI=u,By=x') == [
            [("Subject", r'CN=a",CN=b;Hash=' + "\\"), ("URI", "u")],
            [("By", "x")],
        ]

    @settings(deadline=None)
    @given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40))
    def test_any_common_name_survives_quoting(self, name: str) -> None:
        escaped = name.replace("\\", r"\\").replace('"', r"\"")
        assert parse_xfcc(f'By=x;Subject="{escaped}",URI={quote(name, safe="")}') == [
            [("By", "x"), ("Subject", name)],
            [("URI", name)],
        ]

    @settings(deadline=None)
    @given(st.text(st.characters(codec="latin-1"), max_size=100))
    def test_noise_is_refused_or_read_but_never_an_error(self, value: str) -> None:
        with contextlib.suppress(Rejected):
            assert forwarded_client_cert(PROXY)(described(value)).principal


class TestHeader:
    """URL-encoded PEM in a header."""

    def test_a_certificate_is_an_identity(self) -> None:
        own = certificate()
        assert client_cert_header("X-SSL-Client-Cert", PROXY)(sent(encoded(own))) == (
            "mtls",
            "loader",
            True,
            {"subject": "CN=loader,O=Example", "fingerprint": fingerprint(own)},
        )

    def test_its_dates_are_checked_unless_told_otherwise(self) -> None:
        over, early = certificate(begins=-9, ends=-1), certificate(begins=1, ends=9)
        authenticate = client_cert_header("X-SSL-Client-Cert", PROXY)
        assert refused(authenticate, sent(encoded(over))) is Reason.EXPIRED
        assert refused(authenticate, sent(encoded(early))) is Reason.INVALID
        lenient = client_cert_header("X-SSL-Client-Cert", PROXY, check_expiry=False)
        assert lenient(sent(encoded(over))).principal == "loader"

    def test_only_what_is_listed_is_let_in(self) -> None:
        own, twin = certificate(), certificate()
        colons = ":".join(f"{byte:02X}" for byte in bytes.fromhex(fingerprint(own)))
        authenticate = client_cert_header("X-SSL-Client-Cert", PROXY, fingerprints=[colons])
        assert authenticate(sent(encoded(own))).principal == "loader"
        assert refused(authenticate, sent(encoded(twin))) is Reason.INVALID
        nobody = client_cert_header("X-SSL-Client-Cert", PROXY, fingerprints=[])
        assert refused(nobody, sent(encoded(own))) is Reason.INVALID

    def test_subjects_are_common_names_or_whole_names(self) -> None:
        def let_in(subject: str, *subjects: str) -> bool:
            try:
                client_cert_header("X-SSL-Client-Cert", PROXY, subjects=subjects)(sent(encoded(certificate(subject))))
            except Rejected:
                return False
            return True

        assert let_in("CN=loader,O=Example", "loader")
        assert let_in("CN=loader,O=Example", "other", "CN=loader,O=Example")
        assert not let_in("CN=loader,O=Example", "CN=loader")
        assert not let_in("CN=loader,O=Example", "CN=loader,O=Other")
        assert not let_in("CN=loader,O=Example")
        # A common name that looks like a whole name is none.
        assert not let_in(r"CN=CN\=loader\,O\=Example", "CN=loader,O=Example")

    def test_malformed_certificates_are_refused(self) -> None:
        own = certificate()
        authenticate = client_cert_header("X-SSL-Client-Cert", PROXY)
        for value in ("", "x", encoded(own, own), encoded(own)[:200], encoded(own).replace("BEGIN", "END"), "%FF"):
            assert refused(authenticate, sent(value)) is Reason.INVALID
        assert refused(authenticate, sent(encoded(own), peer="127.0.0.1")) is Reason.PROXY


@pytest.mark.parametrize("proxies", [[], "10.0.0.0/8", ["10.0.0.0/33"], ["proxy.example"], ["10.0.0.1/8"]])
def test_proxies_must_be_named_as_a_list_of_networks(proxies: Any) -> None:
    with pytest.raises(ConfigurationError):
        forwarded_client_cert(proxies)


@pytest.mark.parametrize(
    "limits",
    [
        {"fingerprints": ["abc"]},
        {"fingerprints": HASH},
        {"subjects": "loader"},
        {"subjects": ["=x"]},
        {"subjects": ["cn=a, o=b"]},
    ],
)
def test_malformed_lists_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        client_cert_header("X-SSL-Client-Cert", PROXY, **limits)
