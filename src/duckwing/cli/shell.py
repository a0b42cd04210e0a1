"""The SQL prompt, and SQL from a pipe."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import duckdb

from ..errors import Error
from .attachment import Attachment, literal
from .problems import readable
from .results import Result, Runner
from .statements import is_blank, is_complete

PROMPT = "duckwing> "
CONTINUED = "     ...> "

_HISTORY_LINES = 10_000

_WITHOUT_DOT = ("help", "quit", "exit")
"""What people type who do not know this prompt; no SQL statement consists of such a word."""

HELP = """\
SQL statements end with a semicolon and may take several lines.
Ctrl-C cancels the statement, Ctrl-D leaves.

.functions   the worker's functions
.tables      the worker's tables and views
.reload      start the worker afresh, after its code has changed
.help        this text
.quit        leave
"""


class Shell:
    """Statements and dot commands, executed on a connection to which a worker is attached."""

    def __init__(
        self, runner: Runner, attachment: Attachment, write: Callable[[Result, TextIO], None], out: TextIO
    ) -> None:
        self._runner = runner
        self._attachment = attachment
        self._write = write
        self._out = out

    def run(self, text: str, *, acknowledge: bool = False) -> bool:
        """Run the statements in ``text`` until one fails; its message goes to standard error.

        Args:
            text: SQL.
            acknowledge: say OK for a statement that has no result.

        Returns:
            Whether all went well.
        """
        try:
            for statement in self._runner.statements(text):
                result = self._runner.execute(statement)
                if result is not None:
                    self._write(result, self._out)
                elif acknowledge:
                    print("OK", file=self._out)
        except duckdb.Error as error:
            self._report(error)
            return False
        finally:
            self._out.flush()
        return True

    def prompt(self, history: Path) -> None:
        """Read from the terminal until Ctrl-D or ``.quit``."""
        with _line_editing(history):
            pending = ""
            while True:
                try:
                    line = input(CONTINUED if pending else PROMPT)
                    if not pending and line.strip(" ;").lower() in _WITHOUT_DOT:
                        line = f".{line.strip().lower()}"
                    if not pending and line.lstrip().startswith("."):
                        if not self._command(line.strip()):
                            return
                        continue
                    pending += line + "\n"
                    if is_complete(pending):
                        text, pending = pending, ""
                        self.run(text, acknowledge=True)
                    elif is_blank(pending):
                        pending = ""
                except EOFError:
                    print()
                    return
                except KeyboardInterrupt:
                    print("\ncancelled", file=sys.stderr)
                    pending = ""

    def read(self, lines: Iterator[str]) -> bool:
        """Run what ``lines`` say as they come, without prompts, until something fails.

        Returns:
            Whether all went well.
        """
        pending = ""
        for line in lines:
            if not pending.strip() and line.lstrip().startswith("."):
                if not self._command(line.strip()):
                    return True
                continue
            pending += line
            if is_complete(pending):
                text, pending = pending, ""
                if not self.run(text):
                    return False
        return is_blank(pending) or self.run(pending)

    def _command(self, line: str) -> bool:
        """Run a dot command; False when it asks to leave."""
        match line.rstrip(";").split():
            case [".quit" | ".exit"]:
                return False
            case [".help"]:
                self._out.write(HELP)
            case [".tables"]:
                self._list(_TABLES)
            case [".functions"]:
                self._list(_FUNCTIONS)
            case [".reload"]:
                self._reload()
            case _:
                print(f"error: unknown command {line}; .help lists the commands", file=sys.stderr)
        return True

    def _list(self, query: str) -> None:
        aliases = self._attachment.aliases
        self.run(
            query.format(
                catalog="" if len(aliases) == 1 else "database_name AS catalog,",
                attached=", ".join(map(literal, aliases)) or "NULL",
            )
        )

    def _reload(self) -> None:
        try:
            self._runner.call(self._attachment.reload)
        except (duckdb.Error, Error) as error:
            self._report(error)
            print("error: the worker is not attached as before; repair it, then .reload", file=sys.stderr)
        else:
            print(f"Attached: {', '.join(self._attachment.aliases)}.", file=self._out)

    def _report(self, error: Exception) -> None:
        print(readable(error, self._attachment.location), file=sys.stderr)


_TABLES = """
    SELECT {catalog} schema_name AS schema, name, kind, comment FROM (
        SELECT database_name, schema_name, table_name AS name, 'table' AS kind, comment FROM duckdb_tables()
        UNION ALL
        SELECT database_name, schema_name, view_name, 'view', comment FROM duckdb_views()
    ) WHERE database_name IN ({attached}) ORDER BY ALL
"""

_FUNCTIONS = """
    SELECT {catalog} schema_name AS schema, function_name AS name, function_type AS kind,
        array_to_string(list_transform(list_zip(parameters, parameter_types),
            lambda parameter: concat_ws(' ', parameter[1], parameter[2])), ', ') AS parameters,
        return_type AS returns, coalesce(description, comment) AS description
    FROM duckdb_functions() WHERE database_name IN ({attached}) ORDER BY ALL
"""


@contextlib.contextmanager
def _line_editing(history: Path) -> Iterator[None]:
    """Arrow keys, and lines of earlier sessions; both are absent where Python has no readline."""
    try:
        import readline
    except ModuleNotFoundError:
        yield
        return
    with contextlib.suppress(OSError):
        history.parent.mkdir(parents=True, exist_ok=True)
        # Statements may hold secrets, so nobody else reads the file.
        os.close(os.open(history, os.O_CREAT | os.O_RDWR, 0o600))
        readline.read_history_file(history)
    readline.set_history_length(_HISTORY_LINES)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)
