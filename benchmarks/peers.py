"""SDKs in other languages: fetched through the user's own npm, and run as their documentation shows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from duckwing.engine.extension import cache_folder

TYPESCRIPT = Path(__file__).resolve().parent / "peers" / "typescript"

_NPM_FLAGS = (
    "--global=false",
    # Bun's own package installs nothing without its script, but the binary that it would link is a dependency.
    "--ignore-scripts",
    "--no-package-lock",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--no-progress",
    "--loglevel=error",
)

_LINES_OF_NPM = 4
"""How much of npm's explanation is repeated: it begins with the cause."""


class PeerUnavailableError(Exception):
    """A peer cannot be installed or started here; the message says why."""


@dataclass(frozen=True)
class Peer:
    """A peer that is ready to be attached.

    Attributes:
        title: its name and the versions that were installed.
        location: the ``LOCATION`` of its worker, which serves the catalog ``bench``.
    """

    title: str
    location: str


@contextlib.contextmanager
def typescript() -> Iterator[Peer]:
    """The published TypeScript SDK on Bun, installed into the cache if it is not there yet.

    Its worker keeps the state of groups and buffers in files, which outlive it. They go to a folder inside the
    system's one for temporary files, and vanish at the end of the ``with`` block: close the engine's connection
    before. Its aggregates are as fast as the file system there: ``TMPDIR`` chooses another, perhaps one in memory.

    Raises:
        PeerUnavailableError: there is no npm, or it fails, or what it brought does not run.
    """
    home = _install(TYPESCRIPT / "package.json")
    bun, bun_version = _bun(home)
    version = json.loads((home / "node_modules/@query-farm/vgi/package.json").read_text(encoding="utf-8"))["version"]
    with tempfile.TemporaryDirectory(prefix="duckwing-peer-", ignore_cleanup_errors=True) as scratch:
        # Imports are looked up beside the worker's file.
        worker = Path(shutil.copy(TYPESCRIPT / "worker.ts", scratch))
        (Path(scratch) / "node_modules").symlink_to(home / "node_modules", target_is_directory=True)
        environment = {
            "TMPDIR": scratch,
            "VGI_WORKER_SQLITE_PATH": f"{scratch}/storage.db",
            "BUN_RUNTIME_TRANSPILER_CACHE_PATH": f"{scratch}/bun",
        }
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", *settings, str(bun), "--no-install", str(worker)]
        yield Peer(f"TypeScript SDK {version} on Bun {bun_version}", f"exec {shlex.join(command)}")


def _install(package: Path) -> Path:
    """The folder whose ``node_modules`` has what ``package`` asks for, filled if need be."""
    parent = cache_folder() / "benchmarks"
    home = parent / f"typescript-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    if home.exists():
        return home
    npm = shutil.which("npm")
    if npm is None:
        raise PeerUnavailableError("npm is not on PATH; install Node.js, which brings it")
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=parent) as fetched:
        shutil.copy(package, fetched)
        done = subprocess.run(
            [npm, "install", "--prefix", fetched, *_NPM_FLAGS],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            said = "\n".join(done.stderr.strip().splitlines()[:_LINES_OF_NPM])
            raise PeerUnavailableError(f"npm failed (exit status {done.returncode}) and said:\n{said}")
        _bun(Path(fetched))
        ready = Path(fetched, "ready")
        ready.mkdir()
        Path(fetched, "node_modules").rename(ready / "node_modules")
        # Another benchmark may have finished the same installation meanwhile: its folder is as good.
        with contextlib.suppress(OSError):
            ready.rename(home)
    return home


def _bun(home: Path) -> tuple[Path, str]:
    """The first of the Bun binaries in ``home`` that runs on this machine, and its version."""
    for binary in sorted(home.glob("node_modules/@oven/bun-*/bin/bun")):
        try:
            done = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):  # built for another libc or processor
            continue
        return binary, done.stdout.strip()
    raise PeerUnavailableError(f"npm installed no Bun that runs on this machine into {home}")
