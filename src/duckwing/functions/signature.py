"""A Python signature as the signature of a SQL function.

Every mistake that can be seen here is a :class:`~duckwing.errors.DeclarationError`, raised by the decorator,
so the traceback ends at the author's own function.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import pyarrow as pa

from ..errors import DeclarationError
from ..types import ANY
from ..types.forms import canonical
from ..types.names import sql_name
from ..types.python import arrow_array_type, is_arrow_array, python_type
from ..types.refusals import refusal
from .context import Context
from .documentation import read_docstring

T = TypeVar("T")

CONST: typing.Final = "duckwing.const"
Const = Annotated[T, CONST]
"""``Const[int]``: an argument that is one value for the whole batch, in a function over Arrow arrays."""

Form = Literal["batch", "row"]
Kind = Literal["positional", "named", "varargs"]

REQUIRED: typing.Final = inspect.Parameter.empty
"""Default of a parameter that has none."""


@dataclass(frozen=True, eq=False)
class Parameter:
    """One parameter of a SQL function.

    Attributes:
        name: its name.
        type: its type; ``ANY`` if the call decides.
        kind: passed by position, by name (``x := 1``), or any number of times at the end.
        const: handed over as one Python value, not as an array.
        form: handed over as an Arrow array per batch, or as a Python value per row.
        accepts_none: NULL is handed over as None instead of deciding the result.
        default: the Python default, ``REQUIRED`` if there is none.
        doc: description for the catalog.
        convert: applied to each Python value, for annotations such as ``timedelta``.
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

    @property
    def sql(self) -> str:
        """The parameter as error messages and help texts show it, such as ``step := BIGINT``."""
        type_name = sql_name(self.type)
        if self.kind == "varargs":
            return f"{type_name}..."
        return f"{self.name} := {type_name}" if self.kind == "named" else f"{self.name} {type_name}"


@dataclass(frozen=True, eq=False)
class Signature:
    """What SQL and Duckwing need to know of a Python function.

    Attributes:
        parameters: those that SQL passes, in order; named ones last.
        context: name of the parameter that receives the :class:`Context`, or None.
        context_place: how many positional arguments come before it, if others follow; else None.
        returns: the annotation of the result, ``REQUIRED`` if there is none.
        description: from the docstring.
    """

    parameters: tuple[Parameter, ...]
    context: str | None
    context_place: int | None
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


def with_context(function: Callable[..., Any], signature: Signature, context: Context) -> Callable[..., Any]:
    """``function`` with its :class:`Context` filled in, to be called with what SQL passes."""
    name, place = signature.context, signature.context_place
    if name is None:
        return function
    if place is None:
        return functools.partial(function, **{name: context})

    def call(*arguments: Any, **named: Any) -> Any:
        if len(arguments) < place:
            return function(*arguments, **named, **{name: context})
        return function(*arguments[:place], context, *arguments[place:], **named)

    return call


def read_signature(function: Callable[..., Any], what: str) -> Signature:
    """The SQL signature of ``function``.

    Args:
        function: the author's function.
        what: names it in error messages, such as ``scalar function 'f'``.

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
    context: str | None = None
    context_place: int | None = None
    for parameter in signature.parameters.values():
        if parameter.annotation is Context:
            if context is not None:
                raise DeclarationError(f"{what} has two Context parameters, '{context}' and '{parameter.name}'")
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
                raise DeclarationError(f"{what}: the Context parameter '{parameter.name}' must accept a keyword")
            context = parameter.name
            context_place = None if parameter.kind is parameter.KEYWORD_ONLY else len(parameters)
        else:
            parameters.append(_parameter(parameter, what, docs.get(parameter.name, "")))
    _check_order(parameters, what)
    named = sorted((p for p in parameters if p.kind == "named"), key=lambda p: p.name)
    ordered = [*(p for p in parameters if p.kind != "named"), *named]
    if context_place is not None and not any(p.kind != "named" for p in parameters[context_place:]):
        context_place = None
    return Signature(tuple(ordered), context, context_place, signature.return_annotation, description)


@dataclass(frozen=True, eq=False)
class Annotation:
    """An annotation taken apart."""

    base: Any
    type: pa.DataType | None
    accepts_none: bool
    const: bool
    doc: str


def read_annotation(annotation: Any) -> Annotation:
    """Take ``T``, ``T | None``, ``Const[T]`` and ``Annotated[T, TYPE, "doc"]`` apart."""
    type_: pa.DataType | None = None
    accepts_none = const = False
    doc = ""
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
            annotation = arguments[0]
        elif origin in (typing.Union, types.UnionType) and type(None) in arguments and len(arguments) == 2:
            accepts_none = True
            annotation = next(a for a in arguments if a is not type(None))
        else:
            return Annotation(annotation, type_, accepts_none, const, doc)


def form_of(base: Any) -> Form | None:
    """Whether an annotation means batches or rows; None for libraries that are not supported."""
    if is_arrow_array(base):
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
    if found is None:
        found = arrow_array_type(base) if is_arrow_array(base) else python_type(base)
    if found is None:
        shown = getattr(base, "__name__", None) or repr(base)
        raise DeclarationError(
            f"{what}: {shown} does not say which SQL type it is; write Annotated[{shown}, TYPE] with a type "
            "from duckwing.types, such as Annotated[Decimal, DECIMAL(10, 2)]"
        )
    reason = refusal(found)
    if reason is not None:
        raise DeclarationError(f"{what}: {sql_name(found)} cannot be used: {reason}")
    return canonical(found)


def _parameter(parameter: inspect.Parameter, what: str, doc: str) -> Parameter:
    what = f"{what}: parameter '{parameter.name}'"
    if parameter.kind is parameter.VAR_KEYWORD:
        raise DeclarationError(f"{what}: SQL cannot pass arguments of any name; declare each named argument")
    if parameter.annotation is parameter.empty:
        raise DeclarationError(f"{what} needs an annotation, such as {parameter.name}: int")
    annotation = read_annotation(parameter.annotation)
    form = form_of(annotation.base)
    if form is None:
        raise DeclarationError(
            f"{what}: {annotation.base.__name__} is not supported as an annotation; use an Arrow array or a Python type"
        )
    kind: Kind = "positional"
    if parameter.kind is parameter.KEYWORD_ONLY:
        kind = "named"
    elif parameter.kind is parameter.VAR_POSITIONAL:
        kind = "varargs"
    default = parameter.default
    return Parameter(
        name=parameter.name,
        type=resolve_type(annotation, what),
        kind=kind,
        const=annotation.const,
        form=form,
        accepts_none=annotation.accepts_none or default is None,
        default=default,
        doc=annotation.doc or doc,
        convert=_converter(annotation.base),
    )


def _check_order(parameters: Sequence[Parameter], what: str) -> None:
    varargs = [p for p in parameters if p.kind == "varargs"]
    if varargs and any(p.kind == "positional" and p.default is not REQUIRED for p in parameters):
        raise DeclarationError(f"{what}: SQL cannot leave out a positional argument before *{varargs[0].name}")
    seen: dict[str, str] = {}
    for parameter in parameters:
        other = seen.setdefault(parameter.name.casefold(), parameter.name)
        if other != parameter.name:
            raise DeclarationError(f"{what}: SQL cannot tell '{other}' and '{parameter.name}' apart")


def _converter(base: Any) -> Callable[[Any], Any] | None:
    import datetime

    if typing.get_origin(base) in (dict, Mapping):
        return dict  # a MAP is a list of pairs in Arrow
    return _to_timedelta if base is datetime.timedelta else None


def _to_timedelta(value: Any) -> Any:
    import datetime

    months, days, nanoseconds = value
    if months:
        raise ValueError(f"an INTERVAL of months has no timedelta; annotate with pyarrow.MonthDayNano: {value}")
    return datetime.timedelta(days=days, microseconds=nanoseconds // 1000)


def any_type(type: pa.DataType) -> bool:
    """Whether ``type`` is ``ANY``."""
    return bool(type.equals(ANY))
