"""The WebAssembly engine of the console, in a folder where ``duckwing engine install --wasm`` has put it."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "wasm"
"""Of the engine, in Duckwing's cache."""

THREAD = "duckdb-browser-eh.worker.js"
"""The script of the engine's own thread, which loads the others of its files."""

FILES = {
    "arrow.js": "text/javascript",
    "duckdb-browser.cjs": "text/javascript",
    THREAD: "text/javascript",
    "duckdb-eh.wasm": "application/wasm",
    "vgi.duckdb_extension.wasm": "application/wasm",
}
"""What the engine is made of, with media types. Beside each may be a file of the same name with ``.gz``."""


def engine_folder() -> Path | None:
    """Where the engine is; None if it is not installed, or not as a whole."""
    home = wasm_home()
    if home is None or not all((home / name).is_file() for name in FILES):
        return None
    return home


def wasm_home() -> Path | None:
    """Where the engine is kept; ``DUCKWING_CACHE`` moves it. None if nothing can tell where caches are."""
    if chosen := os.environ.get("DUCKWING_CACHE"):
        return Path(chosen).absolute() / FOLDER
    try:
        import platformdirs
    except ModuleNotFoundError:  # then it was not installed from this Python either
        return None
    return Path(platformdirs.user_cache_dir("duckwing", appauthor=False)) / FOLDER
