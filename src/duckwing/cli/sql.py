"""``duckwing sql``: SQL with a worker attached."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

import duckdb

from .. import engine
from ..engine.extension import cache_folder
from ..errors import Error
from ..testing.database import tracebacks
from .attachment import Attachment
from .formats import write_csv, write_json, write_markdown
from .problems import readable
from .results import Result, Runner
from .shell import Shell
from .table import write_table

_WRITERS: dict[str, Callable[[Result, TextIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "markdown": write_markdown,
}


def sql(
    worker: str, *, commands: Sequence[str], files: Sequence[Path], output: str, database: str, catalog: str | None
) -> int:
    """Attach a worker and run ``files``, then ``commands``, or else what standard input brings.

    Args:
        worker: a Python file, or a LOCATION.
        commands: texts of SQL.
        files: files of SQL.
        output: how results are printed: table, csv, json or markdown.
        database: file to open beside the worker, or ``:memory:``.
        catalog: the worker's catalog to attach; all that it lists if None.

    Returns:
        The exit status.

    Raises:
        Error: there is no such worker, engine, file or database.
    """
    location = engine.location(worker)
    scripts = [*map(_read, files), *commands]
    try:
        connection = engine.connect(database)
    except duckdb.Error as error:
        raise Error(f"{database} cannot be opened: {error}") from error
    with connection, tracebacks():  # whoever sits here is most often the author
        runner = Runner(connection)
        attachment = Attachment(connection, location, catalog)
        shell = Shell(runner, attachment, _WRITERS[output], sys.stdout)
        try:
            try:
                runner.call(attachment.attach)
            except duckdb.Error as error:
                raise Error(f"the worker cannot be attached: {readable(error, location)}") from error
            if scripts:
                return 0 if all(map(shell.run, scripts)) else 1
            if sys.stdin.isatty() and sys.stdout.isatty():
                print(f"Attached: {', '.join(attachment.aliases)}. Statements end with a semicolon; .help tells more.")
                shell.prompt(cache_folder() / "sql_history")
                return 0
            return 0 if shell.read(sys.stdin) else 1
        except KeyboardInterrupt:
            return 130


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"{file} cannot be read: {error}") from error
