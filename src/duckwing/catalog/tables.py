"""Tables of a declared catalog: a table function with its arguments, and what SQL should know of its rows."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError, OutputError
from ..functions.about import check_name, check_tags, check_text
from ..functions.arguments import Arguments
from ..functions.context import Context, Invocation
from ..functions.overloads import choose_by_arguments
from ..functions.table import BoundTable, TableFunction
from ..protocol import metadata
from ..types.names import sql_name
from ..types.refusals import refusal
from ..types.values import from_values
from .statements import check_expression


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: the values of ``columns`` are those of ``referenced`` in another table of the catalog.

    DuckDB shows it and does not check it.

    Attributes:
        columns: of the table that has the key.
        table: the other table; ``schema.table`` if it is in another schema.
        referenced: its columns; the same names by default.

    Example:
        ```python
        sales.table("orders", orders, foreign_keys=[dw.ForeignKey(["customer"], "customers", ["id"])])
        ```
    """

    columns: Sequence[str]
    table: str
    referenced: Sequence[str] = ()


@dataclass(frozen=True)
class Generated:
    """A column that DuckDB computes from the others.

    Attributes:
        type: of its values.
        expression: SQL over the other columns.
    """

    type: pa.DataType
    expression: str


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a declared catalog. Make it with :meth:`Schema.table`; that explains the options.

    Attributes:
        name: its name in SQL.
        schema: the name of its schema.
        function: scans it.
        arguments: the constant arguments of the scan.
        comment: as ``COMMENT ON TABLE`` would set it.
        tags: free key-value pairs.
        column_comments: by column.
        not_null: columns without NULLs.
        primary_key: columns; none at all: there is no key.
        unique: columns of each UNIQUE constraint.
        checks: SQL conditions.
        foreign_keys: to other tables of the catalog.
        defaults: SQL expressions by column.
        generated: columns that DuckDB computes, after the others.
        row_id: the column that identifies a row; hidden, and shown as ``rowid``.
        required_filters: every group must have a column that the query filters by.
    """

    name: str
    schema: str
    function: TableFunction[..., Any]
    arguments: Arguments
    comment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    column_comments: Mapping[str, str] = field(default_factory=dict)
    not_null: Sequence[str] = ()
    primary_key: Sequence[str] = ()
    unique: Sequence[Sequence[str]] = ()
    checks: Sequence[str] = ()
    foreign_keys: Sequence[ForeignKey] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    generated: Mapping[str, Generated] = field(default_factory=dict)
    row_id: str | None = None
    required_filters: Sequence[Sequence[str]] = ()

    @property
    def what(self) -> str:
        """The table, for error messages."""
        return f"table '{self.name}'"

    @functools.cached_property
    def bound(self) -> BoundTable:
        """The scan function with the arguments of the table.

        Raises:
            ArgumentError: they do not fit.
        """
        invocation = Invocation(self.function.name, "", kind=self.function.kind)
        chosen = choose_by_arguments([self.function], self.arguments)
        return self.function.bind(chosen.parameters, self.arguments, Context(invocation))

    @functools.cached_property
    def scanned(self) -> tuple[pa.Schema, Any]:
        """The columns that a scan gives, and what the bind leaves for it.

        Raises:
            OutputError: what was computed are no columns.
            Exception: whatever computing them raises.
        """
        return self.bound.output()

    @functools.cached_property
    def columns(self) -> pa.Schema:
        """The columns of the table, with what SQL should know of each as field metadata (spec 04, section 5.2).

        Raises:
            DeclarationError: an option names a column that there is not.
            Exception: whatever computing them raises.
        """
        schema = self.scanned[0]
        _check_columns(self, schema)
        fields = [pa.field(f.name, f.type, metadata=self._properties(f.name)) for f in schema]
        for name, generated in self.generated.items():
            properties = self._properties(name)
            properties[metadata.GENERATED_EXPRESSION] = generated.expression.encode()
            fields.append(pa.field(name, generated.type, metadata=properties))
        return pa.schema(fields)

    def positions(self, names: Iterable[str]) -> tuple[int, ...]:
        """The places of columns, by which constraints name them."""
        return tuple(self.columns.get_field_index(name) for name in names)

    @property
    def is_fixed(self) -> bool:
        """Whether all calls of the scan are bound alike, whoever calls, whenever."""
        function = self.function
        wants_context = function.signature.context in function.columns.wants
        return not function.signature.secrets and not wants_context

    def _properties(self, column: str) -> dict[bytes, bytes]:
        properties: dict[bytes, bytes] = {}
        if column in self.column_comments:
            properties[metadata.COMMENT] = self.column_comments[column].encode()
        if column in self.defaults:
            properties[metadata.COLUMN_DEFAULT] = self.defaults[column].encode()
        if column == self.row_id:
            properties[metadata.IS_ROW_ID] = b"true"
        return properties


def declare_table(
    name: str,
    schema: str,
    function: Any,
    *,
    args: Sequence[Any] = (),
    named: Mapping[str, Any] | None = None,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    primary_key: str | Sequence[str] = (),
    unique: Sequence[str | Sequence[str]] = (),
    required_filters: Sequence[str | Sequence[str]] = (),
    **options: Any,
) -> Table:
    """Make a :class:`Table`; :meth:`Schema.table` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    what = f"table '{check_name(name, 'a table')}'"
    if not isinstance(function, TableFunction):
        raise DeclarationError(f"{what} needs a table function to scan it, not {function!r:.80}")
    known = {f.name for f in Table.__dataclass_fields__.values()}
    for option in options:
        if option not in known:
            raise DeclarationError(f"{what}: there is no option '{option}'; help(duckwing.Schema.table) lists them")
    table = Table(
        name,
        schema,
        function,
        _arguments(function, args, named or {}, what),
        comment=None if comment is None else check_text(comment, f"{what}: comment="),
        tags=check_tags(tags, what),
        primary_key=_group(primary_key),
        unique=tuple(_group(group) for group in unique),
        required_filters=tuple(_group(group) for group in required_filters),
        **options,
    )
    try:
        bound = table.bound
    except ArgumentError as error:
        raise DeclarationError(f"{what}: {error}") from None
    for condition in table.checks:
        check_expression(condition, f"{what}: the check {condition!r}")
    for column, expression in table.defaults.items():
        check_expression(expression, f"{what}: the default of column '{column}'")
    for column, generated in table.generated.items():
        check_expression(generated.expression, f"{what}: the generated column '{column}'")
        reason = refusal(generated.type)
        if reason is not None:
            raise DeclarationError(f"{what}: column '{column}' cannot be {sql_name(generated.type)}: {reason}")
    if bound.function.columns.fixed is not None:
        assert table.columns is not None  # makes mistakes show while the author's module is imported
    return table


def _group(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _arguments(
    function: TableFunction[..., Any], args: Sequence[Any], named: Mapping[str, Any], what: str
) -> Arguments:
    """Python values as the constant arguments of a call."""
    parameters = [p for p in function.signature.parameters if p.kind != "table"]
    by_position = [p for p in parameters if p.kind in ("positional", "varargs")]
    by_name = {p.name.casefold(): p for p in parameters}
    if len(args) > len(by_position) and not (by_position and by_position[-1].kind == "varargs"):
        raise DeclarationError(f"{what}: {len(args)} arguments for function '{function.name}', which takes fewer")
    positional = [
        _constant(value, by_position[min(place, len(by_position) - 1)].type, f"{what}: argument {place + 1}")
        for place, value in enumerate(args)
    ]
    for name in named:
        if name.casefold() not in by_name:
            raise DeclarationError(f"{what}: function '{function.name}' has no parameter '{name}'")
    return Arguments(
        positional,
        {
            name.casefold(): _constant(value, by_name[name.casefold()].type, f"{what}: argument '{name}'")
            for name, value in named.items()
        },
    )


def _constant(value: Any, type_: pa.DataType, what: str) -> pa.Array:
    from ..functions.signature import any_type

    try:
        return pa.array([value]) if any_type(type_) else from_values([value], type_, what)
    except (OutputError, pa.ArrowException) as error:
        raise DeclarationError(str(error)) from None


def _check_columns(table: Table, schema: pa.Schema) -> None:
    names = [*schema.names, *table.generated]
    if len({name.casefold() for name in names}) < len(names):
        raise DeclarationError(f"{table.what}: a generated column has the name of another one")
    paths = [path for group in table.required_filters for path in group]
    mentioned = (
        ("primary_key=", table.primary_key),
        ("not_null=", table.not_null),
        ("defaults=", table.defaults),
        ("column_comments=", table.column_comments),
        ("row_id=", [table.row_id] if table.row_id is not None else []),
        *(("unique=", group) for group in table.unique),
        *(("foreign_keys=", key.columns) for key in table.foreign_keys),
    )
    for option, columns in mentioned:
        for column in columns:
            if column not in names:
                raise DeclarationError(
                    f"{table.what}: {option} names '{column}', which is none of its columns {', '.join(names)}"
                )
    for path in paths:
        if path not in names and path.split(".")[0] not in names:
            raise DeclarationError(f"{table.what}: required_filters= names '{path}', which is none of its columns")
    if not all(table.required_filters):
        raise DeclarationError(f"{table.what}: required_filters= has an empty group")
