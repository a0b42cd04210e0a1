"""Catalogs and schemas that an author declares in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.about import check_name, check_tags, check_text
from ..functions.scalar import ScalarFunction, declare_scalar
from ..functions.signature import Parameter, call_form
from ..functions.table import TableFunction, declare_table_function
from ..types import ANY
from ..types.forms import arrival, shares_arrival

if TYPE_CHECKING:
    from typing import Unpack

    from ..functions.options import ScalarOptions, TableFunctionOptions

P = ParamSpec("P")
R = TypeVar("R")

Function = ScalarFunction[..., Any] | TableFunction[..., Any]


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
        self._scalars: dict[str, list[ScalarFunction[..., Any]]] = {}
        self._tables: dict[str, list[TableFunction[..., Any]]] = {}

    def add(self, *functions: Function | Iterable[Function]) -> None:
        """Add functions that were declared with the free decorators ``dw.scalar``, ….

        Args:
            functions: declared functions, or iterables of them.

        Raises:
            DeclarationError: something else is given, or two overloads cannot be told apart.
        """
        for function in functions:
            if isinstance(function, ScalarFunction):
                self._add(self._scalars, function)
            elif isinstance(function, TableFunction):
                self._add(self._tables, function)
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

        def declare(function: Callable[P, R]) -> ScalarFunction[P, R]:
            declared = declare_scalar(function, **options)
            self.add(declared)
            return declared

        return declare if function is None else declare(function)

    def table_function(
        self, **options: Unpack[TableFunctionOptions]
    ) -> Callable[[Callable[P, R]], TableFunction[P, R]]:
        """Declare a table function and add it; see :func:`duckwing.table_function` for the options."""

        def declare(function: Callable[P, R]) -> TableFunction[P, R]:
            declared = declare_table_function(function, **options)
            self.add(declared)
            return declared

        return declare

    def scalars(self, name: str | None = None) -> list[ScalarFunction[..., Any]]:
        """The scalar functions, or those of one name, which SQL compares without regard to case."""
        return _select(self._scalars, name)

    def table_functions(self, name: str | None = None) -> list[TableFunction[..., Any]]:
        """The table functions, or those of one name."""
        return _select(self._tables, name)

    def _add(self, functions: dict[str, list[Any]], function: Any) -> None:
        same_name = functions.setdefault(function.name.casefold(), [])
        if any(other is function for other in same_name):
            raise DeclarationError(f"function '{function.name}' is already in schema '{self.name}'")
        by_name = functions is self._scalars
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
    ):
        super().__init__(default_schema)
        self.catalog_name = check_name(name, "a catalog")
        what = f"catalog '{name}'"
        self.catalog_comment = None if comment is None else check_text(comment, f"{what}: comment=")
        self.catalog_tags = check_tags(tags, what)
        self.version = None if version is None else check_text(version, f"{what}: version=")
        self._schemas: dict[str, Schema] = {default_schema.casefold(): self}

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
        if not isinstance(function, (ScalarFunction, TableFunction)):
            raise _not_declared(function, schema)
        yield function


def _not_declared(value: object, schema: str) -> DeclarationError:
    return DeclarationError(
        f"schema '{schema}': add() takes declared functions, not {value!r}; "
        "decorate it with dw.scalar or dw.table_function first"
    )


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
