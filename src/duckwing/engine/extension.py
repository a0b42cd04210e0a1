"""Where the extension's files are, and whether they are still the files that were installed.

The cache holds one folder per DuckDB version and target::

    <cache>/engine/1.5.5-linux-x64/manifest.json
                                   <random name>/httpfs.duckdb_extension
                                                 vgi.duckdb_extension

A folder with files is never changed after it is complete. Installing again
makes a new one and replaces the manifest, so a process that has read the old
manifest, or has loaded the old files, is not disturbed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from .errors import EngineError
from .target import DUCKDB_VERSION, package, this_target

MANIFEST = "manifest.json"

FileState = Literal["ok", "changed", "missing"]


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """One file as it was when it was installed.

    Attributes:
        extension: its name, such as ``vgi``.
        package: name of the npm package that brought it.
        version: version of that package.
        path: relative to the manifest's folder, with forward slashes.
        sha256: of the content, in hexadecimal digits.
        size: bytes.
        mtime_ns: time of modification, nanoseconds since 1970.
    """

    extension: str
    package: str
    version: str
    path: str
    sha256: str
    size: int
    mtime_ns: int

    def locate(self, home: Path) -> Path:
        """The file's place, ``home`` being the manifest's folder."""
        return home / self.path

    def glance(self, home: Path) -> FileState:
        """Compare size and modification time: cheap enough for every connection."""
        try:
            found = self.locate(home).stat()
        except FileNotFoundError:
            return "missing"
        return "ok" if (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns) else "changed"

    def check(self, home: Path) -> FileState:
        """Compare everything, the hash of the content included."""
        glance = self.glance(home)
        if glance == "ok" and sha256_of(self.locate(home)) != self.sha256:
            return "changed"
        return glance


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one installation put into the cache."""

    duckdb: str
    target: str
    files: tuple[InstalledFile, ...]

    def to_json(self) -> str:
        """The text of the manifest's file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError: ``text`` is something else.
        """
        record = json.loads(text)
        return cls(record["duckdb"], record["target"], tuple(InstalledFile(**file) for file in record["files"]))


@dataclass(frozen=True, slots=True)
class Located:
    """An extension that can be loaded from files."""

    source: Literal["environment", "cache"]
    vgi: Path
    httpfs: Path | None

    def load_order(self) -> Iterator[Path]:
        """The files in the order in which DuckDB must load them."""
        if self.httpfs is not None:
            yield self.httpfs
        yield self.vgi


def cache_folder() -> Path:
    """Where Duckwing keeps what can be fetched again; ``DUCKWING_CACHE`` moves it."""
    if chosen := os.environ.get("DUCKWING_CACHE"):
        return Path(chosen).absolute()
    try:
        import platformdirs
    except ModuleNotFoundError:
        raise EngineError('the package "platformdirs" is missing; run: pip install "duckwing[engine]"') from None
    return Path(platformdirs.user_cache_dir("duckwing", appauthor=False))


def engine_home(target: str) -> Path:
    """The folder of the manifest for ``target``."""
    return cache_folder() / "engine" / f"{DUCKDB_VERSION}-{target}"


def read_manifest(home: Path) -> Manifest | None:
    """The manifest in ``home``, or None where nothing was installed.

    Raises:
        EngineError: the file is there but is no manifest.
    """
    path = home / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return Manifest.from_json(text)
    except (ValueError, TypeError, KeyError) as error:
        raise EngineError(f"{path} cannot be read as a manifest ({error}); run: duckwing engine install") from None


def find() -> Located | None:
    """Files to load, from ``DUCKWING_EXTENSION`` or else from the cache; None when neither has any.

    Raises:
        EngineError: the variable names no file, or a cached file is not the one that was installed.
    """
    if chosen := os.environ.get("DUCKWING_EXTENSION"):
        vgi = Path(chosen).absolute()
        if not vgi.is_file():
            raise EngineError(
                f"DUCKWING_EXTENSION is {chosen!r}, which is no file; "
                "let it name the file vgi.duckdb_extension, or unset it"
            )
        return Located("environment", vgi, _httpfs_near(vgi))
    cached = _cached()
    return Located("cache", cached["vgi"], cached.get("httpfs")) if "vgi" in cached else None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal digits."""
    import hashlib  # loads OpenSSL, which a connection does not need

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _httpfs_near(vgi: Path) -> Path | None:
    """The httpfs that goes with a hand-picked vgi: beside it, in npm's layout, or the cached one."""
    name = "httpfs.duckdb_extension"
    candidates = [vgi.parent / name]
    try:
        npm_leaf = package("httpfs", this_target()).rpartition("/")[2]
    except EngineError:  # an own build for a platform that npm has nothing for
        pass
    else:
        candidates.append(vgi.parent.parent.with_name(npm_leaf) / "bin" / name)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    return _cached().get("httpfs")


def _cached() -> dict[str, Path]:
    """Extension name -> file in the cache, each unchanged since it was installed."""
    try:
        home = engine_home(this_target())
    except EngineError:
        # No build for this platform, so nothing can be cached; DuckDB may have one installed all the same.
        return {}
    manifest = read_manifest(home)
    if manifest is None:
        return {}
    for file in manifest.files:
        state = file.glance(home)
        if state != "ok":
            raise EngineError(changed_message(file.locate(home), state))
    return {file.extension: file.locate(home) for file in manifest.files}


def changed_message(path: Path, state: FileState) -> str:
    """What to tell the user about a cached file that is not as it was installed."""
    what = "is missing" if state == "missing" else "is not the file that was installed (its content or time changed)"
    return f"{path} {what}, so it is not loaded; to install it afresh, run: duckwing engine install"
