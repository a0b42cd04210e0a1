"""Open a DuckDB connection that can attach workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import EngineError
from .extension import find
from .target import check_duckdb, this_target

if TYPE_CHECKING:
    import duckdb

TELEMETRY = "QUERY_FARM_TELEMETRY_OPT_OUT"
"""The extension reports its use unless this variable is set before it is loaded."""

CONFIG: dict[str, str] = {
    # The extension comes from npm, whose integrity check stands in for DuckDB's signature.
    "allow_unsigned_extensions": "true",
    # HTTP locations need the httpfs of the extension's own build; DuckDB's must not slip in before it.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

ConfigValue = str | bool | int | float | list[str]


def connect(database: str | os.PathLike[str] = ":memory:", **config: ConfigValue) -> duckdb.DuckDBPyConnection:
    """Open ``database`` with the ``vgi`` extension loaded, as an ordinary DuckDB connection.

    The extension is taken from the file that the environment variable
    ``DUCKWING_EXTENSION`` names, from Duckwing's cache, or from DuckDB's own
    extension folder, in this order.

    Args:
        database: a file, or ``:memory:``.
        config: DuckDB's configuration, such as ``threads=4`` or ``access_mode="read_only"``. It
            wins over what Duckwing sets: unsigned extensions allowed, no automatic installing or
            loading of extensions.

    Raises:
        EngineError: DuckDB or the extension is missing or does not fit.
        duckdb.Error: the database cannot be opened.
    """
    check_duckdb()
    import duckdb

    os.environ.setdefault(TELEMETRY, "1")
    located = find()
    connection = duckdb.connect(os.fspath(database), config=CONFIG | config)
    try:
        if located is not None:
            for file in located.load_order():
                _load(connection, file)
        elif _installed_by_duckdb(connection):
            _load(connection, "vgi")
        else:
            this_target()  # its message comes first: where no build exists, installing cannot help
            raise EngineError("DuckDB's vgi extension is not installed; run: duckwing engine install")
    except BaseException:
        connection.close()
        raise
    return connection


def _installed_by_duckdb(connection: duckdb.DuckDBPyConnection) -> bool:
    query = "SELECT count(*) FROM duckdb_extensions() WHERE extension_name = 'vgi' AND installed"
    return connection.execute(query).fetchone() == (1,)


def _load(connection: duckdb.DuckDBPyConnection, extension: Path | str) -> None:
    import duckdb

    quoted = str(extension).replace("'", "''")
    try:
        connection.execute(f"LOAD '{quoted}'")
    except duckdb.Error as error:
        raise EngineError(
            f"DuckDB could not load {extension}: {error}\n"
            "If Duckwing has installed it, fetch it afresh: duckwing engine install --force"
        ) from error
