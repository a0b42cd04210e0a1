"""Reads what is shown of a worker from a client's connection to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import pyarrow as pa

from ...client.catalog import AttachedCatalog
from ...client.connection import WorkerConnection
from ...client.signatures import Signature, property_of
from ...errors import Error
from ...protocol import metadata
from ...protocol.catalogs import CatalogInfo, SecretTypeSpec, SettingSpec
from ...protocol.formats import CopyFormatInfo
from ...protocol.functions import FunctionInfo, FunctionType, NullHandling, Stability
from ...protocol.listing import MacroInfo, MacroType, SchemaInfo, ViewInfo
from ...protocol.tables import TableInfo
from ...rpc.codec import decode, decode_batch
from ...types.names import sql_name
from .inventory import (
    KINDS,
    Argument,
    Catalog,
    Column,
    Contents,
    Format,
    Function,
    Inventory,
    Macro,
    Option,
    Overload,
    ReleaseNote,
    Schema,
    SecretType,
    Table,
    View,
)
from .tags import Example, read_tags, safe_link

T = TypeVar("T")

LISTED = 2000
"""Objects of one kind in one schema that a page lists; what is beyond is counted."""


def read_inventory(connection: WorkerConnection, name: str | None = None, data_version: str = "") -> Inventory:
    """What a worker offers, and what is in one of its catalogs. What fails is told in the result.

    Args:
        connection: to the worker, as the caller.
        name: the catalog to look into; the first one if it is None or there is none of that name.
        data_version: the version of its data to ask for; "" for any.
    """
    try:
        catalogs = tuple(_catalog(info) for info in connection.catalog_infos())
    except Error as error:
        return Inventory((), None, problem=str(error))
    found = next((place for place, one in enumerate(catalogs) if name and one.name.casefold() == name.casefold()), 0)
    if not catalogs:
        return Inventory((), None)
    try:
        attached = connection.attach(catalogs[found].name, data_version=data_version or None)
        chosen = replace(catalogs[found], contents=_contents(attached))
    except Error as error:  # such as a required option
        chosen = replace(catalogs[found], problem=str(error))
    return Inventory((*catalogs[:found], chosen, *catalogs[found + 1 :]), chosen, data_version)


def _catalog(info: CatalogInfo) -> Catalog:
    return Catalog(
        name=info.name,
        version=info.implementation_version or "",
        data_version=info.data_version_spec or "",
        source=safe_link("Source", info.source_url),
        options=tuple(
            Option(
                spec.name,
                sql_name(spec.type.field(0).type),
                spec.description,
                _default(spec.default_value),
                bool(spec.required),
            )
            for spec in info.attach_option_specs
        ),
        releases=tuple(
            ReleaseNote(
                release.version,
                release.released_at.date().isoformat() if release.released_at is not None else "",
                release.summary,
                safe_link("Release notes", release.notes_url),
            )
            for release in info.releases
        ),
    )


def _contents(attached: AttachedCatalog) -> Contents:
    about = attached.about
    settings = [decode(SettingSpec, item) for item in about.settings]
    secret_types = [decode(SecretTypeSpec, item) for item in about.secret_types]
    return Contents(
        comment=about.comment or "",
        about=read_tags(about.tags),
        default_schema=about.default_schema or "main",
        schemas=tuple(_schema(attached, schema) for schema in attached.schemas()),
        settings=tuple(
            Option(s.name, sql_name(s.type.field(0).type), s.description, _default(s.default_value)) for s in settings
        ),
        secret_types=tuple(
            SecretType(
                spec.name,
                spec.description,
                tuple(
                    Column(f.name, sql_name(f.type), facts=("hidden",) if metadata.REDACT in (f.metadata or {}) else ())
                    for f in spec.parameters_schema
                ),
            )
            for spec in secret_types
        ),
        formats=tuple(_format(info) for info in attached.copy_formats()),
        data_version=about.resolved_data_version or "",
        version=about.resolved_implementation_version or "",
    )


def _schema(attached: AttachedCatalog, info: SchemaInfo) -> Schema:
    name = info.path[0]
    tables, views, macros = attached.tables(name), attached.views(name), attached.macros(name)
    overloads: dict[tuple[str, str], list[FunctionInfo]] = {}
    for one in attached.functions(name):
        overloads.setdefault((kind_of(one), one.name), []).append(one)
    kept = {key: group for place, (key, group) in enumerate(overloads.items()) if place < LISTED}
    functions = [_function(kind, group) for (kind, _), group in kept.items()]
    return Schema(
        name=".".join(info.path),
        comment=info.comment or "",
        about=read_tags(info.tags),
        tables=_by_name(_table(one) for one in tables[:LISTED]),
        views=_by_name(_view(one) for one in views[:LISTED]),
        functions=tuple(sorted(functions, key=lambda f: (KINDS.index(f.kind), f.name.casefold()))),
        macros=_by_name(_macro(one) for one in macros[:LISTED]),
        omitted=sum(max(0, len(items) - LISTED) for items in (tables, views, macros, overloads)),
    )


def _by_name(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(items, key=lambda item: str(getattr(item, "name", "")).casefold()))


def kind_of(info: FunctionInfo) -> str:
    """What kind of function a record describes, one of :data:`KINDS`."""
    if info.function_type is FunctionType.SCALAR:
        return "scalar"
    if info.function_type is FunctionType.AGGREGATE:
        return "aggregate"
    if info.function_type is FunctionType.TABLE_BUFFERING:
        return "buffering"
    if info.input_from_args:
        return "row function"
    return "table-in-out" if Signature.of(info).table else "table function"


def _function(kind: str, infos: Sequence[FunctionInfo]) -> Function:
    about = read_tags({key: value for info in infos for key, value in info.tags.items()})
    texts = [text for info in infos for text in (info.description, info.comment or "") if text]
    examples = {
        one.sql.strip(): Example(one.sql, one.description, one.expected_output or "")
        for info in infos
        for one in info.examples
    }
    for example in about.examples:
        known = examples.get(example.sql.strip())
        if known is None or not known.text:
            examples[example.sql.strip()] = replace(example, expected=known.expected if known is not None else "")
    keywords = tuple(dict.fromkeys([*(word for info in infos for word in info.categories), *about.keywords]))
    return Function(
        name=infos[0].name,
        kind=kind,
        text="\n\n".join(dict.fromkeys([*texts, *([about.text] if about.text else [])])),
        overloads=_without_short_forms([_overload(kind, info) for info in infos]),
        examples=tuple(examples.values()),
        notes=_notes(infos),
        about=replace(about, keywords=keywords),
    )


def _without_short_forms(overloads: Sequence[Overload]) -> tuple[Overload, ...]:
    """The overloads but those that only leave out arguments which have defaults in another one."""

    def is_short(form: Overload) -> bool:
        count = len(form.arguments)
        return any(
            len(other.arguments) > count
            and replace(other, arguments=other.arguments[:count]) == form
            and all(argument.default is not None for argument in other.arguments[count:])
            for other in overloads
        )

    return tuple(form for form in overloads if not is_short(form))


def _notes(infos: Sequence[FunctionInfo]) -> tuple[str, ...]:
    notes: list[str] = []
    if any(info.stability is Stability.VOLATILE for info in infos):
        notes.append("volatile: equal arguments may give different results")
    if any(info.null_handling is NullHandling.SPECIAL for info in infos):
        notes.append("sees NULL")
    notes += [f"uses the setting {name}" for info in infos for name in info.required_settings]
    notes += [f"needs a secret of type {one.secret_type}" for info in infos for one in info.required_secrets]
    return tuple(dict.fromkeys(notes))


def _overload(kind: str, info: FunctionInfo) -> Overload:
    arguments = tuple(_argument(field) for field in info.arguments)
    columns = info.output_schema
    if kind in ("scalar", "aggregate"):
        decided = len(columns) == 1 and metadata.ANY_RESULT not in (columns.field(0).metadata or {})
        return Overload(arguments, sql_name(columns.field(0).type) if decided else "")
    return Overload(arguments, None, tuple(_column(f) for f in columns) if len(columns) else None)


def _argument(field: pa.Field) -> Argument:
    type_ = {"table": "TABLE", "any": "ANY"}.get(property_of(field, metadata.TYPE) or "", "") or sql_name(field.type)
    allowed = []
    choices = property_of(field, metadata.CHOICES)
    if choices is not None:
        values = _from_json(choices)
        allowed.append("one of " + ", ".join(map(_literal, values if isinstance(values, list) else [values])))
    for key, words in ((metadata.RANGE, "in"), (metadata.PATTERN, "matches")):
        text = property_of(field, key)
        if text is not None:
            allowed.append(f"{words} {text}")
    if property_of(field, metadata.CONST) == "true":
        allowed.append("constant")
    default = property_of(field, metadata.DEFAULT)
    return Argument(
        name=field.name,
        type=type_,
        named=property_of(field, metadata.ARG) == "named",
        varargs=property_of(field, metadata.VARARGS) == "true",
        default=None if default is None else _literal(_from_json(default)),
        allowed=tuple(allowed),
        text=property_of(field, metadata.DOC) or "",
    )


def _column(field: pa.Field) -> Column:
    properties: Mapping[bytes, bytes] = field.metadata or {}
    facts = []
    if metadata.IS_ROW_ID in properties:
        facts.append("row id")
    if metadata.GENERATED_EXPRESSION in properties:
        facts.append(f"generated as {property_of(field, metadata.GENERATED_EXPRESSION)}")
    elif metadata.COLUMN_DEFAULT in properties:
        facts.append(f"default {property_of(field, metadata.COLUMN_DEFAULT)}")
    return Column(field.name, sql_name(field.type), property_of(field, metadata.COMMENT) or "", tuple(facts))


def _table(info: TableInfo) -> Table:
    names = info.columns.names

    def named(places: Iterable[int]) -> str:
        return ", ".join(names[place] for place in places if 0 <= place < len(names))

    facts = [f"primary key ({named(key)})" for key in info.primary_key_constraints]
    facts += [f"unique ({named(key)})" for key in info.unique_constraints]
    facts += [
        f"({', '.join(key.fk_columns)}) references {key.referenced_table} ({', '.join(key.pk_columns)})"
        for key in info.foreign_key_constraints
    ]
    facts += [f"check ({expression})" for expression in info.check_constraints]
    facts += [f"must be filtered by {' or '.join(group)}" for group in info.required_filters]
    if info.write_result_modes:
        facts.append("takes " + ", ".join(sorted(mode.upper() for mode in info.write_result_modes)))
    if info.cardinality_estimate is not None:
        facts.append(f"about {info.cardinality_estimate:,} rows")
    columns = [_column(field) for field in info.columns]
    for place in info.not_null_constraints:
        if 0 <= place < len(columns):
            columns[place] = replace(columns[place], facts=("not null", *columns[place].facts))
    return Table(info.name, info.comment or "", tuple(columns), tuple(facts), read_tags(info.tags))


def _view(info: ViewInfo) -> View:
    comments = tuple((name, comment) for name, comment in info.column_comments.items() if comment)
    return View(info.name, info.comment or "", info.definition, comments, read_tags(info.tags))


def _macro(info: MacroInfo) -> Macro:
    docs = {field.name: field for field in info.arguments_schema or ()}
    defaults = decode_batch(info.parameter_default_values) if info.parameter_default_values else None
    parameters = []
    for name in info.parameters:
        known = docs.get(name)
        default = _default(defaults.select([name])) if defaults is not None and name in defaults.schema.names else None
        parameters.append(
            Argument(
                name,
                sql_name(known.type) if known is not None and not pa.types.is_null(known.type) else "",
                named=default is not None,
                default=default,
                text=(property_of(known, metadata.DOC) or "") if known is not None else "",
            )
        )
    kind = "scalar macro" if info.macro_type is MacroType.SCALAR else "table macro"
    return Macro(info.name, kind, info.comment or "", tuple(parameters), info.definition, read_tags(info.tags))


def _format(info: CopyFormatInfo) -> Format:
    return Format(
        info.format_name,
        info.direction,
        info.description or info.comment or "",
        tuple(_argument(field) for field in info.options),
    )


def _default(batch: pa.RecordBatch | None) -> str | None:
    if batch is None or batch.num_rows != 1:
        return None
    scalar = batch.column(0)[0]
    try:
        return _literal(scalar.as_py())
    except (ValueError, OverflowError, pa.ArrowException):  # Python has no such value
        return str(scalar)


def _literal(value: object) -> str:
    """A value as SQL writes it, for the common types."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _from_json(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
