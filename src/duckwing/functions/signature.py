"""A Python signature as the signature of a SQL function.

Every mistake that can be seen here is a :class:`~duckwing.errors.DeclarationError`, raised by the decorator,
so the traceback ends at the author's own function.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError
from ..types import ANY
from ..types.forms import canonical
from ..types.names import sql_name
from ..types.python import arrow_array_type, is_arrow_array, python_type, value_converter, why_untyped
from ..types.refusals import refusal
from .constraints import Constraints, read_choices, read_constraints
from .context import Context
from .documentation import read_docstring
from .libraries import Library, library_of, library_type, refuse_argument
from .secrets import Lookup, Secret, SecretParameter

T = TypeVar("T")

CONST: typing.Final = "duckwing.const"
Const = Annotated[T, CONST]
"""``Const[int]``: an argument that is one value for the whole batch, in a function over Arrow arrays."""

Form = Literal["batch", "row"]
Kind = Literal["positional", "named", "varargs", "table"]

REQUIRED: typing.Final = inspect.Parameter.empty
"""Default of a parameter that has none."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of a SQL function.

    Attributes:
        name: its name.
        type: its type; ``ANY`` if the call decides.
        kind: passed by position, by name (``x := 1``), any number of times at the end, or a table.
        const: handed over as one Python value, not as an array.
        form: handed over as an array per batch, or as a Python value per row.
        accepts_none: NULL is handed over as None instead of deciding the result.
        default: the Python default, ``REQUIRED`` if there is none.
        doc: description for the catalog.
        convert: applied to each Python value, for annotations such as ``timedelta`` and constraints; it
            raises ArgumentError for a value that is not allowed.
        constraints: which values are allowed, None if all are.
        library: the library of whose arrays it is, None for Arrow and for Python values.
        arrow: each value is handed over as a ``pyarrow.Scalar``, which has the type that it came in.
    """

    name: str
    type: pa.DataType
    kind: Kind
    const: bool
    form: Form
    accepts_none: bool
    default: Any
    doc: str
    convert: Callable[[Any], Any] | None = None
    constraints: Constraints | None = None
    library: Library | None = None
    arrow: bool = False

    @property
    def sql(self) -> str:
        """The parameter as error messages and help texts show it, such as ``step := BIGINT``."""
        type_name = "TABLE" if self.kind == "table" else sql_name(self.type)
        if self.kind == "varargs":
            return f"{type_name}..."
        return f"{self.name} := {type_name}" if self.kind == "named" else f"{self.name} {type_name}"


@dataclass(frozen=True, eq=False)
class Signature:
    """What SQL and Duckwing need to know of a Python function.

    Attributes:
        parameters: those that SQL passes, in order; named ones last.
        context: name of the parameter that receives the :class:`Context`, or None.
        secrets: the parameters that receive secrets.
        places: for each parameter that SQL does not pass, how many positional arguments come before it,
            if others follow; else None.
        returns: the annotation of the result, ``REQUIRED`` if there is none.
        description: from the docstring.
    """

    parameters: tuple[Parameter, ...]
    context: str | None
    secrets: tuple[SecretParameter, ...]
    places: Mapping[str, int | None]
    returns: Any
    description: str

    def forms(self) -> list[tuple[Parameter, ...]]:
        """The parameters of each overload, longest first: positional defaults can be left out."""
        shorter = [self.parameters]
        positional = [p for p in self.parameters if p.kind == "positional"]
        rest = tuple(p for p in self.parameters if p.kind == "named")
        while positional and positional[-1].default is not REQUIRED:
            positional.pop()
            shorter.append((*positional, *rest))
        return shorter


def call_form(name: str, parameters: Iterable[Parameter]) -> str:
    """How a function is called, for messages: ``f(count BIGINT, step := BIGINT)``."""
    return f"{name}({', '.join(p.sql for p in parameters)})"


def with_context(
    function: Callable[..., Any], signature: Signature, context: Context, values: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """``function`` with its :class:`Context` and its secrets filled in, to be called with what SQL passes.

    Args:
        function: the author's function.
        signature: its signature.
        context: what it gets.
        values: the constant arguments of the call by name, for the scopes of secrets.

    Raises:
        ArgumentError: the user has no such secret.
    """
    filled: dict[str, Any] = {s.name: context.secret(s, values or {}) for s in signature.secrets}
    if signature.context is not None:
        filled[signature.context] = context
    if not filled:
        return function
    inserted = sorted((place, name) for name, place in signature.places.items() if place is not None)
    if not inserted:
        return functools.partial(function, **filled)

    def call(*arguments: Any, **named: Any) -> Any:
        positional = list(arguments)
        by_name = dict(filled)
        for shift, (place, name) in enumerate(inserted):
            if place + shift <= len(positional):
                positional.insert(place + shift, by_name.pop(name))
        return function(*positional, **named, **by_name)

    return call


def read_signature(function: Callable[..., Any], what: str, *, table: bool = False, skip: int = 0) -> Signature:
    """The SQL signature of ``function``.

    Args:
        function: the author's function.
        what: names it in error messages, such as ``scalar function 'f'``.
        table: it takes a table: one parameter is annotated with what rows come as.
        skip: number of leading parameters that are none of SQL, such as ``self``.

    Raises:
        DeclarationError: it cannot be called from SQL.
    """
    try:
        signature = inspect.signature(function, eval_str=True)
    except (NameError, AttributeError, SyntaxError) as error:
        raise DeclarationError(
            f"{what}: an annotation cannot be evaluated ({error}); "
            "annotations must name types that exist at module level"
        ) from None
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"{what}: its signature cannot be read ({error})") from None
    description, docs = read_docstring(function.__doc__)
    parameters: list[Parameter] = []
    secrets: list[SecretParameter] = []
    context: str | None = None
    places: dict[str, int | None] = {}
    for parameter in list(signature.parameters.values())[skip:]:
        secret = _secret(parameter, what)
        if parameter.annotation is not Context and secret is None:
            parameters.append(_parameter(parameter, what, docs.get(parameter.name, ""), table))
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise DeclarationError(f"{what}: the parameter '{parameter.name}' must accept a keyword")
        places[parameter.name] = None if parameter.kind is parameter.KEYWORD_ONLY else len(parameters)
        if secret is not None:
            secrets.append(secret)
        elif context is not None:
            raise DeclarationError(f"{what} has two Context parameters, '{context}' and '{parameter.name}'")
        else:
            context = parameter.name
    _check_order(parameters, what)
    for secret in secrets:
        _check_scope(secret, parameters, what)
    named = sorted((p for p in parameters if p.kind == "named"), key=lambda p: p.name)
    ordered = [*(p for p in parameters if p.kind != "named"), *named]
    for name, place in places.items():
        if place is not None and all(p.kind == "named" for p in parameters[place:]):
            places[name] = None
    return Signature(tuple(ordered), context, tuple(secrets), places, signature.return_annotation, description)


@dataclass(frozen=True, eq=False)
class Annotation:
    """An annotation taken apart.

    Attributes:
        base: what it is without all that follows.
        type: the SQL type that it names.
        accepts_none: it takes None.
        const: it is a ``Const``.
        doc: the text in it.
        metadata: whatever else ``Annotated`` adds.
    """

    base: Any
    type: pa.DataType | None
    accepts_none: bool
    const: bool
    doc: str
    metadata: tuple[Any, ...] = ()


def read_annotation(annotation: Any) -> Annotation:
    """Take ``T``, ``T | None``, ``Const[T]`` and ``Annotated[T, TYPE, "doc"]`` apart."""
    type_: pa.DataType | None = None
    accepts_none = const = False
    doc = ""
    metadata: tuple[Any, ...] = ()
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated:
            for extra in arguments[1:]:
                if isinstance(extra, pa.DataType):
                    type_ = type_ or extra
                elif extra == CONST and isinstance(extra, str):
                    const = True
                elif isinstance(extra, str):
                    doc = doc or extra
                else:
                    metadata = (extra, *metadata)
            annotation = arguments[0]
        elif origin in (typing.Union, types.UnionType) and type(None) in arguments and len(arguments) == 2:
            accepts_none = True
            annotation = next(a for a in arguments if a is not type(None))
        else:
            accepts_none = accepts_none or (origin is Literal and None in arguments)
            return Annotation(annotation, type_, accepts_none, const, doc, metadata[::-1])


def form_of(base: Any) -> Form | None:
    """Whether an annotation means batches or rows; None for classes of libraries that are no arrays."""
    if is_arrow_array(base) or library_of(base) is not None:
        return "batch"
    module = getattr(base, "__module__", "").split(".", 1)[0]
    return None if module in ("numpy", "pandas", "polars") else "row"


def resolve_type(annotation: Annotation, what: str) -> pa.DataType:
    """The SQL type that an annotation means.

    Raises:
        DeclarationError: it means none, or one that DuckDB does not take.
    """
    base = annotation.base
    found = annotation.type
    if found is None and library_of(base) is not None:
        found = library_type(base)
    elif found is None:
        found = arrow_array_type(base) if is_arrow_array(base) else python_type(base)
    if found is None:
        raise DeclarationError(f"{what}: {why_untyped(base)}")
    reason = refusal(found)
    if reason is not None:
        raise DeclarationError(f"{what}: {sql_name(found)} cannot be used: {reason}")
    return canonical(found)


_TABLES = (pa.RecordBatch, pa.Table, pa.RecordBatchReader)


def is_table(annotation: Any) -> bool:
    """Whether an annotation is what the rows of a table come as."""
    if typing.get_origin(annotation) in (Iterator, Iterable):
        return typing.get_args(annotation) == (pa.RecordBatch,)
    return annotation in _TABLES


def _secret(parameter: inspect.Parameter, what: str) -> SecretParameter | None:
    """The parameter as one that receives a secret; None if it does not."""
    annotation, lookup, optional = parameter.annotation, None, False
    while annotation is not Secret:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is Annotated:
            lookup = next((extra for extra in arguments[1:] if isinstance(extra, Lookup)), lookup)
            annotation = arguments[0]
        elif origin in (typing.Union, types.UnionType) and type(None) in arguments and len(arguments) == 2:
            optional = True
            annotation = next(a for a in arguments if a is not type(None))
        else:
            return None
    if lookup is None:
        raise DeclarationError(
            f"{what}: parameter '{parameter.name}' must say which secret it is: Annotated[Secret, Lookup('s3')]"
        )
    return SecretParameter(parameter.name, lookup, optional)


def _check_scope(secret: SecretParameter, parameters: Sequence[Parameter], what: str) -> None:
    if secret.lookup.scope is not None and secret.lookup.path is not None:
        raise DeclarationError(
            f"{what}: the lookup of secret '{secret.name}' has a scope and a path; give it one of them"
        )
    if secret.lookup.scope is not None and secret.lookup.scope not in {p.name for p in parameters}:
        raise DeclarationError(
            f"{what}: the scope of secret '{secret.name}' is '{secret.lookup.scope}', which is none of its parameters"
        )


def _parameter(parameter: inspect.Parameter, function: str, doc: str, table: bool) -> Parameter:
    what = f"{function}: parameter '{parameter.name}'"
    if parameter.kind is parameter.VAR_KEYWORD:
        raise DeclarationError(f"{what}: SQL cannot pass arguments of any name; declare each named argument")
    if parameter.annotation is parameter.empty:
        raise DeclarationError(f"{what} needs an annotation, such as {parameter.name}: int")
    annotation = read_annotation(parameter.annotation)
    if is_table(annotation.base):
        if not table:
            raise DeclarationError(f"{what} is a table; only table_in_out and buffering functions take one")
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL) or parameter.default is not REQUIRED:
            raise DeclarationError(f"{what} is a table, which SQL passes by position, always")
        return Parameter(parameter.name, ANY, "table", False, "batch", False, REQUIRED, annotation.doc or doc)
    form = form_of(annotation.base)
    if form is None:
        raise DeclarationError(
            f"{what}: {annotation.base.__name__} is not supported as an annotation; use an array or a Python type"
        )
    kind: Kind = "positional"
    if parameter.kind is parameter.KEYWORD_ONLY:
        kind = "named"
    elif parameter.kind is parameter.VAR_POSITIONAL:
        kind = "varargs"
    default = parameter.default
    choices = read_choices(annotation.base, what)
    if choices is not None and annotation.type is None:
        annotation = dataclasses.replace(annotation, type=choices.type)
    type_ = resolve_type(annotation, what)
    library = library_of(annotation.base)
    if library is not None and not any_type(type_):
        try:
            refuse_argument(library, type_)
        except ArgumentError as error:
            raise DeclarationError(f"{what}: {error}") from None
    convert = None if form == "batch" or choices is not None else value_converter(annotation.base)
    constraints = read_constraints(choices, annotation.metadata, type_, what)
    if constraints is not None:
        if form == "batch":
            raise DeclarationError(
                f"{what} is an array; check it in the function: constraints are for Python values and Const"
            )
        if default is not REQUIRED and default is not None:
            constraints.check_default(default, f"{what}: its default")
        convert = constraints.receiver(convert, f"{function}: argument '{parameter.name}'")
    return Parameter(
        name=parameter.name,
        type=type_,
        kind=kind,
        const=annotation.const,
        form=form,
        accepts_none=annotation.accepts_none or default is None,
        default=default,
        doc=annotation.doc or doc,
        convert=convert,
        constraints=constraints,
        library=library,
        arrow=annotation.base is pa.Scalar,
    )


def _check_order(parameters: Sequence[Parameter], what: str) -> None:
    tables = [p.name for p in parameters if p.kind == "table"]
    if len(tables) > 1:
        raise DeclarationError(f"{what} has two tables, {tables[0]} and {tables[1]}; SQL passes only one")
    varargs = [p for p in parameters if p.kind == "varargs"]
    if varargs and any(p.kind == "positional" and p.default is not REQUIRED for p in parameters):
        raise DeclarationError(f"{what}: SQL cannot leave out a positional argument before *{varargs[0].name}")
    seen: dict[str, str] = {}
    for parameter in parameters:
        other = seen.setdefault(parameter.name.casefold(), parameter.name)
        if other != parameter.name:
            raise DeclarationError(f"{what}: SQL cannot tell '{other}' and '{parameter.name}' apart")


def any_type(type: pa.DataType) -> bool:
    """Whether ``type`` is ``ANY``."""
    return bool(type.equals(ANY))
