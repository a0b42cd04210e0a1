from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from duckwing.engine import EngineError, connect, install, status
from duckwing.engine.extension import read_manifest
from duckwing.engine.target import package, this_target

FakeNpm = Callable[..., Any]


def test_install_asks_npm_for_the_two_leaf_packages_and_runs_none_of_their_code(cache: Path, fake_npm: FakeNpm) -> None:
    npm = fake_npm()
    install()
    [arguments] = npm.calls()
    assert arguments[0] == "install"
    assert {"--ignore-scripts", "--no-audit", "--no-fund", "--no-save"} <= set(arguments)
    asked = [argument for argument in arguments if argument.startswith("@")]
    assert sorted(asked) == [
        f"@haybarn/ext-httpfs-h1-5-5-{this_target()}",
        f"@haybarn/ext-vgi-h1-5-5-{this_target()}",
    ]


def test_install_records_what_it_unpacked(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm()
    manifest = install()
    assert read_manifest(cache) == manifest
    assert [file.extension for file in manifest.files] == ["httpfs", "vgi"]
    for file in manifest.files:
        content = f"binary of {file.package}".encode()
        path = file.locate(cache)
        assert path.read_bytes() == content
        assert path.name == f"{file.extension}.duckdb_extension"
        assert file.version == "202609.1.2"
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert (file.size, file.mtime_ns) == (len(content), path.stat().st_mtime_ns)
    folder = manifest.files[0].locate(cache).parent
    assert sorted(cache.iterdir()) == sorted([folder, cache / "manifest.json"])
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_install_keeps_what_is_in_order(cache: Path, fake_npm: FakeNpm) -> None:
    npm = fake_npm()
    assert install() == install()
    assert len(npm.calls()) == 1


def test_a_forced_install_leaves_the_files_of_the_previous_one_to_those_who_load_them(
    cache: Path, fake_npm: FakeNpm
) -> None:
    fake_npm()
    first = install()
    long_ago = time.time() - 7 * 24 * 3600
    os.utime(first.files[0].locate(cache).parent, (long_ago, long_ago))
    second = install(force=True)
    assert read_manifest(cache) == second
    assert all(file.locate(cache).exists() for file in (*first.files, *second.files))
    assert not {file.path for file in first.files} & {file.path for file in second.files}


def test_install_removes_what_was_left_long_ago(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm()
    leftovers = [cache / "0123456789abcdef", cache / ".fetch-broken-off"]
    for leftover in leftovers:
        leftover.mkdir(parents=True)
        (leftover / "file").touch()
    half_a_manifest = cache / ".manifest-broken-off"
    half_a_manifest.touch()
    fresh = cache / "of-a-process-that-is-at-work"
    fresh.mkdir()
    long_ago = time.time() - 7 * 24 * 3600
    for path in (*leftovers, half_a_manifest):
        os.utime(path, (long_ago, long_ago))
    install()
    assert not any(path.exists() for path in (*leftovers, half_a_manifest))
    assert fresh.exists()


@pytest.mark.parametrize("damage", ["content", "missing", "manifest"])
def test_install_repairs(cache: Path, fake_npm: FakeNpm, damage: str) -> None:
    npm = fake_npm()
    file = install().files[1].locate(cache)
    if damage == "content":
        before = file.stat()
        file.write_bytes(b"X" + file.read_bytes()[1:])
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif damage == "missing":
        file.unlink()
    else:
        (cache / "manifest.json").write_text('{"duckdb": "1.5.5"')
    install()
    assert len(npm.calls()) == 2
    assert [found.state for found in status().files] == ["ok", "ok"]


def test_without_npm_the_error_tells_how_to_get_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"npm is not on PATH.*install Node\.js.*DUCKWING_EXTENSION"):
        install()
    assert not cache.exists()


def test_a_failing_npm_is_quoted_and_leaves_nothing(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm("for n in range(40): print('npm error line', n, file=sys.stderr)\nunpack(packages[0], '')\nsys.exit(7)")
    with pytest.raises(EngineError) as caught:
        install()
    message = str(caught.value)
    assert "exit status 7" in message
    assert "npm config get registry" in message
    assert "npm said:\nnpm error line 0\nnpm error line 1\n" in message
    assert "npm error line 39" not in message
    assert list(cache.iterdir()) == []


def test_an_npm_that_cannot_be_started_is_named(cache: Path, fake_npm: FakeNpm, tmp_path: Path) -> None:
    fake_npm()
    npm = tmp_path / "bin" / "npm"
    npm.write_text("#!/there/is/no/such/interpreter\n")
    with pytest.raises(EngineError, match="cannot be started"):
        install()


_BOTH = "unpack(packages[0], '')\nunpack(packages[1], '')\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="nothing"),
        pytest.param("unpack(packages[0], '')", id="one of two"),
        pytest.param(
            _BOTH + "(prefix / 'node_modules' / packages[1] / 'package.json').write_text('[]')", id="no version"
        ),
    ],
)
def test_packages_without_the_expected_files_are_refused(cache: Path, fake_npm: FakeNpm, body: str) -> None:
    fake_npm(body)
    with pytest.raises(EngineError, match="not as expected"):
        install()
    assert list(cache.iterdir()) == []


def test_two_installs_at_once_do_not_break_each_other(cache: Path, fake_npm: FakeNpm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        server.settimeout(60)
        port = server.getsockname()[1]
        # Each npm reports and waits for a byte, so both installs are in the middle at the same time.
        fake_npm(
            "import os, socket\n"
            "for package in packages:\n"
            "    unpack(package, 'binary of ' + package + str(os.getpid()))\n"
            f"socket.create_connection(('127.0.0.1', {port})).recv(1)"
        )
        installs = [threads.submit(install, force=True) for _ in range(2)]
        waiting = [server.accept()[0] for _ in installs]
        for connection in waiting:
            connection.sendall(b"g")
            connection.close()
        manifests = [running.result(timeout=60) for running in installs]
    assert read_manifest(cache) in manifests
    assert manifests[0] != manifests[1]
    assert all(file.check(cache) == "ok" for manifest in manifests for file in manifest.files)
    assert not list(cache.glob(".*"))


@pytest.mark.sql
@pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
def test_install_through_the_real_npm_gives_an_extension_that_loads(cache: Path) -> None:
    manifest = install()
    assert [file.package for file in manifest.files] == [package(name, this_target()) for name in ("httpfs", "vgi")]
    found = status()
    assert (found.source, found.problems) == ("cache", ())
    assert json.loads((cache / "manifest.json").read_text())["duckdb"] == "1.5.5"
    with connect() as connection:
        query = "SELECT extension_name FROM duckdb_extensions() WHERE loaded AND extension_name IN ('vgi', 'httpfs')"
        assert sorted(connection.execute(query).fetchall()) == [("httpfs",), ("vgi",)]
