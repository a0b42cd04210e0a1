"""A worker's catalogs, attached to a connection under names that need no qualification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Error

if TYPE_CHECKING:
    import duckdb


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """``text`` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


class Attachment:
    """The catalogs of one location on one connection.

    Unqualified names are looked up in the database that was open before, then
    in the catalogs in their order: so ``CREATE TABLE`` makes a table there, and
    the worker's functions and tables are at hand.

    Attributes:
        location: the worker's LOCATION.
        aliases: local names of the attached catalogs.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, location: str, catalog: str | None = None) -> None:
        self._connection = connection
        self.location = location
        self._catalog = catalog
        [(self._home,)] = connection.execute("SELECT current_catalog()").fetchall()
        self.aliases: list[str] = []

    def attach(self) -> None:
        """Attach the chosen catalog, or all that the worker lists.

        Raises:
            Error: the worker lists none.
            duckdb.Error: the worker cannot be reached or refuses.
        """
        names = [self._catalog] if self._catalog is not None else self._listed()
        if not names:
            raise Error(f"the worker lists no catalogs; name one with --catalog, or repair it: {self.location}")
        for name in names:
            alias = self._free_alias(name)
            self._connection.execute(
                f"ATTACH {literal(name)} AS {identifier(alias)} (TYPE vgi, LOCATION {literal(self.location)})"
            )
            self.aliases.append(alias)
            self._look_up_in(self._home, *self.aliases)

    def reload(self) -> None:
        """Attach anew, with worker processes that have not seen the old code, and nothing cached of it."""
        self._look_up_in(self._home)
        while self.aliases:
            self._connection.execute(f"DETACH DATABASE IF EXISTS {identifier(self.aliases[-1])}")
            self.aliases.pop()
        for function in ("vgi_worker_pool_flush", "vgi_clear_cache", "vgi_result_cache_flush"):
            self._connection.execute(f"FROM {function}()").fetchall()
        self.attach()

    def _listed(self) -> list[str]:
        query = "SELECT catalog FROM vgi_catalogs(?)"
        return [name for (name,) in self._connection.execute(query, [self.location]).fetchall()]

    def _free_alias(self, name: str) -> str:
        """``name``, with a number where a database has that name already (as ``memory`` and ``temp`` do)."""
        databases = self._connection.execute("SELECT lower(database_name) FROM duckdb_databases()").fetchall()
        alias, number = name, 1
        while (alias.lower(),) in databases:
            number += 1
            alias = f"{name}_{number}"
        return alias

    def _look_up_in(self, *databases: str) -> None:
        path = ",".join(identifier(database) for database in databases)
        self._connection.execute(f"SET search_path = {literal(path)}")
