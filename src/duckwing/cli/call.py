"""``duckwing call``: one call of a worker's function, with files as input and output."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import duckdb
import pyarrow as pa

from ..client.catalog import FUNCTION_KINDS
from ..client.signatures import Signature, choose
from ..errors import ArgumentError, CatalogError, Error
from .describe import connected, kind_of, typed_options
from .formats import write_csv, write_json, write_markdown
from .results import Result, Runner
from .table import write_table
from .values import ARROW, from_text, read_table

if TYPE_CHECKING:
    from ..client import AttachedCatalog, Batches, WorkerConnection

_WRITERS: dict[str, Callable[[Result, TextIO], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "markdown": write_markdown,
}

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".md": "markdown"} | dict.fromkeys(ARROW, "arrow")


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        function: ``[catalog.][schema.]name`` of a function or table.
        arguments: positional arguments as words; ``:name`` is a column of the input.
        named: named arguments.
        options: ATTACH options.
        settings: values of settings.
        input: file of the input; None: there is none.
        output: file of the output; None: standard output.
        format: of the output; None: what the suffix of ``output`` says, or a table.
        groups: aggregates only: the column of the input that tells the groups.
        columns: of the output; none: all.
        limit: rows of the output at most.
        threads: streams to read a table function with.
    """

    function: str
    arguments: Sequence[str] = ()
    named: Mapping[str, str] | None = None
    options: Mapping[str, str] | None = None
    settings: Mapping[str, str] | None = None
    input: Path | None = None
    output: Path | None = None
    format: str | None = None
    groups: str | None = None
    columns: Sequence[str] = ()
    limit: int | None = None
    threads: int = 1


def call(worker: str, request: Request) -> int:
    """Call a function and write its result.

    Returns:
        The exit status.

    Raises:
        Error: there is no such worker, function or file, or the call failed.
    """
    form = _form(request)  # before anything runs
    table = None if request.input is None else read_table(request.input)
    with connected(worker) as connection:
        catalog, schema, name = _find_catalog(connection, request)
        _write(_result(catalog, schema, name, table, request), request.output, form)
    return 0


def _find_catalog(connection: WorkerConnection, request: Request) -> tuple[AttachedCatalog, str | None, str]:
    """The catalog that is meant, the schema, and the name in it. A name of two parts begins with either."""
    *path, name = request.function.split(".")
    infos = {info.name.casefold(): info for info in connection.catalog_infos()}
    if not name or len(path) > 2:
        raise ArgumentError(f"expected [CATALOG.][SCHEMA.]FUNCTION, got {request.function}")
    if path and path[0].casefold() in infos:
        info = infos[path.pop(0).casefold()]
    elif len(path) < 2 and len(infos) == 1:
        [info] = infos.values()
    else:
        served = ", ".join(info.name for info in infos.values()) or "none"
        raise CatalogError(f"name the catalog, as in CATALOG.{name}; the worker serves {served}")
    settings = {key: _loose(text) for key, text in (request.settings or {}).items()}
    attached = connection.attach(info.name, options=typed_options(info, request.options or {}), settings=settings)
    return attached, path[0] if path else None, name


def _loose(text: str) -> Any:
    """A word whose type is not known yet: a number, a truth value, or a text."""
    return from_text(text, pa.null(), "")


def _result(
    catalog: AttachedCatalog, schema: str | None, name: str, table: pa.Table | None, request: Request
) -> pa.Table | Batches:
    found = [s for kind in FUNCTION_KINDS for s in catalog.session.signatures(name, kind, schema)]
    limits: dict[str, Any] = {
        "columns": list(request.columns) or None,
        "limit": request.limit,
        "threads": request.threads,
    }
    if not found:
        if request.arguments or request.named:
            raise CatalogError(f"there is no function '{request.function}'; duckwing describe lists what there is")
        return catalog.table(name, schema=schema).scan(**limits)
    kind = kind_of(found[0].info)
    takes_columns = kind in ("scalar", "row function", "aggregate")
    arguments = list(request.arguments)
    if takes_columns and table is not None and not arguments:
        arguments = [f":{column}" for column in table.column_names if column != request.groups]
    signature = choose(found, arguments, request.named or {}, f"function '{name}'")
    assert signature is not None
    positional = _positional(signature, arguments, table if takes_columns else None)
    named = {
        key: from_text(text, signature.named[key.casefold()].type, f"argument '{key}'")
        for key, text in (request.named or {}).items()
    }
    if kind == "table function":
        if table is not None:
            raise ArgumentError(f"function '{name}' is a table function, which takes no --input")
        return catalog.scan(name, *positional, schema=schema, arguments=named, **limits)
    if kind in ("table-in-out", "buffering"):
        if table is None:
            raise ArgumentError(f"function '{name}' takes a table: give a file with --input")
        return _cut(catalog.transform(name, table, *positional, schema=schema, arguments=named), request)
    rows = None if table is None else table.num_rows
    if kind == "scalar":
        result = catalog.scalar(name, *positional, schema=schema, rows=rows)
        return _cut(pa.table({"result": result}), request)
    if kind == "aggregate":
        groups = None if request.groups is None else _column(table, request.groups)
        answer = catalog.aggregate(name, *positional, groups=groups, schema=schema, rows=rows, threads=request.threads)
        return _cut(answer if isinstance(answer, pa.Table) else _one(answer), request)
    return _cut(catalog.row(name, *positional, schema=schema, arguments=named), request)


def _positional(signature: Signature, words: Sequence[str], table: pa.Table | None) -> list[Any]:
    values: list[Any] = []
    for field, word in zip(signature.expanded(len(words)) or (), words, strict=True):
        if table is not None and word.startswith(":"):
            values.append(_column(table, word[1:]))
        else:
            values.append(from_text(word, field.type, f"argument '{field.name}'"))
    return values


def _column(table: pa.Table | None, name: str) -> pa.ChunkedArray:
    if table is None:
        raise ArgumentError(f"column '{name}' needs a file: give one with --input")
    if name not in table.column_names:
        raise ArgumentError(f"the input has no column '{name}'; it has {', '.join(table.column_names)}")
    return table.column(name)


def _one(value: pa.Scalar) -> pa.Table:
    return pa.Table.from_arrays([pa.repeat(value, 1)], names=["result"])


def _cut(rows: Any, request: Request) -> pa.Table:
    table: pa.Table = rows if isinstance(rows, pa.Table) else rows.read_all()
    if request.columns:
        missing = [name for name in request.columns if name not in table.column_names]
        if missing:
            raise ArgumentError(f"the result has no column '{missing[0]}'; it has {', '.join(table.column_names)}")
        table = table.select(list(request.columns))
    return table if request.limit is None else table.slice(0, request.limit)


def _form(request: Request) -> str:
    """The format of the output."""
    if request.format is not None:
        return request.format
    if request.output is None:
        return "table"
    suffix = request.output.suffix.lower()
    if suffix not in _FORMATS:
        raise ArgumentError(f"{request.output}: give --format, or a name that ends in {', '.join(_FORMATS)}")
    return _FORMATS[suffix]


def _write(rows: pa.Table | Batches, output: Path | None, form: str) -> None:
    """Write the result. A file that cannot be completed is not left behind."""
    if form in _WRITERS:
        rows = rows if isinstance(rows, pa.Table) else rows.read_all()  # an error prints no half of a result
    if output is None:
        _send(rows, sys.stdout.buffer, sys.stdout, form)
        return
    try:
        with output.open("wb") as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
            _send(rows, file, text, form)
    except OSError as error:
        raise Error(f"{output} cannot be written: {error.strerror}") from error
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _send(rows: pa.Table | Batches, file: BinaryIO, text: TextIO, form: str) -> None:
    if form in _WRITERS:
        with duckdb.connect() as connection:
            _WRITERS[form](Runner(connection).result(connection.from_arrow(rows)), text)
        return
    writer: Any
    if form == "arrow":
        writer = pa.ipc.new_stream(file, rows.schema)
    else:
        import pyarrow.parquet as pq

        writer = pq.ParquetWriter(file, rows.schema)
    with writer:
        for batch in rows.to_batches() if isinstance(rows, pa.Table) else rows:
            writer.write_batch(batch)
