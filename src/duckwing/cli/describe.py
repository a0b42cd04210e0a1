"""``duckwing describe``: what a worker offers."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import pyarrow as pa

from .. import client
from ..client.locations import Http, parse_location
from ..client.signatures import Signature, property_of
from ..engine.locations import location
from ..errors import Error
from ..protocol import metadata
from ..protocol.functions import FunctionInfo, FunctionType
from ..protocol.tables import TableInfo
from ..rpc.codec import decode
from ..rpc.errors import RemoteError
from ..types.names import sql_name

Description = dict[str, Any]

TOKEN_VARIABLE = "DUCKWING_TOKEN"
"""Environment variable with the bearer token for workers over HTTP. What a command line says, every user of the
machine can see, so there is no option for it."""

_WIDTH = 100
_NO_BREAK = "\xa0"


def describe(worker: str, *, catalog: str | None, options: Mapping[str, str], as_json: bool) -> int:
    """Print the catalogs of a worker, and what is in them.

    Args:
        worker: a Python file, or a LOCATION.
        catalog: the only one to describe; all that it lists if None.
        options: values for the ATTACH options of ``catalog``.
        as_json: print one JSON object.

    Returns:
        The exit status: 1 if a catalog could not be attached.

    Raises:
        Error: the worker cannot be reached, or has no such catalog.
    """
    with connected(worker) as connection:
        infos = [i for i in connection.catalog_infos() if catalog is None or i.name.casefold() == catalog.casefold()]
        if not infos:
            raise Error(f"the worker has no catalog '{catalog}'" if catalog else "the worker lists no catalogs")
        described = [_catalog(connection, info, options) for info in infos]
    if as_json:
        print(json.dumps({"catalogs": described}, indent=2, ensure_ascii=False))
    else:
        for number, one in enumerate(described):
            if number:
                print()
            _print_catalog(one, sys.stdout)
    return 1 if any("error" in one for one in described) else 0


@contextmanager
def connected(worker: str) -> Iterator[client.WorkerConnection]:
    """A connection to a Python file or a LOCATION; over HTTP with the token of the environment, if there is one."""
    place = location(worker)
    token = os.environ.get(TOKEN_VARIABLE) if isinstance(parse_location(place), Http) else None
    with client.connect(place, bearer_token=token or None) as connection:
        yield connection


def kind_of(info: FunctionInfo) -> str:
    """What kind of function a record describes, as authors call it."""
    if info.function_type is FunctionType.SCALAR:
        return "scalar"
    if info.function_type is FunctionType.AGGREGATE:
        return "aggregate"
    if info.function_type is FunctionType.TABLE_BUFFERING:
        return "buffering"
    if info.input_from_args:
        return "row function"
    return "table-in-out" if Signature.of(info).table else "table function"


def _catalog(connection: client.WorkerConnection, info: Any, options: Mapping[str, str]) -> Description:
    found: Description = {"name": info.name}
    versions = {"version": info.implementation_version, "data_version": info.data_version_spec}
    found |= {key: value for key, value in {**versions, "source_url": info.source_url}.items() if value}
    if info.attach_option_specs:
        found["options"] = [
            {
                "name": spec.name,
                "type": sql_name(spec.type.field(0).type),
                "description": spec.description,
                "required": bool(spec.required),
            }
            for spec in info.attach_option_specs
        ]
    try:
        attached = connection.attach(info.name, options=typed_options(info, options))
        about = attached.about
        found["comment"] = about.comment
        found["settings"] = [_setting(item) for item in about.settings]
        found["schemas"] = [_schema(attached, schema) for schema in attached.schemas()]
        found["copy_formats"] = [
            {"name": f.format_name, "direction": f.direction, "description": f.description or f.comment or ""}
            for f in attached.copy_formats()
        ]
    except RemoteError as error:  # such as a required option
        found["error"] = str(error)
    return found


def typed_options(info: Any, options: Mapping[str, str]) -> dict[str, Any]:
    """The texts of options as values of the declared types; what is not declared stays, to be refused."""
    from .values import from_text

    types = {spec.name.casefold(): spec.type.field(0).type for spec in info.attach_option_specs}
    return {
        name: from_text(text, types[name.casefold()], f"option '{name}'") if name.casefold() in types else text
        for name, text in options.items()
    }


def _setting(item: bytes) -> Description:
    from ..protocol.catalogs import SettingSpec

    spec = decode(SettingSpec, item)
    return {"name": spec.name, "type": sql_name(spec.type.field(0).type), "description": spec.description}


def _schema(attached: client.AttachedCatalog, schema: Any) -> Description:
    name = schema.path[0]
    return {
        "name": ".".join(schema.path),
        "comment": schema.comment,
        "functions": [_function(info) for info in attached.functions(name)],
        "tables": [_table(info) for info in attached.tables(name)],
        "views": [{"name": v.name, "comment": v.comment, "definition": v.definition} for v in attached.views(name)],
        "macros": [
            {
                "name": macro.name,
                "kind": macro.macro_type.name.lower(),
                "parameters": list(macro.parameters),
                "comment": macro.comment,
                "definition": macro.definition,
            }
            for macro in attached.macros(name)
        ],
    }


def _function(info: FunctionInfo) -> Description:
    columns = info.output_schema
    found: Description = {
        "name": info.name,
        "kind": kind_of(info),
        "description": info.description,
        "arguments": [_argument(field) for field in info.arguments],
        "categories": list(info.categories),
        "examples": [{"sql": example.sql, "description": example.description} for example in info.examples],
    }
    if kind_of(info) in ("scalar", "aggregate"):
        any_result = metadata.ANY_RESULT in (columns.field(0).metadata or {})
        found["returns"] = None if any_result else sql_name(columns.field(0).type)
    else:
        found["columns"] = _columns(columns) if len(columns) else None
    return found


def _argument(field: pa.Field) -> Description:
    found: Description = {"name": field.name, "type": sql_name(field.type)}
    if property_of(field, metadata.TYPE) == "table":
        found["type"] = "TABLE"
    if property_of(field, metadata.ARG) == "named":
        found["named"] = True
    if property_of(field, metadata.VARARGS) == "true":
        found["varargs"] = True
    for name, key in (("default", metadata.DEFAULT), ("choices", metadata.CHOICES)):
        text = property_of(field, key)
        if text is not None:
            found[name] = _from_json(text)
    for name, key in (("range", metadata.RANGE), ("pattern", metadata.PATTERN), ("description", metadata.DOC)):
        text = property_of(field, key)
        if text is not None:
            found[name] = text
    return found


def _table(info: TableInfo) -> Description:
    names = info.columns.names
    return {
        "name": info.name,
        "comment": info.comment,
        "columns": _columns(info.columns),
        "primary_key": [names[place] for key in info.primary_key_constraints for place in key],
        "writes": sorted(info.write_result_modes),
    }


def _columns(schema: pa.Schema) -> list[Description]:
    return [{"name": field.name, "type": sql_name(field.type)} for field in schema]


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print_catalog(catalog: Description, out: TextIO) -> None:
    versions = [f"{key.replace('_', ' ')} {catalog[key]}" for key in ("version", "data_version") if key in catalog]
    print(f"catalog {catalog['name']}" + (f" ({', '.join(versions)})" if versions else ""), file=out)
    _paragraph(catalog.get("comment"), 2, out)
    if "source_url" in catalog:
        print(f"  {catalog['source_url']}", file=out)
    for kind in ("options", "settings"):
        for one in catalog.get(kind, ()):
            required = ", required" if one.get("required") else ""
            print(f"  {kind[:-1]} {one['name']} {one['type']}{required}", file=out)
            _paragraph(one["description"], 6, out)
    for one in catalog.get("copy_formats", ()):
        print(f"  format {one['name']} ({one['direction']})", file=out)
        _paragraph(one["description"], 6, out)
    for schema in catalog.get("schemas", ()):
        _print_schema(schema, out)
    if "error" in catalog:
        print(f"  cannot be attached: {catalog['error']}", file=out)


def _print_schema(schema: Description, out: TextIO) -> None:
    print(f"\n  schema {schema['name']}", file=out)
    _paragraph(schema["comment"], 4, out)
    for function in schema["functions"]:
        _entry(f"{function['kind']} {function['name']}({_arguments(function['arguments'])}){_result(function)}", out)
        _paragraph(function["description"], 8, out)
        for argument in function["arguments"]:
            if "description" in argument:
                _paragraph(f"{argument['name']}: {argument['description']}", 10, out)
    for table in schema["tables"]:
        _entry(f"table {table['name']}({_columns_text(table['columns'])})", out)
        _paragraph(table["comment"], 8, out)
    for view in schema["views"]:
        _entry(f"view {view['name']}", out)
        _paragraph(view["comment"], 8, out)
    for macro in schema["macros"]:
        _entry(f"{'table ' * (macro['kind'] == 'table')}macro {macro['name']}({', '.join(macro['parameters'])})", out)
        _paragraph(macro["comment"], 8, out)


def _arguments(arguments: Sequence[Description]) -> str:
    parts = []
    for argument in arguments:
        type_ = argument["type"] + "…" * argument.get("varargs", False)
        default = f" = {json.dumps(argument['default'], ensure_ascii=False)}" if "default" in argument else ""
        parts.append(f"{argument['name']} {':= ' * argument.get('named', False)}{type_}{default}")
    return _together(parts)


def _result(function: Description) -> str:
    if "returns" in function:
        return f" -> {function['returns'] or 'decided by the call'}"
    return f" -> ({_columns_text(function['columns'])})" if function["columns"] else ""


def _columns_text(columns: Iterable[Description]) -> str:
    return _together(f"{column['name']} {column['type']}" for column in columns)


def _together(parts: Iterable[str]) -> str:
    """A list whose lines break between its parts alone."""
    return ", ".join(part.replace(" ", _NO_BREAK) for part in parts)


def _entry(text: str, out: TextIO) -> None:
    lines = textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="        ", break_long_words=False)
    print("\n".join(lines).replace(_NO_BREAK, " "), file=out)


def _paragraph(text: str | None, indent: int, out: TextIO) -> None:
    for line in (text or "").strip().splitlines():
        print(
            textwrap.fill(line.strip(), _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent), file=out
        )
