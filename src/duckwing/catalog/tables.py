"""Tables of a declared catalog: a table function with its arguments, and what SQL should know of its rows."""

from __future__ import annotations

import dataclasses
import datetime
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError, OutputError
from ..functions.about import check_name, check_tags, check_text
from ..functions.arguments import Arguments
from ..functions.columns import Columns
from ..functions.context import Context, Invocation
from ..functions.overloads import choose_by_arguments
from ..functions.signature import any_type
from ..functions.table import BoundTable, TableFunction
from ..protocol import metadata
from ..types.names import sql_name
from ..types.refusals import refusal
from ..types.values import array_of_one, from_values
from .statements import check_expression
from .table_options import check_paths, column_group, column_groups, read_version, table_hints

if TYPE_CHECKING:
    from ..functions.hints import Cardinality, Hints
    from ..scans.statistics import ColumnStatistics, TableStatistics


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: the values of ``columns`` are those of ``referenced`` in another table of the catalog.

    DuckDB shows it and does not check it.

    Attributes:
        columns: of the table that has the key; one name is one column.
        table: the other table; ``schema.table`` if it is in another schema.
        referenced: its columns; the same names by default.

    Example:
        ```python
        sales.table("orders", orders, foreign_keys=[dw.ForeignKey(["customer"], "customers", ["id"])])
        ```
    """

    columns: str | Sequence[str]
    table: str
    referenced: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", column_group(self.columns))
        object.__setattr__(self, "referenced", column_group(self.referenced) or self.columns)


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
        time_travel: it has earlier states, which the function finds by ``ctx.at``.
        data_versions: the versions of the data in which it is there; none at all: in all.
        version: which state it is of several of its name; None: there are none.
        since: when this state began; None: it is not known.
        writers: the functions of its schema that write to it, by ``insert``, ``update`` and ``delete``.
        returning: these can answer with rows.
        hints: what the optimizer may know of its rows, beside what the function says; None: nothing.
        context: who looks at the table; it matters where the columns are computed from that.
        told: its columns as a provider has just told them; None: its function knows them.
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
    time_travel: bool = False
    data_versions: Sequence[str] = ()
    version: str | None = None
    since: datetime.datetime | None = None
    writers: Mapping[str, str] = field(default_factory=dict)
    returning: bool = True
    hints: Hints | None = None
    context: Context = field(kw_only=True)
    told: Columns | None = None

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
        chosen = choose_by_arguments([self.function], self.arguments)
        return self.function.bind(chosen.parameters, self.arguments, self.context)

    @functools.cached_property
    def scanned(self) -> tuple[pa.Schema, Any]:
        """The columns that a scan gives, and what the bind leaves for it.

        Raises:
            OutputError: what was computed are no columns.
            Exception: whatever computing them raises.
        """
        return self.bound.output(self.told)

    @functools.cached_property
    def columns(self) -> pa.Schema:
        """The columns of the table, with what SQL should know of each as field metadata (spec 04, section 5.2).

        Raises:
            DeclarationError: an option names a column that there is not.
            Exception: whatever computing them raises.
        """
        schema = self.scanned[0]
        _check_columns(self, schema)
        fields = [f.with_metadata({**(f.metadata or {}), **self._properties(f.name)}) for f in schema]
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
        """Whether all calls of the scan are bound alike, whoever calls, whenever.

        Columns that are computed may change with what they are computed from.
        """
        return self.function.columns.fixed is not None and not self.function.signature.secrets

    @property
    def refuses_at(self) -> bool:
        """Whether a query with AT is refused: there are no earlier states."""
        return not self.time_travel

    def is_in(self, data_version: str | None) -> bool:
        """Whether it is there in a version of the data."""
        return not self.data_versions or data_version in self.data_versions

    def seen_by(self, context: Context) -> Table:
        """The table as somebody sees it whose context may matter."""
        return self if self.is_fixed else dataclasses.replace(self, context=context)

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
    /,
    *,
    args: Sequence[Any] = (),
    named: Mapping[str, Any] | None = None,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    primary_key: str | Sequence[str] = (),
    unique: str | Sequence[str | Sequence[str]] = (),
    not_null: str | Sequence[str] = (),
    checks: str | Sequence[str] = (),
    foreign_keys: ForeignKey | Sequence[ForeignKey] = (),
    column_comments: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    generated: Mapping[str, Generated] | None = None,
    row_id: str | None = None,
    required_filters: str | Sequence[str | Sequence[str]] = (),
    time_travel: bool = False,
    data_versions: str | Sequence[str] = (),
    version: str | int | None = None,
    since: datetime.date | None = None,
    writers: Mapping[str, str] | None = None,
    returning: bool = True,
    cardinality: int | Cardinality | None = None,
    statistics: Mapping[str, ColumnStatistics] | TableStatistics | None = None,
    context: Context | None = None,
    told: Columns | None = None,
    **unknown: Any,
) -> Table:
    """Make a :class:`Table`; :meth:`Schema.table` explains the options.

    Raises:
        DeclarationError: it cannot be one.
    """
    what = f"table '{check_name(name, 'a table')}'"
    if not isinstance(function, TableFunction):
        raise DeclarationError(f"{what} needs a table function to scan it, not {function!r:.80}")
    for option in unknown:
        raise DeclarationError(f"{what}: there is no option '{option}'; help(duckwing.Schema.table) lists them")
    state, began = read_version(version, since, what)
    table = Table(
        name,
        schema,
        function,
        _arguments(function, args, named or {}, what),
        comment=None if comment is None else check_text(comment, f"{what}: comment="),
        tags=check_tags(tags, what),
        column_comments=_texts(column_comments, f"{what}: column_comments="),
        not_null=column_group(not_null),
        primary_key=column_group(primary_key),
        unique=column_groups(unique),
        checks=column_group(checks),
        foreign_keys=(foreign_keys,) if isinstance(foreign_keys, ForeignKey) else tuple(foreign_keys),
        defaults=_texts(defaults, f"{what}: defaults="),
        generated=dict(generated or {}),
        row_id=row_id,
        required_filters=column_groups(required_filters),
        time_travel=time_travel,
        data_versions=column_group(data_versions),
        version=state,
        since=began,
        writers=dict(writers or {}),
        returning=returning,
        hints=table_hints(cardinality, statistics, what),
        context=Context(Invocation("", "")) if context is None else context,
        told=told,
    )
    _check_options(table)
    try:
        bound = table.bound
    except ArgumentError as error:
        raise DeclarationError(f"{what}: {error}") from None
    if bound.function.columns.fixed is not None:
        assert table.columns is not None  # makes mistakes show while the author's module is imported
    return table


def _texts(texts: Mapping[str, str] | None, what: str) -> dict[str, str]:
    if texts is not None and not isinstance(texts, Mapping):
        raise DeclarationError(f"{what} takes a dict by column, not {texts!r:.80}")
    return {column: check_text(text, f"{what} of column '{column}'") for column, text in (texts or {}).items()}


def _check_options(table: Table) -> None:
    """Refuse what is wrong whatever the columns are."""
    what = table.what
    if table.version is not None and table.time_travel:
        raise DeclarationError(
            f"{what}: version= says which state it is, time_travel= that its function has them all; choose one"
        )
    for condition in table.checks:
        check_expression(condition, f"{what}: the check {condition!r}")
    for column, expression in table.defaults.items():
        check_expression(expression, f"{what}: the default of column '{column}'")
        if column in table.generated:
            raise DeclarationError(f"{what}: column '{column}' is generated, so it has no default")
    for column, generated in table.generated.items():
        if not isinstance(generated, Generated):
            raise DeclarationError(
                f"{what}: generated= maps columns to dw.Generated(type, expression), not to {generated!r:.80}"
            )
        check_name(column, f"{what}: a generated column")
        check_expression(generated.expression, f"{what}: the generated column '{column}'")
        if not isinstance(generated.type, pa.DataType):
            raise DeclarationError(
                f"{what}: the generated column '{column}' needs a type from duckwing.types, not {generated.type!r:.80}"
            )
        reason = "a column has one type" if any_type(generated.type) else refusal(generated.type)
        if reason is not None:
            raise DeclarationError(f"{what}: column '{column}' cannot be {sql_name(generated.type)}: {reason}")
    for key in table.foreign_keys:
        if not isinstance(key, ForeignKey):
            raise DeclarationError(f"{what}: foreign_keys= takes dw.ForeignKey(columns, table), not {key!r:.80}")
        check_name(key.table, f"{what}: the table of a foreign key")
        if not key.columns or len(key.columns) != len(key.referenced):
            raise DeclarationError(
                f"{what}: a foreign key of {len(key.columns)} columns refers to {len(key.referenced)} of '{key.table}'"
            )
    for option, groups in (("unique=", table.unique), ("required_filters=", table.required_filters)):
        if not all(groups):
            raise DeclarationError(f"{what}: {option} has an empty group")
    if table.row_id in table.generated:
        raise DeclarationError(f"{what}: row_id= names '{table.row_id}', which is generated; its function must have it")
    for option, groups in (
        ("primary_key=", [table.primary_key]),
        ("unique=", table.unique),
        ("foreign_keys=", [key.columns for key in table.foreign_keys]),
    ):
        for group in groups:
            # Alone it is left out by the client; of several columns the others would be left, a wrong constraint.
            if table.row_id in group and (len(group) > 1 or option == "foreign_keys="):
                raise DeclarationError(f"{what}: {option} names '{table.row_id}', which row_id= hides")


def _arguments(
    function: TableFunction[..., Any], args: Sequence[Any], named: Mapping[str, Any], what: str
) -> Arguments:
    """Python values as the constant arguments of a call."""
    parameters = [p for p in function.signature.parameters if p.kind != "table"]
    by_position = [p for p in parameters if p.kind in ("positional", "varargs")]
    by_name = {p.name.casefold(): p for p in parameters}
    if isinstance(args, (str, bytes, Mapping)) or not isinstance(args, Sequence):
        raise DeclarationError(f"{what}: args= takes a list of values, not {args!r:.80}")
    if len(args) > len(by_position) and not (by_position and by_position[-1].kind == "varargs"):
        raise DeclarationError(
            f"{what}: args= has {len(args)} values, but function '{function.name}' takes {len(by_position)} by position"
        )
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
    try:
        return array_of_one(value) if any_type(type_) else from_values([value], type_, what)
    except OutputError as error:
        raise DeclarationError(str(error)) from None
    except (pa.ArrowException, OverflowError) as error:
        raise DeclarationError(f"{what} cannot be passed: {error}") from None


def _check_columns(table: Table, schema: pa.Schema) -> None:
    names = [*schema.names, *table.generated]
    if len({name.casefold() for name in names}) < len(names):
        raise DeclarationError(f"{table.what}: a generated column has the name of another one")
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
    types = dict(zip(schema.names, schema.types, strict=True)) | {n: g.type for n, g in table.generated.items()}
    check_paths(table.required_filters, types, table.what)
    if set(schema.names) == {table.row_id} and not table.generated:
        raise DeclarationError(f"{table.what}: row_id= hides its only column")
