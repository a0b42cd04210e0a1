from __future__ import annotations

import gzip
import hashlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from duckwing.engine import EngineError
from duckwing.engine.wasm import install_wasm, installed_wasm
from duckwing.http.pages.wasm import FILES, engine_folder, wasm_home

FakeNpm = Callable[..., Any]

UNPACK = """
FILES = {
    "@haybarn/haybarn-wasm": ["dist/duckdb-browser.cjs", "dist/duckdb-browser-eh.worker.js", "dist/duckdb-eh.wasm"],
    "@haybarn/ext-vgi-h1-5-5-wasm-eh": ["bin/vgi.duckdb_extension.wasm"],
    "apache-arrow": ["Arrow.es2015.min.js"],
}
for package, files in FILES.items():
    leaf = prefix / "node_modules" / package
    for file in files:
        (leaf / file).parent.mkdir(parents=True, exist_ok=True)
        (leaf / file).write_text("content of " + file)
    (leaf / "package.json").write_text(json.dumps({"version": "7.8.9"}))
"""


def test_install_puts_every_file_where_the_console_looks(cache: Path, fake_npm: FakeNpm) -> None:
    npm = fake_npm(UNPACK)
    assert engine_folder() is None
    engine = install_wasm()
    home = engine_folder()
    assert home is not None
    assert home == wasm_home()
    assert set(FILES) == set(engine.files)
    assert (home / "arrow.js").read_text() == "content of Arrow.es2015.min.js"
    for name in FILES:
        content = (home / name).read_bytes()
        assert engine.files[name] == hashlib.sha256(content).hexdigest()
        assert gzip.decompress((home / f"{name}.gz").read_bytes()) == content
    assert set(engine.packages.values()) == {"7.8.9"}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [entry.name for entry in home.parent.iterdir()] == ["wasm"]
    [arguments] = npm.calls()
    assert "--ignore-scripts" in arguments
    assert [one for one in arguments if one.startswith("@")] == [
        "@haybarn/haybarn-wasm@~1.5.5-0",
        "@haybarn/ext-vgi-h1-5-5-wasm-eh",
    ]


def test_what_is_in_order_is_kept_and_what_is_not_is_fetched_again(cache: Path, fake_npm: FakeNpm) -> None:
    npm = fake_npm(UNPACK)
    engine = install_wasm()
    assert install_wasm() == engine == installed_wasm()
    assert len(npm.calls()) == 1
    home = wasm_home()
    assert home is not None
    (home / "duckdb-eh.wasm").write_text("something else")
    assert installed_wasm() is None
    assert install_wasm() == engine
    assert len(npm.calls()) == 2
    assert (home / "duckdb-eh.wasm").read_text() == "content of dist/duckdb-eh.wasm"
    install_wasm(force=True)
    assert len(npm.calls()) == 3


def test_another_package_than_expected(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm(UNPACK.replace('"dist/duckdb-eh.wasm"', '"dist/other.wasm"'))
    with pytest.raises(EngineError, match=r"@haybarn/haybarn-wasm is not as expected \(dist/duckdb-eh\.wasm"):
        install_wasm()
    assert engine_folder() is None


def test_a_failure_leaves_what_was_there(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm(UNPACK)
    engine = install_wasm()
    fake_npm("print('no such package', file=sys.stderr); sys.exit(1)")
    with pytest.raises(EngineError, match="no such package"):
        install_wasm(force=True)
    assert installed_wasm() == engine


def test_without_npm(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="npm is not on PATH"):
        install_wasm()


def test_both_rooms_mean_one_folder(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from duckwing.engine.extension import cache_folder

    for variables in ({"DUCKWING_CACHE": "somewhere"}, {"XDG_CACHE_HOME": str(tmp_path)}):
        monkeypatch.delenv("DUCKWING_CACHE", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert wasm_home() == cache_folder() / "wasm"
