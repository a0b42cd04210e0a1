"""The commands and their options; what they do is in the modules that they import when they run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import rich  # noqa: F401 - typer works without it, the commands do not: fail here, where the answer is known
import typer

from ..errors import Error

app = typer.Typer(
    name="duckwing",
    help="DuckDB functions, tables and catalogs in Python.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
engine = typer.Typer(help="DuckDB's vgi extension: fetch it, look at it.", no_args_is_help=True)
app.add_typer(engine, name="engine")


class Format(StrEnum):
    """How ``duckwing sql`` prints results."""

    table = "table"
    csv = "csv"
    json = "json"
    markdown = "markdown"


def main(arguments: Sequence[str]) -> int:
    """Run one command line; errors become one line on standard error and exit status 1."""
    if arguments and arguments[0].endswith(".py"):
        print(
            f"error: {arguments[0]} is no command; run: duckwing sql {arguments[0]} (a SQL prompt with it attached), "
            f"or duckwing run {arguments[0]} (what DuckDB runs to be served by it)",
            file=sys.stderr,
        )
        return 2
    try:
        app(args=list(arguments), prog_name="duckwing")
    except SystemExit as end:  # how typer reports every status, success included
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _show_version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        typer.echo(f"duckwing {version('duckwing')}")
    except PackageNotFoundError:
        raise Error(
            "duckwing runs from source files that are not installed, so it has no version; run: pip install -e ."
        ) from None
    raise typer.Exit


@app.callback()
def _duckwing(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    options_metavar="",
)
def run(
    context: typer.Context,
    worker: Annotated[str, typer.Argument(metavar="WORKER.PY", help="The Python file.")],
) -> None:
    """Serve a Python file's catalogs to DuckDB; what follows the file is the worker's own."""
    from . import run as run_command

    raise typer.Exit(run_command.main([worker, *context.args]))


@engine.command("install")
def install(
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Do nothing if any usable extension is found, wherever it is.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again, perhaps a newer build, even if the files are in order.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Fetch the vgi extension through npm into Duckwing's cache."""
    from . import engine as commands

    if if_needed and force:
        raise typer.BadParameter("--if-needed and --force exclude each other")
    commands.install(if_needed=if_needed, force=force, quiet=quiet)


@engine.command("status")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show which DuckDB and which extension are used, and whether they are in order."""
    from . import engine as commands

    raise typer.Exit(commands.status(as_json=as_json))


@app.command()
def sql(
    worker: Annotated[
        str,
        typer.Argument(
            metavar="WORKER", help="A Python file, or a LOCATION as in ATTACH: a command, launch:…, http://…, unix://…"
        ),
    ],
    commands: Annotated[
        list[str] | None, typer.Option("-c", "--command", metavar="SQL", help="Run SQL and leave. Repeatable.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("-f", "--file", metavar="FILE", help="Run a file of SQL, before any -c. Repeatable."),
    ] = None,
    output: Annotated[Format, typer.Option("--format", help="How results are printed.")] = Format.table,
    database: Annotated[
        str, typer.Option(metavar="PATH", help="Database file to open beside the worker.")
    ] = ":memory:",
    catalog: Annotated[
        str | None, typer.Option(metavar="NAME", help="The worker's catalog to attach; default: all that it lists.")
    ] = None,
) -> None:
    """Open a SQL prompt with a worker attached, or run SQL with it."""
    from . import sql as commands_of_sql

    raise typer.Exit(
        commands_of_sql.sql(
            worker,
            commands=commands or [],
            files=files or [],
            output=output.value,
            database=database,
            catalog=catalog,
        )
    )


@app.command()
def check(
    worker: Annotated[str, typer.Argument(metavar="WORKER", help="A Python file, or a command as in ATTACH.")],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
    no_run: Annotated[bool, typer.Option("--no-run", help="Leave out the examples.")] = False,
) -> None:
    """Look for problems of a worker: what does not start, is not described, or does not do what its example says."""
    from . import check as command

    raise typer.Exit(command.check(worker, strict=strict, run_examples=not no_run))
