"""``duckwing engine``: install and status."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from ..engine import Status
from ..engine import install as fetch
from ..engine import status as look


def install(*, if_needed: bool, force: bool, quiet: bool) -> None:
    """Fetch the extension; say where it is, unless ``quiet``."""
    before = look()
    if if_needed and before.installed:
        return
    if not quiet and (force or before.source != "cache" or not before.installed):
        print("Fetching DuckDB's vgi extension through npm …", file=sys.stderr)
    manifest = fetch(force=force)
    found = look()
    if not quiet:
        for file in manifest.files:
            print(f"{file.extension} {file.version} ({file.package})")
        print(f"in {found.cache}")
    for problem in found.problems:
        print(f"warning: {problem}", file=sys.stderr)


def install_wasm(*, force: bool, quiet: bool) -> None:
    """Fetch the engine for browsers; say what it is, unless ``quiet``."""
    from ..engine.wasm import install_wasm as fetch_wasm

    found = fetch_wasm(force=force)
    if not quiet:
        for package, version in found.packages.items():
            print(f"{package} {version}")


def status(*, as_json: bool) -> int:
    """Print what :func:`duckwing.engine.status` found; the exit status is 1 when connections would not work."""
    found = look()
    if as_json:
        record = dataclasses.asdict(found) | {"ready": not found.problems}
        print(json.dumps(record, indent=2, default=_json_value))
    else:
        _print_status(found)
    return 1 if found.problems else 0


def _json_value(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON form for {value!r}")


def _print_status(found: Status) -> None:
    sources = {
        "environment": "from DUCKWING_EXTENSION",
        "cache": "from Duckwing's cache",
        "duckdb": "installed by DuckDB itself",
        None: "not found",
    }
    print(f"DuckDB     {found.duckdb or 'not installed'} (needed: {found.duckdb_required})")
    print(f"platform   {found.target or 'no build of the extension exists for this one'}")
    print(f"cache      {found.cache or '-'}")
    print(f"extension  {sources[found.source]}")
    states = {"ok": "unchanged", "changed": "CHANGED", "missing": "MISSING", "unrecorded": "not checked"}
    for file in found.files:
        print(f"  {file.extension} {file.version or '(version unknown)'}: {states[file.state]}")
        print(f"    {file.path}")
        if file.sha256:
            print(f"    sha256 {file.sha256}")
    for problem in found.problems:
        print(f"error: {problem}", file=sys.stderr)
    if not found.problems:
        print("ready")
