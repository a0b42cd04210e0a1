"""Which DuckDB, which extensions, and which builds of them exist."""

from __future__ import annotations

import os
import sys
import sysconfig

from .errors import EngineError

DUCKDB_VERSION = "1.5.5"
"""The one version of DuckDB that the extension is built for: extensions do not load into any other."""

EXTENSIONS = ("httpfs", "vgi")
"""What is loaded, in this order: ``vgi`` needs the ``httpfs`` of the same build for HTTP locations."""

TARGETS = ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64")
"""The builds that exist, in npm's words for operating system and processor."""

_PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def package(extension: str, target: str) -> str:
    """Name of the npm package that holds ``extension`` for ``target``."""
    return f"@haybarn/ext-{extension}-h{DUCKDB_VERSION.replace('.', '-')}-{target}"


def check_duckdb() -> None:
    """Make sure that the DuckDB of this Python is the one that the extension loads into.

    Raises:
        EngineError: it is missing or has another version.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise EngineError('DuckDB is not installed; run: pip install "duckwing[engine]"') from None
    if duckdb.__version__ != DUCKDB_VERSION:
        raise EngineError(
            f"DuckDB {duckdb.__version__} is installed, and the vgi extension loads into {DUCKDB_VERSION} only; "
            f'run: pip install "duckdb=={DUCKDB_VERSION}"'
        )


def this_target() -> str:
    """The build that fits this Python process, one of :data:`TARGETS`.

    Raises:
        EngineError: there is none.
    """
    # An x64 Python on Windows for ARM needs the x64 build: the interpreter counts, not the machine.
    machine = os.uname().machine if sys.platform != "win32" else sysconfig.get_platform().removeprefix("win-")
    target = f"{sys.platform}-{_PROCESSORS.get(machine.lower(), machine)}"
    if target not in TARGETS or sys.maxsize < 2**32:
        raise EngineError(_unsupported(target if sys.maxsize > 2**32 else f"{target} with a 32-bit Python"))
    if sys.platform == "linux" and not _has_glibc():
        raise EngineError(_unsupported(f"{target} without glibc (Alpine and others with musl)"))
    return target


def _has_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):  # the name is unknown to other C libraries
        return False


def _unsupported(found: str) -> str:
    return (
        f"there is no build of the vgi extension for {found}; builds exist for {', '.join(TARGETS)} (Linux: glibc). "
        "Run DuckDB on one of these; if you have built the extension yourself, set DUCKWING_EXTENSION to its file"
    )
