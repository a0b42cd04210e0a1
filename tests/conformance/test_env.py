"""``conformance/env.sh``, which tells an outside suite where the workers are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from shutil import which

import pytest

from ..sql.session import Session, literal
from ..sql.transports import TRANSPORT
from .attaching import CONFORMANCE

pytestmark = [
    pytest.mark.sql,
    pytest.mark.skipif(TRANSPORT not in ("stdio", "launch", "http"), reason="env.sh knows no such transport"),
]

MAIN = ["accumulate", "example", "narrow_bind", "projection_repro", "schema_reconcile", "twin_a", "twin_b"]
CATALOGS = {
    "VGI_TEST_WORKER": MAIN,
    "VGI_VERSIONED_WORKER": ["versioned"],
    "VGI_VERSIONED_TABLES_WORKER": ["versioned_tables"],
    "VGI_ATTACH_OPTIONS_WORKER": ["attach_options", "attach_options_required"],
    "VGI_ATTACH_OPTIONS_REQUIRED_WORKER": ["attach_options", "attach_options_required"],
    "VGI_SIMPLE_WRITABLE_WORKER": ["simple_writable"],
    "VGI_BAD_ENUM_WORKER": ["example"],
    "VGI_VERSIONED_HTTP_WORKER": ["versioned"],
    "VGI_VERSIONED_TABLES_HTTP_WORKER": ["versioned_tables"],
}
GATES = ("VGI_TEST_DEDICATED_WORKER", "VGI_REQUIRE_LAUNCHER_TRANSPORT", "VGI_HTTP_TRANSPORT")
OF_TRANSPORT = {
    "stdio": {"VGI_TEST_DEDICATED_WORKER"},
    "launch": {"VGI_REQUIRE_LAUNCHER_TRANSPORT"},
    "http": {"VGI_HTTP_TRANSPORT"},
}


@pytest.fixture(params=["bash", pytest.param("zsh", marks=pytest.mark.skipif(not which("zsh"), reason="no zsh here"))])
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[subprocess.Popen[str]]:
    """A shell that has sourced it, and waits for a line before it ends."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VGI_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    code = f". {quote(str(CONFORMANCE / 'env.sh'))} {TRANSPORT} || exit; env | grep ^VGI_ | sort; echo; read line"
    environment = {**kept, "PATH": path, "TMPDIR": str(tmp_path)}
    monkeypatch.setenv("VGI_WORKER_IDLE_TIMEOUT", "20")
    command = [request.param, "-c", code]
    with subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        yield shell


def variables(shell: subprocess.Popen[str]) -> dict[str, str]:
    """What it has exported."""
    assert shell.stdout is not None
    found = {}
    while line := shell.stdout.readline().strip():
        name, _, value = line.partition("=")
        found[name] = value
    return found


def test_workers_are_where_it_says_while_the_shell_lives(fresh: Session, shell: subprocess.Popen[str]) -> None:
    found = variables(shell)
    files = {"VGI_TEST_BRANCH_DIR", "VGI_SCHEMA_RECONCILE_DB"}
    assert set(found) == {*CATALOGS, "VGI_BAD_PROTOCOL_WORKER", *files, *OF_TRANSPORT[TRANSPORT]}
    assert [found[name] for name in GATES if name in found] == ["1"]
    assert Path(found["VGI_TEST_BRANCH_DIR"]).is_dir()
    for name, catalogs in CATALOGS.items():
        listed = fresh.values(f"SELECT catalog FROM vgi_catalogs({literal(found[name])}) ORDER BY ALL")
        assert listed == catalogs, name
    assert "protocol_version mismatch" in fresh.error(f"FROM vgi_catalogs({literal(found['VGI_BAD_PROTOCOL_WORKER'])})")
    fresh.execute(f"ATTACH 'example' AS example (TYPE vgi, LOCATION {literal(found['VGI_TEST_WORKER'])})")
    assert fresh.value("SELECT example.double(21)") == 42
    servers = {value for value in found.values() if value.startswith("http:")}
    assert len(servers) == (7 if TRANSPORT == "http" else 2)
    assert all(map(serves, servers))
    shell.communicate("\n", timeout=60)
    deadline = time.monotonic() + 60
    while any(map(serves, servers)):
        assert time.monotonic() < deadline, "servers that outlive their shell"
        time.sleep(0.1)


def serves(server: str) -> bool:
    """Whether it answers."""
    try:
        return bool(urllib.request.urlopen(f"{server}/health", timeout=10).status == 200)
    except OSError:
        return False
