"""Workers behind a real proxy, with the configuration that is in ``examples/hosting``. Skipped without nginx."""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .authentication.provider import AUDIENCE, CLIENT, Provider
from .serving import PATIENCE, ROOT, Browserless, Process, open_scan

NGINX = shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
CONFIGURATION = ROOT / "examples" / "hosting" / "nginx.conf"
BY_ADDRESS = "hash $remote_addr consistent;"

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(NGINX is None, reason="no nginx: install it (Debian: nginx-light)"),
]

AROUND = """
daemon off; {user} pid {folder}/pid; error_log stderr warn;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {configuration}
}}
"""
"""What a distribution's own nginx.conf would have."""


@dataclass(frozen=True)
class Listening:
    """Sockets on which a proxy will listen: their ports are known before it runs."""

    plain: socket.socket
    tls: socket.socket

    @property
    def port(self) -> int:
        port: int = self.plain.getsockname()[1]
        return port

    @property
    def https(self) -> str:
        return f"https://localhost:{self.tls.getsockname()[1]}"


@pytest.fixture
def listening() -> Iterator[Listening]:
    with socket.create_server(("127.0.0.1", 0)) as plain, socket.create_server(("127.0.0.1", 0)) as tls:
        yield Listening(plain, tls)


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def certify(folder: Path) -> None:
    """Make a certificate for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name.from_rfc4514_string("CN=localhost")
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    (folder / "w.example.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "w.example.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@contextmanager
def nginx(listening: Listening, folder: Path, *workers: int, in_turn: bool = True) -> Iterator[None]:
    """The documented configuration, with the addresses of this test."""
    certify(folder)
    text = CONFIGURATION.read_text()
    for number, port in enumerate(workers):
        text = replaced(text, f"server 10.0.0.1{number + 1}:8080;", f"server 127.0.0.1:{port};")
    if in_turn:
        text = replaced(text, BY_ADDRESS, "")
    text = text.replace("/etc/ssl/private/", f"{folder}/")
    addresses = [f"listen 127.0.0.1:{listening.port};", f"listen {listening.https.removeprefix('https://')} ssl;"]
    text = replaced(text, "listen 443 ssl;", "\n    ".join(addresses).replace("localhost", "127.0.0.1"))
    user = "user root;" if os.geteuid() == 0 else ""  # who may write to the folder
    file = folder / "nginx.conf"
    file.write_text(AROUND.format(user=user, folder=folder, configuration=text))
    sockets = (listening.plain.fileno(), listening.tls.fileno())
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-c", str(file), "-e", "stderr"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(
        command,
        env={**os.environ, "NGINX": "".join(f"{number};" for number in sockets)},  # it takes these instead of its own
        pass_fds=sockets,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(timeout=PATIENCE) as client:
            assert client.get(f"http://127.0.0.1:{listening.port}/health").status_code == 200
        yield
    finally:
        process.terminate()
        complaints = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, complaints


@pytest.mark.sql
@pytest.mark.parametrize("in_turn", [False, True], ids=["by address", "in turn"])
def test_sql_through_a_load_balancer(
    connection: duckdb.DuckDBPyConnection,
    attach: Callable[..., str],
    listening: Listening,
    tmp_path: Path,
    in_turn: bool,
) -> None:
    def one(query: str) -> tuple[object, ...]:
        row = connection.execute(query).fetchone()
        assert row is not None
        return row

    with ExitStack() as stack:
        first, second = (stack.enter_context(Process("--processes", "1")) for _ in range(2))
        stack.enter_context(nginx(listening, tmp_path, first.port, second.port, in_turn=in_turn))
        attach(connection, f"http://127.0.0.1:{listening.port}", "served")
        processes = one("SELECT count(DISTINCT pid), count(*), sum(n) FROM served.walk(60000, 3000)")
        assert processes == (2 if in_turn else 1, 60_000, 1_799_970_000)
        assert one("SELECT count(*), sum(n) FROM served.numbers(300000, 1000)") == (300_000, 44_999_850_000)
        assert one("SELECT sum(served.doubled(i)) FROM range(20000) t(i)") == (399_980_000,)
        assert one("SELECT served.total(i) FROM range(20000) t(i)") == (199_990_000,)
        kept = "SELECT sum(rows), sum(total) FROM served.counted((SELECT i FROM range(20000) t(i)))"
        assert one(kept) == (20_000, 199_990_000)
        # Requests of several MB, compressed: more than proxies take when nobody tells them.
        wide = "SELECT array_to_string([md5(concat(i, ' ', j)) FOR j IN range(150)], '') AS text FROM range(4096) t(i)"
        assert one(f"SELECT count(*), sum(length(text)) FROM served.passed(({wide}))") == (4096, 19_660_800)
        with pytest.raises(duckdb.Error, match="no 7"):
            connection.execute("SELECT served.fails(7)")


def test_a_rolling_restart_loses_no_scan(listening: Listening, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(Process("--processes", "1")) for _ in range(2))
        stack.enter_context(nginx(listening, tmp_path, first.port, second.port))
        client = stack.enter_context(Browserless(listening.port))
        scan = open_scan(client, "one_by_one", 400, width=60_000)
        numbers, pids, stopped = [], set(), False
        for batch in scan:
            numbers += batch.data["n"].to_pylist()
            pids |= set(batch.data["pid"].to_pylist())
            if len(pids) == 2 and not stopped:
                assert first.stop() == (0, "", "")
                stopped = True
        assert stopped, "the proxy did not take turns"
        assert numbers == list(range(400))


def test_signing_in_over_tls_at_whichever_machine(listening: Listening, tmp_path: Path) -> None:
    with ExitStack() as stack:
        provider = stack.enter_context(Provider())
        environment = {
            "VGI_JWT_ISSUER": provider.issuer,
            "VGI_JWT_AUDIENCE": AUDIENCE,
            "VGI_OAUTH_RESOURCE": listening.https,
            "VGI_OAUTH_AUTH_SERVERS": provider.issuer,
            "VGI_OAUTH_CLIENT_ID": CLIENT,
        }
        workers = [stack.enter_context(Process("--processes", "1", environment=environment)) for _ in range(2)]
        stack.enter_context(nginx(listening, tmp_path, *(worker.port for worker in workers)))
        token = provider.token(email="alice@example.org", name="Alice" * 40, groups=["g" * 20] * 101)
        assert 3400 < len(token) < 3800, "of a size for which proxies must be told to take large heads"
        provider.grants = [{"access_token": token, "expires_in": 600}]
        browser = stack.enter_context(
            httpx.Client(verify=False, follow_redirects=True, timeout=PATIENCE, headers={"Accept": "text/html"})
        )
        page = browser.get(f"{listening.https}/")
        assert page.status_code == 200, page.text
        assert [answer.url.path for answer in page.history] == ["/", "/authorize", "/_oauth/callback"]
        head = page.history[-1].headers.raw
        assert sum(len(name) + len(value) for name, value in head) > 4096
        assert '<span class="who" title="Signed in">alice</span>' in page.text
        assert f"LOCATION &#39;{listening.https}&#39;" in page.text
        assert all(cookie.secure for cookie in browser.cookies.jar)
