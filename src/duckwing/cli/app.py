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
workers = typer.Typer(help="Workers that launch: locations have started: list, stop, read their logs.")
app.add_typer(workers, name="workers", invoke_without_command=True)

StateFolder = Annotated[
    Path | None, typer.Option("--state-dir", metavar="FOLDER", help="The launchers' state directory, if not yours.")
]


class Format(StrEnum):
    """How ``duckwing sql`` prints results."""

    table = "table"
    csv = "csv"
    json = "json"
    markdown = "markdown"


class CallFormat(StrEnum):
    """How ``duckwing call`` writes its result."""

    table = "table"
    csv = "csv"
    json = "json"
    markdown = "markdown"
    parquet = "parquet"
    arrow = "arrow"


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


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    options_metavar="",
)
def serve(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="MODULE:OBJECT", help="An importable Worker or Catalog.")],
) -> None:
    """Serve an importable worker, over standard input and output, or with --unix PATH or --tcp PORT over a socket."""
    from . import serve as serve_command

    raise typer.Exit(serve_command.main([target, *context.args]))


@engine.command("install")
def install(
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Do nothing if any usable extension is found, wherever it is.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again, perhaps a newer build, even if the files are in order.")
    ] = False,
    wasm: Annotated[
        bool, typer.Option("--wasm", help="Fetch the engine for browsers instead, for the console of workers' pages.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Fetch the vgi extension through npm into Duckwing's cache."""
    from . import engine as commands

    if if_needed and force:
        raise typer.BadParameter("--if-needed and --force exclude each other")
    if wasm:
        commands.install_wasm(force=force, quiet=quiet)
        return
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


@workers.callback()
def list_workers(
    context: typer.Context,
    folder: StateFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """List the workers that launch: locations have started."""
    if context.invoked_subcommand is None:
        from . import workers as command

        command.workers(folder, as_json=as_json)


@workers.command("log")
def worker_log(
    worker: Annotated[str, typer.Argument(metavar="ID", help="The beginning of its id.")], folder: StateFolder = None
) -> None:
    """Print the end of a worker's log."""
    from . import workers as command

    command.show_log(worker, folder)


@workers.command("stop")
def stop_workers(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="The beginning of an id, or a pid.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Stop all.")] = False,
    folder: StateFolder = None,
) -> None:
    """Stop workers; queries that they serve fail."""
    from . import workers as command

    raise typer.Exit(command.stop_workers(ids or [], folder, every=every))


@app.command()
def profile(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What the worker was given as --profile.")],
    top: Annotated[int, typer.Option(min=1, metavar="N", help="How many functions.")] = 25,
) -> None:
    """Show on what a worker that was started with --profile FOLDER has spent its time."""
    from . import profile as command

    command.profile(folder, top)


@app.command()
def describe(
    worker: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="A Python file, a command, launch:…, unix://…, tcp://… or http://…"),
    ],
    catalog: Annotated[
        str | None, typer.Option(metavar="NAME", help="The only catalog to describe; default: all.")
    ] = None,
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An ATTACH option. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List what a worker offers: catalogs, functions and their arguments, tables. Needs no database extension."""
    from . import describe as command

    raise typer.Exit(command.describe(worker, catalog=catalog, options=_pairs(options, "--option"), as_json=as_json))


@app.command(no_args_is_help=True)
def call(
    worker: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="A Python file, a command, launch:…, unix://…, tcp://… or http://…"),
    ],
    function: Annotated[
        str, typer.Argument(metavar="[CATALOG.][SCHEMA.]FUNCTION", help="A function, or a table to read.")
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENT]…", help="Positional arguments; :name is a column of the input."),
    ] = None,
    named: Annotated[
        list[str] | None, typer.Option("--named", metavar="NAME=VALUE", help="A named argument. Repeatable.")
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="The table or columns: Parquet, Arrow, CSV or JSON.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the result goes; default: standard output.")
    ] = None,
    form: Annotated[
        CallFormat | None, typer.Option("--format", help="Format of the result; default: by its suffix, or a table.")
    ] = None,
    groups: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Aggregates: the column that tells the groups.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="NAME,NAME…", help="Columns of the result; default: all.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="ROWS", min=0, help="Rows of the result at most.")] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, help="Streams that are read at the same time.")] = 1,
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An ATTACH option. Repeatable.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--setting", metavar="NAME=VALUE", help="A setting, as with SET. Repeatable.")
    ] = None,
) -> None:
    """Call one function of a worker, without a query. Negative numbers come after --."""
    from . import call as command

    request = command.Request(
        function=function,
        arguments=arguments or [],
        named=_pairs(named, "--named"),
        options=_pairs(options, "--option"),
        settings=_pairs(settings, "--setting"),
        input=input_,
        output=None if output is None or str(output) == "-" else output,
        format=None if form is None else form.value,
        groups=groups,
        columns=[name.strip() for name in columns.split(",")] if columns else [],
        limit=limit,
        threads=threads,
    )
    raise typer.Exit(command.call(worker, request))


def _pairs(words: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in words or ()]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise typer.BadParameter(f"{option} takes NAME=VALUE, not {name!r}")
    return {name: value for name, _, value in pairs}
