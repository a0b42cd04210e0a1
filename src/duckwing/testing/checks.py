"""``check``: what is wrong with a worker, or will make it hard to use."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .. import engine
from ..client import connect
from ..client.process import STDERR_HEADING
from ..engine import EngineError
from ..errors import ArgumentError
from ..protocol import metadata
from ..protocol.functions import Example, FunctionInfo, FunctionType
from ..rpc.client import LogMessage
from ..rpc.errors import RpcError
from .database import WorkerLike, attach, location_of, tracebacks
from .inventory import Contents, read_contents
from .statements import bind_all, parse_all

if TYPE_CHECKING:
    import duckdb

Severity = Literal["error", "warning"]

EXAMPLE_SECONDS = 60.0
"""How long an example may run."""

_SEVERITIES: dict[str, Severity] = {"DW0": "error", "DW1": "warning", "DW2": "error", "DW3": "error", "DW4": "error"}
"""How bad problems are, by the start of their code."""


@dataclass(frozen=True)
class Problem:
    """One problem of a worker.

    Attributes:
        code: what kind of problem; codes do not change their meaning.
        subject: what has it: a function, table, view or macro as ``catalog.schema.name``, or ``""`` for the worker.
        message: what is wrong, on one line.
    """

    code: str
    subject: str
    message: str

    @property
    def severity(self) -> Severity:
        """``error``: something does not work; ``warning``: something is missing."""
        return _SEVERITIES[self.code[:3]]

    def __str__(self) -> str:
        subject = f"{self.subject}: " if self.subject else ""
        return f"{self.severity} {self.code} {subject}{self.message}"


@dataclass(frozen=True)
class Report:
    """What :func:`check` found.

    Attributes:
        problems: in the order of the worker's functions; examples last.
        not_checked: what was left out, and why, in sentences.
    """

    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...] = ()


def check(worker: WorkerLike, *, run_examples: bool = True) -> Report:
    """Start a worker as DuckDB does, and look for problems.

    ===== =============================================================================================
    DW001 the worker does not start, for a wrong declaration or another error of its file
    DW002 it lists no catalogs
    DW101 a function has no description
    DW102 an argument has no description
    DW103 the name of a function, of a named argument or of a column works in quotes only
    DW104 a scalar function or aggregate has no example
    DW105 a setting or type of secret has no description
    DW106 a view works under one name of the catalog only, or a scalar macro only after USE
    DW201 an example is no SQL
    DW202 an example fails
    DW203 an example does not end within a minute
    DW301 DuckDB does not attach the worker
    DW302 DuckDB does not list a function, table, view or macro
    DW401 DuckDB does not parse a view, macro, check, default or generated column
    DW402 it parses it, and cannot use it: a column or function that it names is not there
    DW403 a foreign key refers to a table or column that is not there
    DW404 a table cannot be listed
    ===== =============================================================================================

    Args:
        worker: a Python file, its module, or a LOCATION that is a command.
        run_examples: whether the examples of its functions are run.

    Raises:
        EngineError: there is no such file.
        ArgumentError: the location is no command.
    """
    location = location_of(worker)
    if re.match(r"\w{2,}:", location):
        raise ArgumentError(f"check() starts the worker itself: give it a Python file or a command, not {location}")
    warnings: list[str] = []
    contents = _contents(location, warnings)
    if isinstance(contents, Problem):
        return Report((contents,))
    if not contents:
        return Report((Problem("DW002", "", "it lists no catalogs; give Worker() one"),))
    problems = [problem for catalog in contents for problem in _documentation(catalog)]
    problems += [Problem("DW404", "", message) for message in warnings]
    problems += [Problem(*found) for catalog in contents for found in parse_all(catalog)]
    try:
        connection = engine.connect()
    except EngineError as error:
        reason = f"attaching the worker{' and running its examples' if run_examples else ''}: {_one_line(error)}"
        return Report(tuple(problems), (reason,))
    with connection, tracebacks():
        try:
            problems += _on_engine(connection, location, contents, run_examples)
        finally:
            connection.execute("CALL vgi_worker_pool_flush()")
    return Report(tuple(problems), () if run_examples else ("the examples, as was asked for",))


def _contents(location: str, warnings: list[str]) -> list[Contents] | Problem:
    """What the worker lists, or why it does not start; its warnings are added to the list."""

    def note(message: LogMessage) -> None:
        if message.level in ("WARN", "ERROR"):
            warnings.append(message.message)

    worker = connect(location, on_log=note)
    try:
        return read_contents(worker)
    except (RpcError, OSError) as error:
        _, _, said = str(error).partition(STDERR_HEADING)
        said = said or "".join(process.stderr() for process in worker.processes)
        return Problem("DW001", "", _last_words(said) if said else _one_line(error))
    finally:
        worker.close()


def _last_words(said: str) -> str:
    """The end of a traceback on one line, with the place in the author's file that it names last."""
    lines = said.splitlines()
    message = next((n for n in range(len(lines) - 1, -1, -1) if re.match(r"[\w.]+(:|$)", lines[n])), len(lines) - 1)
    places = re.findall(r'^  File "([^"]+)", line (\d+)', "\n".join(lines[:message]), re.M)
    text = " ".join(" ".join(lines[message:]).split()).removeprefix("duckwing.errors.")
    return f"{os.path.basename(places[-1][0])}, line {places[-1][1]}: {text}" if places else text


def _documentation(catalog: Contents) -> Iterator[Problem]:
    for what, name, description in catalog.described:
        if not description.strip():
            yield Problem("DW105", f"{catalog.name}: {what} {name}", "has no description; give description=")
    seen: set[Problem] = set()  # forms of one function share what is wrong with them
    for schema, function in catalog.functions:
        subject = f"{catalog.name}.{schema}.{function.name}"
        for problem in _of_function(subject, function):
            if problem not in seen:
                seen.add(problem)
                yield problem


def _of_function(subject: str, function: FunctionInfo) -> Iterator[Problem]:
    if not function.description.strip() and not (function.comment or "").strip():
        yield Problem("DW101", subject, "has no description; begin the function with a docstring")
    if _needs_quotes(function.name, "SELECT {}(1)"):
        yield Problem("DW103", subject, f'SQL takes its name in quotes only: "{function.name}"(…)')
    for field in function.arguments:
        properties = field.metadata or {}
        if not properties.get(metadata.DOC, b"").strip():
            yield Problem(
                "DW102", subject, f"argument '{field.name}' has no description; add it to 'Args:' of the docstring"
            )
        if properties.get(metadata.ARG) == b"named" and _needs_quotes(field.name, "FROM f({} := 1)"):
            yield Problem("DW103", subject, f"SQL takes argument '{field.name}' in quotes only: \"{field.name}\" := …")
    if function.function_type in (FunctionType.TABLE, FunctionType.TABLE_BUFFERING):
        for column in function.output_schema.names:
            if _needs_quotes(column, "SELECT {}, 1 FROM t"):
                yield Problem("DW103", subject, f"SQL takes its column '{column}' in quotes only: SELECT \"{column}\"")
    if function.function_type in (FunctionType.SCALAR, FunctionType.AGGREGATE) and not function.examples:
        yield Problem("DW104", subject, "has no example; give examples=['SELECT …']")


def _needs_quotes(name: str, use: str) -> bool:
    """Whether DuckDB cannot read ``use`` of a name. Its list of keywords does not tell: that depends on the place."""
    import duckdb

    if re.fullmatch(r"[^\W\d]\w*", name) is None:
        return True
    try:
        duckdb.extract_statements(use.format(name))
    except duckdb.ParserException:
        return True
    return False


def _on_engine(
    connection: duckdb.DuckDBPyConnection, location: str, contents: Iterable[Contents], run_examples: bool
) -> Iterator[Problem]:
    import duckdb

    try:
        aliases = attach(connection, location)
    except duckdb.Error as error:
        yield Problem("DW301", "", _one_line(error, location))
        return
    examples: dict[str, tuple[str, Example]] = {}
    for catalog, alias in zip(contents, aliases, strict=True):
        listed = _listed(connection, "function", alias)
        missing: set[str] = set()
        for schema, function in catalog.functions:
            subject = f"{catalog.name}.{schema}.{function.name}"
            if (schema, function.name.lower()) not in listed and subject not in missing:
                missing.add(subject)
                yield Problem("DW302", subject, "DuckDB does not list it; see the log of CALL enable_logging('VGI')")
            for example in function.examples:
                examples.setdefault(example.sql, (subject, example))
        yield from (Problem(*found) for found in bind_all(connection, catalog, alias, location))
        yield from _not_listed(connection, catalog, alias)
    if run_examples:
        for subject, example in examples.values():
            problem = _run(connection, subject, example.sql, location)
            if problem is not None:
                yield problem


def _listed(connection: duckdb.DuckDBPyConnection, what: str, alias: str) -> set[tuple[str, str]]:
    """Schemas and names of what DuckDB lists of a catalog: functions (and macros), tables or views."""
    listing = connection.execute(f"FROM duckdb_{what}s() SELECT schema_name, lower({what}_name), database_name")
    return {(schema, name) for schema, name, database in listing.fetchall() if database == alias}


def _not_listed(connection: duckdb.DuckDBPyConnection, catalog: Contents, alias: str) -> Iterator[Problem]:
    """Tables, views and macros that DuckDB has dropped, though it parses them."""
    import duckdb

    unparsed = {found.subject for found in parse_all(catalog)}
    for what, items in (("table", catalog.tables), ("view", catalog.views), ("function", catalog.macros)):
        try:
            listed = _listed(connection, what, alias) if items else set()
        except duckdb.Error as error:  # one table that it cannot read spoils the listing of all databases
            yield Problem("DW302", catalog.name, f"DuckDB cannot list any {what}: {_one_line(error)}")
            continue
        for item in items:
            schema = ".".join(item.schema_path)
            subject = f"{catalog.name}.{schema}.{item.name}"
            if (schema, item.name.lower()) not in listed and subject not in unparsed:
                yield Problem("DW302", subject, "DuckDB does not list it; see the log of CALL enable_logging('VGI')")


def _run(connection: duckdb.DuckDBPyConnection, subject: str, text: str, location: str) -> Problem | None:
    import duckdb

    shown = " ".join(text.split())
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        return Problem("DW201", subject, f"the example {shown!r} is no SQL: {_one_line(error)}")
    late = threading.Event()

    def interrupt() -> None:
        late.set()
        connection.interrupt()

    timer = threading.Timer(EXAMPLE_SECONDS, interrupt)
    timer.start()
    try:
        for statement in statements:
            connection.execute(statement).fetchall()
    except duckdb.Error as error:
        if late.is_set():
            return Problem("DW203", subject, f"the example {shown!r} has not ended within {EXAMPLE_SECONDS:.0f} s")
        return Problem("DW202", subject, f"the example {shown!r} fails: {_one_line(error, location)}")
    finally:
        timer.cancel()
    return None


def _one_line(error: Exception, location: str = "") -> str:
    return " ".join(str(error).replace(f" [worker: {location}]", "").split())
