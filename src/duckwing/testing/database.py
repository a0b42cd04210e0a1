"""A worker on a DuckDB connection, for as long as a test lasts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

from .. import engine
from ..errors import ArgumentError
from ..rpc.errors import DEBUG_VARIABLE

if TYPE_CHECKING:
    import duckdb

WorkerLike = str | os.PathLike[str] | ModuleType


@contextmanager
def sql(worker: WorkerLike, **config: str | bool | int | float | list[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new DuckDB database with all catalogs of a worker attached.

    The worker runs in processes of its own, as it does for its users, but its errors have tracebacks.
    Its functions are found without the catalog's name, after what the database itself has. At the
    end of the ``with`` block the connection is closed, and the worker's idle processes end.

    Args:
        worker: a Python file, its module, or a LOCATION.
        config: DuckDB's configuration, such as ``threads=1``.

    Raises:
        EngineError: there is no engine, or no such file.
        ArgumentError: the module has no file.
        duckdb.Error: the worker cannot be attached.

    Example:
        >>> with sql("worker.py") as connection:  # doctest: +SKIP
        ...     connection.sql("SELECT initials('Grace', 'Hopper')").fetchone()
        ('GH',)
    """
    location = location_of(worker)
    with tracebacks():
        connection = engine.connect(":memory:", **config)
        try:
            attach(connection, location)
            yield connection
        finally:
            try:
                connection.execute("CALL vgi_worker_pool_flush()")  # else the next test could meet old code
            finally:
                connection.close()


@contextmanager
def tracebacks() -> Iterator[None]:
    """Have workers that are started in the ``with`` block send tracebacks, unless DUCKWING_DEBUG is set already."""
    if DEBUG_VARIABLE in os.environ:
        yield
        return
    os.environ[DEBUG_VARIABLE] = "1"
    try:
        yield
    finally:
        os.environ.pop(DEBUG_VARIABLE, None)


def location_of(worker: WorkerLike) -> str:
    """The LOCATION of a worker.

    Raises:
        EngineError: there is no such file.
        ArgumentError: a module has no file.
    """
    if not isinstance(worker, ModuleType):
        return engine.location(worker)
    file = getattr(worker, "__file__", None)
    if not file:
        raise ArgumentError(f"module {worker.__name__} has no file that could be served; give the path of one")
    return engine.location(file)


def attach(connection: duckdb.DuckDBPyConnection, location: str) -> list[str]:
    """Attach all catalogs of a worker and look names up in them, too.

    Returns:
        Their names in the database: their own, with a number where it has a database of that name.

    Raises:
        ArgumentError: the worker lists none.
        duckdb.Error: it cannot be reached or refuses.
    """
    listed = connection.execute("SELECT catalog FROM vgi_catalogs(?)", [location]).fetchall()
    if not listed:
        raise ArgumentError(f"the worker lists no catalogs: {location}")
    [(home,)] = connection.execute("SELECT current_catalog()").fetchall()
    aliases: list[str] = []
    for (name,) in listed:
        alias = _free(connection, name)
        connection.execute(f"ATTACH {quoted(name)} AS {identifier(alias)} (TYPE vgi, LOCATION {quoted(location)})")
        aliases.append(alias)
    connection.execute(f"SET search_path = {quoted(','.join(map(identifier, [home, *aliases])))}")
    return aliases


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """``text`` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def _free(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    rows: Sequence[tuple[str]] = connection.execute("SELECT lower(database_name) FROM duckdb_databases()").fetchall()
    alias, number = name, 1
    while (alias.lower(),) in rows:
        number += 1
        alias = f"{name}_{number}"
    return alias
