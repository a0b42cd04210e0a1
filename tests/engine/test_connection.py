from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckwing.engine import EngineError, connect, connection, install, status
from duckwing.engine.connection import TELEMETRY
from duckwing.engine.extension import find

FakeNpm = Callable[..., Any]


def vgi_file() -> Path:
    """The file that connections of this test session load."""
    located = find()
    if located is None:
        pytest.skip("the extension is installed by DuckDB itself, not as a file of ours")
    return located.vgi


def test_without_an_extension_the_error_names_the_command_that_fetches_it(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"run: duckwing engine install$"):
        connect(extension_directory=str(tmp_path))


def test_another_version_of_duckdb_is_refused_before_anything_is_opened(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb, "__version__", "1.4.0")
    with pytest.raises(EngineError, match=r'DuckDB 1\.4\.0 is installed.*pip install "duckdb==1\.5\.5"'):
        connect(tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


def test_without_duckdb_the_error_names_the_extra(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(EngineError, match=r'pip install "duckwing\[engine\]"'):
        connect()


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_changed_file_is_not_loaded(cache: Path, fake_npm: FakeNpm, change: str) -> None:
    fake_npm()
    file = install().files[1].locate(cache)
    if change == "size":
        found = file.stat()
        with file.open("ab") as out:
            out.write(b"!")
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    else:
        os.utime(file, ns=(0, 0))
    with pytest.raises(EngineError, match=r"vgi\.duckdb_extension is not the file.*run: duckwing engine install$"):
        connect()


def test_a_missing_file_is_named(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm()
    install().files[0].locate(cache).unlink()
    with pytest.raises(EngineError, match=r"httpfs\.duckdb_extension is missing.*run: duckwing engine install$"):
        connect()


def test_a_broken_manifest_is_named(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "manifest.json").write_text("[]")
    with pytest.raises(EngineError, match=r"manifest\.json cannot be read.*run: duckwing engine install$"):
        connect()


def test_a_file_that_duckdb_refuses_is_an_engine_error_and_the_database_is_closed(
    cache: Path, fake_npm: FakeNpm, tmp_path: Path
) -> None:
    fake_npm()
    install()
    with pytest.raises(EngineError, match=r"(?s)could not load .*httpfs\.duckdb_extension: .*engine install --force"):
        connect(tmp_path / "some.db")
    # DuckDB refuses to open a file with another configuration as long as it is open.
    duckdb.connect(str(tmp_path / "some.db")).close()


def test_the_variable_must_name_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUCKWING_EXTENSION", str(tmp_path))
    with pytest.raises(EngineError, match=r"DUCKWING_EXTENSION is .* which is no file"):
        connect()


@pytest.mark.parametrize(("chosen", "expected"), [(None, "1"), ("0", "0"), ("", "")])
@pytest.mark.sql
def test_telemetry_is_off_before_the_extension_loads_unless_the_user_has_decided(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None, expected: str
) -> None:
    monkeypatch.setenv(TELEMETRY, "to be restored")
    if chosen is None:
        monkeypatch.delenv(TELEMETRY)
    else:
        monkeypatch.setenv(TELEMETRY, chosen)
    seen = []
    monkeypatch.setattr(connection, "_load", lambda con, file: seen.append(os.environ.get(TELEMETRY)))
    connect().close()
    assert set(seen) == {expected}


@pytest.mark.sql
def test_httpfs_is_loaded_before_vgi(monkeypatch: pytest.MonkeyPatch) -> None:
    vgi_file()
    order = []
    monkeypatch.setattr(connection, "_load", lambda con, file: order.append(file.name))
    connect().close()
    assert order == ["httpfs.duckdb_extension", "vgi.duckdb_extension"]


@pytest.mark.sql
def test_the_users_configuration_wins() -> None:
    query = "SELECT current_setting('threads'), current_setting('autoload_known_extensions')"
    with connect(threads=3) as ours, connect(threads=1, autoload_known_extensions=True) as theirs:
        assert ours.execute(query).fetchall() == [(3, False)]
        assert theirs.execute(query).fetchall() == [(1, True)]


@pytest.mark.sql
def test_a_database_file_stays(tmp_path: Path) -> None:
    with connect(tmp_path / "kept.db") as con:
        con.execute("CREATE TABLE t AS SELECT 42 AS n")
    with connect(str(tmp_path / "kept.db"), access_mode="read_only") as con:
        assert con.execute("FROM t").fetchall() == [(42,)]


@pytest.mark.sql
def test_the_variable_wins_over_the_cache_and_its_path_is_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = vgi_file()
    folder = tmp_path / "it's; --"
    folder.mkdir()
    chosen = folder / "vgi.duckdb_extension"
    chosen.symlink_to(file)
    monkeypatch.setenv("DUCKWING_EXTENSION", str(chosen))
    loaded = []
    load = connection._load

    def record(con: duckdb.DuckDBPyConnection, path: Path) -> None:
        loaded.append(path)
        load(con, path)

    monkeypatch.setattr(connection, "_load", record)
    with connect() as con:
        assert con.execute("SELECT count(*) FROM vgi_worker_pool()").fetchall() == [(0,)]
    assert loaded[-1] == chosen


@pytest.mark.sql
def test_an_extension_that_duckdb_has_installed_is_the_last_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(vgi_file()).replace("'", "''")
    monkeypatch.setenv("HOME", str(tmp_path))  # where DuckDB keeps what it installs
    monkeypatch.setenv("DUCKWING_CACHE", str(tmp_path / "empty"))
    monkeypatch.delenv("DUCKWING_EXTENSION", raising=False)
    with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as con:
        con.execute(f"INSTALL '{file}'")
    with connect() as con:
        assert con.execute("SELECT count(*) FROM vgi_worker_pool()").fetchall() == [(0,)]
    found = status()
    assert (found.source, found.problems) == ("duckdb", ())
    assert [entry.extension for entry in found.files] == ["vgi"]


def test_importing_the_engine_does_not_import_duckdb() -> None:
    program = "import sys, duckwing.engine as e; e.connect, e.status, e.install; print('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
