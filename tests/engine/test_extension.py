from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from duckwing.engine import install
from duckwing.engine.extension import cache_folder, find
from duckwing.engine.target import package, this_target

FakeNpm = Callable[..., Any]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_nothing_is_found_where_nothing_is(cache: Path) -> None:
    assert find() is None


def test_the_cache_is_found_and_loads_httpfs_first(cache: Path, fake_npm: FakeNpm) -> None:
    fake_npm()
    files = install().files
    located = find()
    assert located is not None
    assert located.source == "cache"
    assert list(located.load_order()) == [file.locate(cache) for file in files]


def test_a_hand_picked_vgi_takes_the_httpfs_beside_it(
    cache: Path, fake_npm: FakeNpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm()
    install()
    vgi = touch(tmp_path / "own" / "vgi.duckdb_extension")
    httpfs = touch(tmp_path / "own" / "httpfs.duckdb_extension")
    monkeypatch.setenv("DUCKWING_EXTENSION", str(vgi))
    located = find()
    assert located is not None
    assert located.source == "environment"
    assert list(located.load_order()) == [httpfs, vgi]


def test_a_hand_picked_vgi_takes_the_httpfs_that_npm_put_near_it(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = tmp_path / "node_modules"
    vgi = touch(modules / package("vgi", this_target()) / "bin" / "vgi.duckdb_extension")
    httpfs = touch(modules / package("httpfs", this_target()) / "bin" / "httpfs.duckdb_extension")
    monkeypatch.setenv("DUCKWING_EXTENSION", str(vgi))
    located = find()
    assert located is not None
    assert list(located.load_order()) == [httpfs, vgi]


def test_a_hand_picked_vgi_takes_the_cached_httpfs_or_none(
    cache: Path, fake_npm: FakeNpm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vgi = touch(tmp_path / "own" / "vgi.duckdb_extension")
    monkeypatch.setenv("DUCKWING_EXTENSION", str(vgi))
    located = find()
    assert located is not None
    assert list(located.load_order()) == [vgi]
    fake_npm()
    httpfs = install().files[0].locate(cache)
    located = find()
    assert located is not None
    assert list(located.load_order()) == [httpfs, vgi]


def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUCKWING_CACHE", raising=False)
    assert cache_folder() == Path(platformdirs.user_cache_dir("duckwing", appauthor=False))
