"""What of the engine is here, where it was found, and whether it can be used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import EngineError
from .extension import FileState, changed_message, engine_home, find, read_manifest
from .target import DUCKDB_VERSION, check_duckdb, this_target

Source = Literal["environment", "cache", "duckdb"]


@dataclass(frozen=True, slots=True)
class FileStatus:
    """One file that a connection would load.

    Attributes:
        extension: its name, such as ``vgi``.
        path: the file.
        version: of the npm package, or of the extension as DuckDB tells it; None where nothing
            recorded it.
        sha256: as recorded at installation; None for files that Duckwing did not install.
        state: whether the file is still the one that was installed; its content was hashed to find
            out.
    """

    extension: str
    path: Path
    version: str | None
    sha256: str | None
    state: FileState | Literal["unrecorded"]


@dataclass(frozen=True, slots=True)
class Status:
    """The engine as :func:`status` found it.

    Attributes:
        duckdb: version of the installed DuckDB; None when there is none.
        duckdb_required: the one version that the extension loads into.
        target: operating system and processor in npm's words; None when no build exists for this
            platform.
        cache: folder that ``duckwing engine install`` fills; None when there is no target.
        source: where :func:`duckwing.engine.connect` takes the extension from; None when it finds none.
        files: what a connection would load.
        problems: what keeps connections from working, each with what to do; empty when they work.
    """

    duckdb: str | None
    duckdb_required: str
    target: str | None
    cache: Path | None
    source: Source | None
    files: tuple[FileStatus, ...]
    problems: tuple[str, ...]

    @property
    def installed(self) -> bool:
        """Whether an unchanged extension is here, whatever DuckDB is."""
        return bool(self.files) and all(file.state in ("ok", "unrecorded") for file in self.files)


def status() -> Status:
    """Look for DuckDB and the extension as a connection does, hash the files, and tell what is wrong."""
    problems: list[str] = []
    duckdb = _duckdb_version()
    try:
        check_duckdb()
    except EngineError as error:
        problems.append(str(error))

    target: str | None = None
    no_build: str | None = None
    try:
        target = this_target()
    except EngineError as error:
        no_build = str(error)
    cache: Path | None = None
    source: Source | None = None
    files: tuple[FileStatus, ...] = ()
    try:
        cache = engine_home(target) if target is not None else None
        source, files = _find_files(cache)
        if not files and duckdb is not None:
            files = _files_of_duckdb()
            source = "duckdb" if files else None
    except EngineError as error:
        problems.append(str(error))
    else:
        problems += [changed_message(f.path, f.state) for f in files if f.state in ("changed", "missing")]
        if not files:
            problems.append(no_build or "DuckDB's vgi extension is not installed; run: duckwing engine install")
    return Status(duckdb, DUCKDB_VERSION, target, cache, source, files, tuple(problems))


def _duckdb_version() -> str | None:
    try:
        import duckdb
    except ModuleNotFoundError:
        return None
    return duckdb.__version__


def _find_files(cache: Path | None) -> tuple[Source | None, tuple[FileStatus, ...]]:
    """What ``DUCKWING_EXTENSION`` or the cache has; cached files are listed even when they have changed."""
    if not os.environ.get("DUCKWING_EXTENSION"):
        manifest = read_manifest(cache) if cache is not None else None
        if cache is None or manifest is None:
            return None, ()
        return "cache", tuple(
            FileStatus(file.extension, file.locate(cache), file.version, file.sha256, file.check(cache))
            for file in manifest.files
        )
    located = find()
    if located is None:
        return None, ()
    return located.source, tuple(
        FileStatus(path.name.partition(".")[0], path, None, None, "unrecorded") for path in located.load_order()
    )


def _files_of_duckdb() -> tuple[FileStatus, ...]:
    import duckdb

    query = """
        SELECT extension_name, install_path, extension_version FROM duckdb_extensions()
        WHERE extension_name = 'vgi' AND installed
    """
    with duckdb.connect() as connection:
        found = connection.execute(query).fetchall()
    return tuple(FileStatus(name, Path(path), version or None, None, "unrecorded") for name, path, version in found)
