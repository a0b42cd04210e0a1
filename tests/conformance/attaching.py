"""Attaching the workers of the folder ``conformance``."""

from __future__ import annotations

from pathlib import Path

from ..sql.session import Session, attach_statement, location

CONFORMANCE = Path(__file__).parents[2] / "conformance"


def place(worker: str, environment: str = "") -> str:
    """The LOCATION of a worker, by the name of its file."""
    return location(CONFORMANCE / f"{worker}.py", environment=environment)


def attach(
    session: Session,
    worker: str,
    catalog: str,
    options: str = "pool true",
    *,
    alias: str | None = None,
    environment: str = "",
) -> str:
    """Attach a catalog anew; its local name.

    Args:
        session: where.
        worker: name of the file, without ``.py``.
        catalog: of the worker.
        options: of ATTACH.
        alias: the local name; that of the catalog by default.
        environment: of the worker: assignments for the shell.
    """
    alias = alias or catalog
    session.execute(f"DETACH DATABASE IF EXISTS {alias}")
    session.execute(attach_statement(place(worker, environment), catalog, alias, options))
    return alias
