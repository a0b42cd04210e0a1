"""Fetch the extension through the user's own npm client, from whatever registry that is set to."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from .errors import EngineError
from .extension import MANIFEST, InstalledFile, Manifest, engine_home, read_manifest, sha256_of
from .target import DUCKDB_VERSION, EXTENSIONS, package, this_target

_FLAGS = (
    "--global=false",
    "--install-strategy=hoisted",
    "--ignore-scripts",
    "--no-save",
    "--no-package-lock",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--no-progress",
    "--loglevel=error",
)

_GRACE = 24 * 3600.0
"""Seconds for which a superseded folder is kept: processes that still read the old manifest may load from it."""

_LINES_OF_NPM = 8
"""How much of npm's own explanation an error repeats; it begins with the cause and ends with a stack trace."""


def install(*, force: bool = False) -> Manifest:
    """Put the newest build of the extension into the cache and tell what is there.

    What is there already and unchanged (by its hash) is kept, unless ``force``.
    Several processes may install at the same time: each makes a folder of its
    own, and the last one to finish decides which is used.

    Args:
        force: fetch again, perhaps a newer build, even if the files are in order.

    Raises:
        EngineError: there is no build for this platform, or no npm, or npm fails or delivers
            something else than expected.
    """
    target = this_target()
    home = engine_home(target)
    if not force and (present := _intact(home)) is not None:
        return present
    npm = shutil.which("npm")
    if npm is None:
        raise EngineError(
            "npm is not on PATH, and the vgi extension is fetched through it; install Node.js (which brings npm) and "
            "repeat, or set DUCKWING_EXTENSION to a vgi.duckdb_extension file that you already have"
        )
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=home) as scratch:
        run_npm(npm, Path(scratch), [package(extension, target) for extension in EXTENSIONS])
        folder = secrets.token_hex(8)
        ready = Path(scratch, folder)
        ready.mkdir(mode=0o700)
        files = tuple(_unpack(Path(scratch), ready, extension, target) for extension in EXTENSIONS)
        ready.rename(home / folder)
    _retire(home)
    manifest = Manifest(DUCKDB_VERSION, target, files)
    _write_manifest(home, manifest)
    _sweep(home, keep=folder)
    return manifest


def _intact(home: Path) -> Manifest | None:
    """The manifest if everything that it lists is as it was installed."""
    try:
        manifest = read_manifest(home)
    except EngineError:  # an unreadable manifest is a reason to install, not to stop
        return None
    if manifest is None or any(file.check(home) != "ok" for file in manifest.files):
        return None
    return manifest


def run_npm(npm: str, prefix: Path, packages: list[str]) -> None:
    """Have npm put packages into ``prefix``, with none of their code run.

    Raises:
        EngineError: npm cannot be started, or fails.
    """
    command = [npm, "install", "--prefix", str(prefix), *_FLAGS, *packages]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise EngineError(f"npm ({npm}) cannot be started: {error}; repair Node.js and repeat") from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[:_LINES_OF_NPM]
        raise EngineError(
            f"npm could not fetch {' and '.join(packages)} (exit status {done.returncode}). Check the network and the "
            "registry that npm uses (npm config get registry), then repeat. npm said:\n" + "\n".join(said)
        )


def _unpack(scratch: Path, ready: Path, extension: str, target: str) -> InstalledFile:
    """Move the extension's file out of npm's folders and record it."""
    name = package(extension, target)
    leaf = scratch / "node_modules" / name
    file = ready / f"{extension}.duckdb_extension"
    try:
        version = str(json.loads((leaf / "package.json").read_text(encoding="utf-8"))["version"])
        (leaf / "bin" / file.name).rename(file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"npm succeeded, but the package {name} is not as expected (bin/{file.name} and package.json): {error!r}. "
            "Check the registry that npm uses (npm config get registry)"
        ) from error
    found = file.stat()
    return InstalledFile(
        extension=extension,
        package=name,
        version=version,
        path=f"{ready.name}/{file.name}",
        sha256=sha256_of(file),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
    )


def _write_manifest(home: Path, manifest: Manifest) -> None:
    handle, name = tempfile.mkstemp(prefix=".manifest-", dir=home)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(manifest.to_json())
    os.replace(name, home / MANIFEST)


def _retire(home: Path) -> None:
    """Start the grace of the folder that is in use until now."""
    try:
        superseded = read_manifest(home)
    except EngineError:
        return
    for file in superseded.files if superseded else ():
        with contextlib.suppress(OSError):  # already gone
            os.utime(file.locate(home).parent)


def _sweep(home: Path, keep: str) -> None:
    """Remove what earlier or broken-off installations left, once nobody can be about to load from it."""
    for entry in home.iterdir():
        if entry.name in (MANIFEST, keep):
            continue
        try:
            old = time.time() - entry.stat().st_mtime > _GRACE
        except FileNotFoundError:  # another installation was faster
            continue
        if old and entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif old:
            entry.unlink(missing_ok=True)
