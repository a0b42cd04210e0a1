"""Catalogs and schemas that an author declares in Python."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, overload

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.about import check_name, check_tags, check_text
from ..functions.declare import (
    aggregate,
    buffering,
    decorate,
    row_function,
    scalar,
    table_function,
    table_in_out,
)
from ..functions.settings import Setting, declare_setting
from ..functions.signature import Parameter, call_form
from ..types import ANY
from ..types.forms import arrival, shares_arrival

if TYPE_CHECKING:
    from typing import Unpack

    from ..functions.aggregate import AggregateFunction
    from ..functions.buffering import BufferingFunction
    from ..functions.options import (
        AggregateOptions,
        BufferingOptions,
        RowFunctionOptions,
        ScalarOptions,
        TableFunctionOptions,
        TableInOutOptions,
    )
    from ..functions.row import RowFunction
    from ..functions.scalar import ScalarFunction
    from ..functions.secrets import SecretType
    from ..functions.table import TableFunction
    from ..functions.table_in_out import TableInOutFunction

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")

AnyTableFunction: TypeAlias = (
    "TableFunction[..., Any] | RowFunction[..., Any] | TableInOutFunction[..., Any] | BufferingFunction[..., Any]"
)
Function: TypeAlias = "ScalarFunction[..., Any] | AnyTableFunction | AggregateFunction"

_ROOMS = {
    "scalar": "scalar",
    "table_function": "table",
    "row_function": "table",
    "table_in_out": "table",
    "buffering": "table",
    "aggregate": "aggregate",
}
"""Where SQL looks for a function of each kind: kinds of one room share their names."""


class Schema:
    """A schema of a catalog: a named set of functions. Make it with :meth:`Catalog.schema`.

    Attributes:
        name: its name in SQL.
        comment: as ``COMMENT ON SCHEMA`` would set it.
        tags: free key-value pairs.
    """

    def __init__(self, name: str, *, comment: str | None = None, tags: Mapping[str, str] | None = None):
        self.name = check_name(name, "a schema")
        self.comment = None if comment is None else check_text(comment, f"schema '{name}': comment=")
        self.tags = check_tags(tags, f"schema '{name}'")
        self._functions: dict[str, dict[str, list[Any]]] = {room: {} for room in _ROOMS.values()}

    def add(self, *functions: Function | Iterable[Function]) -> None:
        """Add functions that were declared with the free decorators ``dw.scalar``, ….

        Args:
            functions: declared functions, or iterables of them.

        Raises:
            DeclarationError: something else is given, or two overloads cannot be told apart.
        """
        for function in functions:
            if getattr(function, "kind", None) in _ROOMS:
                self._add(function)
            elif isinstance(function, Iterable):
                self.add(*_declared(function, self.name))
            else:
                raise _not_declared(function, self.name)

    @overload
    def scalar(self, function: Callable[P, R], /) -> ScalarFunction[P, R]: ...

    @overload
    def scalar(self, /, **options: Unpack[ScalarOptions]) -> Callable[[Callable[P, R]], ScalarFunction[P, R]]: ...

    def scalar(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a scalar function and add it; see :func:`duckwing.scalar` for the options."""
        return self._decorator(scalar, function, options)

    @overload
    def table_function(self, function: Callable[P, R], /) -> TableFunction[P, R]: ...

    @overload
    def table_function(
        self, /, **options: Unpack[TableFunctionOptions]
    ) -> Callable[[Callable[P, R]], TableFunction[P, R]]: ...

    def table_function(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a table function and add it; see :func:`duckwing.table_function` for the options."""
        return self._decorator(table_function, function, options)

    @overload
    def row_function(self, function: Callable[P, R], /) -> RowFunction[P, R]: ...

    @overload
    def row_function(
        self, /, **options: Unpack[RowFunctionOptions]
    ) -> Callable[[Callable[P, R]], RowFunction[P, R]]: ...

    def row_function(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a row function and add it; see :func:`duckwing.row_function` for the options."""
        return self._decorator(row_function, function, options)

    @overload
    def table_in_out(self, function: Callable[P, R], /) -> TableInOutFunction[P, R]: ...

    @overload
    def table_in_out(
        self, /, **options: Unpack[TableInOutOptions]
    ) -> Callable[[Callable[P, R]], TableInOutFunction[P, R]]: ...

    def table_in_out(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a table-in-out function and add it; see :func:`duckwing.table_in_out` for the options."""
        return self._decorator(table_in_out, function, options)

    @overload
    def buffering(self, function: Callable[P, R], /) -> BufferingFunction[P, R]: ...

    @overload
    def buffering(
        self, /, **options: Unpack[BufferingOptions]
    ) -> Callable[[Callable[P, R]], BufferingFunction[P, R]]: ...

    def buffering(self, function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
        """Declare a buffering function and add it; see :func:`duckwing.buffering` for the options."""
        return self._decorator(buffering, function, options)

    @overload
    def aggregate(self, function: type[C], /) -> AggregateFunction: ...

    @overload
    def aggregate(self, /, **options: Unpack[AggregateOptions]) -> Callable[[type[C]], AggregateFunction]: ...

    def aggregate(self, function: Any = None, /, **options: Any) -> Any:
        """Declare an aggregate function and add it; see :func:`duckwing.aggregate` for the options."""
        return self._decorator(aggregate, function, options)

    def scalars(self, name: str | None = None) -> list[ScalarFunction[..., Any]]:
        """The scalar functions, or those of one name, which SQL compares without regard to case."""
        return _select(self._functions["scalar"], name)

    def table_functions(self, name: str | None = None) -> list[AnyTableFunction]:
        """All functions that SQL calls in FROM, or those of one name."""
        return _select(self._functions["table"], name)

    def aggregates(self, name: str | None = None) -> list[AggregateFunction]:
        """The aggregate functions, or those of one name."""
        return _select(self._functions["aggregate"], name)

    def _decorator(self, declare: Callable[..., Any], function: Any, options: Mapping[str, Any]) -> Any:
        return decorate(functools.partial(self._declare, declare), function, options)

    def _declare(self, declare: Callable[..., Any], function: Any, /, **options: Any) -> Any:
        declared = declare(function, **options)
        self.add(declared)
        return declared

    def _add(self, function: Any) -> None:
        room = _ROOMS[function.kind]
        for other_room, functions in self._functions.items():
            clash = functions.get(function.name.casefold())
            if clash and ("table" not in (room, other_room) and room != other_room):
                raise DeclarationError(
                    f"schema '{self.name}' already has {_with_article(clash[0].kind)} '{function.name}'; "
                    f"SQL cannot tell {_with_article(function.kind)} of that name apart"
                )
        same_name = self._functions[room].setdefault(function.name.casefold(), [])
        if any(other is function for other in same_name):
            raise DeclarationError(f"function '{function.name}' is already in schema '{self.name}'")
        for other in same_name:
            if other.kind != function.kind or function.kind in ("table_in_out", "buffering"):
                raise DeclarationError(
                    f"schema '{self.name}' already has {_with_article(other.kind)} '{function.name}'; DuckDB cannot "
                    "choose between functions of one name where one takes a table. Give one of them another name"
                )
        by_name = room != "table"
        for form in function.signature.forms():
            for other in (other for same in same_name for other in same.signature.forms()):
                if _alike(form, other, by_name):
                    raise DeclarationError(_indistinct(self.name, function.name, other, form, by_name))
        same_name.append(function)


class Catalog(Schema):
    """What ``ATTACH`` makes visible. A catalog is its own default schema.

    Args:
        name: the name to attach: ``ATTACH 'name' (TYPE vgi, LOCATION …)``.
        comment: shown in ``duckdb_databases()``.
        tags: free key-value pairs.
        default_schema: name of the schema that the catalog itself is.
        version: version of the author's code, shown by ``vgi_catalogs(…)``.
        transactions: functions may keep ``ctx.state.transaction``. Two more calls for each statement.

    Raises:
        DeclarationError: a name cannot be one, or something else is no string.

    Example:
        ```python
        demo = dw.Catalog("demo", comment="Introductory examples")

        @demo.scalar
        def upper_case(value: pa.StringArray) -> pa.StringArray:
            return pc.utf8_upper(value)
        ```
    """

    def __init__(
        self,
        name: str,
        *,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        default_schema: str = "main",
        version: str | None = None,
        transactions: bool = False,
    ):
        super().__init__(default_schema)
        self.catalog_name = check_name(name, "a catalog")
        what = f"catalog '{name}'"
        self.catalog_comment = None if comment is None else check_text(comment, f"{what}: comment=")
        self.catalog_tags = check_tags(tags, what)
        self.version = None if version is None else check_text(version, f"{what}: version=")
        self.transactions = transactions
        self._schemas: dict[str, Schema] = {default_schema.casefold(): self}
        self._settings: dict[str, Setting] = {}
        self._secret_types: dict[str, SecretType] = {}

    def schema(self, name: str, *, comment: str | None = None, tags: Mapping[str, str] | None = None) -> Schema:
        """Add a schema.

        Args:
            name: its name in SQL.
            comment: as ``COMMENT ON SCHEMA`` would set it.
            tags: free key-value pairs.

        Raises:
            DeclarationError: the catalog has a schema of that name.
        """
        schema = Schema(name, comment=comment, tags=tags)
        if name.casefold() in self._schemas:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a schema '{name}'")
        self._schemas[name.casefold()] = schema
        return schema

    def setting(self, name: str, type: pa.DataType, *, default: Any = None, description: str = "") -> Setting:
        """Add a setting that users set with ``SET name = value`` and functions read as ``ctx.settings[name]``.

        Args:
            name: its name in SQL. Settings belong to the whole database: begin it with the catalog's name.
            type: type of its value, from :mod:`duckwing.types`.
            default: its Python value until somebody sets it; None: it has none.
            description: shown in ``duckdb_settings()``.

        Raises:
            DeclarationError: the catalog has it already, or the default is not of the type.
        """
        check_name(name, "a setting")
        if name.casefold() in self._settings:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a setting '{name}'")
        setting = declare_setting(name, type, default, description)
        self._settings[name.casefold()] = setting
        return setting

    def secret_type(
        self, name: str, parameters: Mapping[str, pa.DataType], *, redact: Iterable[str] = (), description: str = ""
    ) -> SecretType:
        """Add a type of secret: ``CREATE SECRET (TYPE name, parameter 'value')``.

        Args:
            name: its name in SQL.
            parameters: names and types of what the secret holds.
            redact: the parameters that ``duckdb_secrets()`` must not show.
            description: what it is for.

        Raises:
            DeclarationError: the catalog has it already, or ``redact`` names no parameter.
        """
        from ..functions.secrets import declare_secret_type

        check_name(name, "a secret type")
        if name.casefold() in self._secret_types:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a secret type '{name}'")
        secret_type = declare_secret_type(name, parameters, redact, description)
        self._secret_types[name.casefold()] = secret_type
        return secret_type

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The settings, by name in lower case."""
        return self._settings

    @property
    def secret_types(self) -> Iterable[SecretType]:
        """The types of secrets."""
        return self._secret_types.values()

    def schemas(self) -> Iterator[Schema]:
        """All schemas, the default schema first."""
        return iter(self._schemas.values())

    def find_schema(self, name: str) -> Schema | None:
        """The schema of that name, without regard to case."""
        return self._schemas.get(name.casefold())

    def __repr__(self) -> str:
        return f"Catalog({self.catalog_name!r})"


def _declared(functions: Iterable[Function], schema: str) -> Iterator[Function]:
    """The items of an iterable that was given to ``add``; a string is none of ours, nor are its letters."""
    for function in functions:
        if getattr(function, "kind", None) not in _ROOMS:
            raise _not_declared(function, schema)
        yield function


def _not_declared(value: object, schema: str) -> DeclarationError:
    return DeclarationError(
        f"schema '{schema}': add() takes declared functions, not {value!r}; "
        "decorate it with dw.scalar or dw.table_function first"
    )


def _with_article(kind: str) -> str:
    text = kind.replace("_", " ")
    text = text if text.endswith("function") else f"{text} function"
    return f"an {text}" if text[0] in "aeiou" else f"a {text}"


def _select(functions: Mapping[str, list[Any]], name: str | None) -> list[Any]:
    if name is None:
        return [function for same_name in functions.values() for function in same_name]
    return functions.get(name.casefold(), [])


def _alike(one: Sequence[Parameter], other: Sequence[Parameter], by_name: bool) -> bool:
    """Whether a call of one overload cannot be told from a call of the other by what arrives.

    Named arguments tell nothing (spec 06, section 3), the names of positional ones do for scalars.
    """
    one, other = ([p for p in form if p.kind != "named"] for form in (one, other))
    if [p.kind for p in one] != [p.kind for p in other]:
        return False
    if not all(map(_arrive_alike, (p.type for p in one), (p.type for p in other))):
        return False
    return not by_name or [p.name for p in one] == [p.name for p in other] or _same_types(one, other)


def _same_types(one: Sequence[Parameter], other: Sequence[Parameter]) -> bool:
    return [p.type for p in one] == [p.type for p in other]


def _arrive_alike(one: pa.DataType, other: pa.DataType) -> bool:
    if one.equals(ANY) or other.equals(ANY):
        return bool(one.equals(other)) or shares_arrival(one) or shares_arrival(other)
    return bool(arrival(one).equals(arrival(other)))


def _indistinct(schema: str, name: str, one: Sequence[Parameter], other: Sequence[Parameter], by_name: bool) -> str:
    calls = f"schema '{schema}' already has {call_form(name, one)}, whose calls"
    if by_name and not _same_types(one, other):
        return (
            f"{calls} arrive like those of {call_form(name, other)}; give the parameters of one of them other names, "
            "which tell them apart"
        )
    return f"{calls} cannot be told from those of {call_form(name, other)}; give one of them another name"
