"""Fetch the WebAssembly engine that a worker's SQL console runs in browsers, through the user's own npm client."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from ..http.pages.wasm import FILES, FOLDER
from .errors import EngineError
from .extension import cache_folder, sha256_of
from .npm import run_npm
from .target import DUCKDB_VERSION, package

_ENGINE = "@haybarn/haybarn-wasm"
_EXTENSION = package("vgi", "wasm-eh")
_ARROW = "apache-arrow"
"""A dependency of the engine, so npm puts it beside it."""

_WANTED = (f"{_ENGINE}@~{DUCKDB_VERSION}-0", _EXTENSION)
"""The extension fits engines of one version; their builds are named as pre-releases of it."""

_SOURCES = {
    "arrow.js": (_ARROW, "Arrow.es2015.min.js"),
    "duckdb-browser.cjs": (_ENGINE, "dist/duckdb-browser.cjs"),
    "duckdb-browser-eh.worker.js": (_ENGINE, "dist/duckdb-browser-eh.worker.js"),
    "duckdb-eh.wasm": (_ENGINE, "dist/duckdb-eh.wasm"),
    "vgi.duckdb_extension.wasm": (_EXTENSION, "bin/vgi.duckdb_extension.wasm"),
}

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class WasmEngine:
    """What is installed.

    Attributes:
        packages: version of each npm package that files came from.
        files: SHA-256 of each file's content, in hexadecimal digits.
    """

    packages: dict[str, str]
    files: dict[str, str]


def install_wasm(*, force: bool = False) -> WasmEngine:
    """Put the engine into the cache and tell what is there. What is there as a whole and unchanged is kept.

    Args:
        force: fetch again, perhaps a newer build, even if the files are in order.

    Raises:
        EngineError: there is no npm, or npm fails or delivers something else than expected.
    """
    home = cache_folder() / FOLDER
    if not force and (present := _intact(home)) is not None:
        return present
    npm = shutil.which("npm")
    if npm is None:
        raise EngineError(
            "npm is not on PATH, and the WebAssembly engine is fetched through it; "
            "install Node.js (which brings npm) and repeat"
        )
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".fetch-wasm-", dir=home.parent) as scratch:
        run_npm(npm, Path(scratch), list(_WANTED))
        ready = Path(scratch, "ready")
        ready.mkdir(mode=0o700)
        engine = _unpack(Path(scratch, "node_modules"), ready)
        (ready / MANIFEST).write_text(json.dumps(asdict(engine), indent=2) + "\n", encoding="utf-8")
        _replace(home, ready, Path(scratch, "superseded"))
    return engine


def installed_wasm() -> WasmEngine | None:
    """What is installed; None if nothing is, or a file is not as it was."""
    return _intact(cache_folder() / FOLDER)


def _intact(home: Path) -> WasmEngine | None:
    try:
        record = json.loads((home / MANIFEST).read_text(encoding="utf-8"))
        engine = WasmEngine(dict(record["packages"]), dict(record["files"]))
        unchanged = all(sha256_of(home / name) == engine.files.get(name) for name in FILES)
    except (OSError, ValueError, TypeError, KeyError):  # a reason to install, not to stop
        return None
    return engine if unchanged else None


def _unpack(modules: Path, ready: Path) -> WasmEngine:
    """Move the files out of npm's folders, and pack those that browsers would wait for."""
    packages = {}
    files = {}
    for name, (source, inner) in _SOURCES.items():
        leaf = modules / source
        try:
            packages[source] = str(json.loads((leaf / "package.json").read_text(encoding="utf-8"))["version"])
            (leaf / inner).rename(ready / name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError(
                f"npm succeeded, but the package {source} is not as expected ({inner} and package.json): {error!r}. "
                "Check the registry that npm uses (npm config get registry)"
            ) from error
        files[name] = sha256_of(ready / name)
        with (ready / name).open("rb") as plain, gzip.open(ready / f"{name}.gz", "wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed, 1 << 20)
    return WasmEngine(packages, files)


def _replace(home: Path, ready: Path, superseded: Path) -> None:
    """Put the new folder in the place of the old one, which goes with the scratch folder."""
    with contextlib.suppress(FileNotFoundError):
        home.rename(superseded)
    try:
        ready.rename(home)
    except OSError as error:  # another installation was faster
        if not home.is_dir():
            raise EngineError(f"{home} cannot be written: {error}") from error
