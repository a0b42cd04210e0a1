"""Declarations of protocols and their methods.

A protocol is a name, a version and a table of methods. A method names the dataclass of
its parameters and the type of its result; both ends share the declaration::

    ADD = unary("add", AddRequest, int)
    COUNT = stream("count", CountRequest, header=CountHeader)
    CALCULATOR = Protocol("toy.calculator.v1", "1.0.0", {"add": ADD, "count": COUNT})
"""

from __future__ import annotations

import functools
import importlib
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

import pyarrow as pa

from .codec import Record, ValueType, result_type, schema_of
from .framing import EMPTY_SCHEMA

P = TypeVar("P", bound=Record)
R = TypeVar("R")
V = TypeVar("V", covariant=True)

REQUEST_SCHEMA = pa.schema([pa.field("request", pa.binary(), nullable=False)])
"""Parameter schema of a method whose parameters travel as one nested record."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,254}\Z")


@dataclass(frozen=True)
class NoParams:
    """Parameters of a method without parameters."""


@dataclass(frozen=True, eq=False)
class Method(Generic[P, R]):
    """One method. Make it with :func:`unary` or :func:`stream`.

    Attributes:
        name: the name on the wire.
        params: the dataclass of the parameters, one field each.
        result: annotation of the result of a unary method, or of the header of a stream method.
        wrapped: the parameters travel as one parameter ``request`` that holds their record.
        is_stream: whether a call opens a stream.
        idempotency: ``"unknown"``, ``"no_side_effects"`` or ``"idempotent"``, for reflection.
        stream_kind: of a stream: ``"producer"``, ``"exchange"`` or ``"unknown"``, for reflection.
    """

    name: str
    params: type[P]
    result: Any
    wrapped: bool = False
    is_stream: bool = False
    idempotency: str = "unknown"
    stream_kind: str = ""

    @functools.cached_property
    def params_schema(self) -> pa.Schema:
        """Schema of the request batch."""
        return REQUEST_SCHEMA if self.wrapped else schema_of(self.params)

    @functools.cached_property
    def result_type(self) -> ValueType | None:
        """How the result of a unary method travels; None if it returns nothing."""
        if self.result is None or self.is_stream:
            return None
        return result_type(self.result)

    @functools.cached_property
    def result_schema(self) -> pa.Schema:
        """Schema of the response of a unary method."""
        form = self.result_type
        return EMPTY_SCHEMA if form is None else pa.schema([pa.field("result", form.type, form.nullable)])

    @functools.cached_property
    def header_schema(self) -> pa.Schema | None:
        """Schema of the header of a stream method, None if it has no header."""
        return schema_of(self.result) if self.is_stream and self.result is not None else None


@overload
def unary(
    name: str, params: type[P], result: None = None, *, wrapped: bool = False, idempotency: str = "unknown"
) -> Method[P, None]: ...
@overload
def unary(
    name: str, params: type[P], result: type[R], *, wrapped: bool = False, idempotency: str = "unknown"
) -> Method[P, R]: ...
@overload
def unary(
    name: str, params: type[P], result: types.UnionType, *, wrapped: bool = False, idempotency: str = "unknown"
) -> Method[P, Any]: ...
def unary(
    name: str, params: type[P], result: Any = None, *, wrapped: bool = False, idempotency: str = "unknown"
) -> Method[P, Any]:
    """A method with one answer.

    Args:
        name: the name on the wire.
        params: dataclass of the parameters.
        result: annotation of the result: any form of :mod:`duckwing.rpc.codec`, a dataclass
            (which travels as a nested record), ``T | None`` for a nullable one, None for no result.
        wrapped: send the parameters as one nested record.
        idempotency: what reflection reports.
    """
    return Method(name, params, result, wrapped, False, idempotency)


def stream(
    name: str, params: type[P], *, header: type[R], wrapped: bool = False, kind: str = "exchange"
) -> Method[P, R]:
    """A method that opens a stream: it answers with ``header``, then turn by turn.

    Args:
        name: the name on the wire.
        params: dataclass of the parameters.
        header: dataclass of the header.
        wrapped: send the parameters as one nested record.
        kind: what reflection reports: ``"producer"``, ``"exchange"``, or ``"unknown"`` if it depends on the call.
    """
    return Method(name, params, header, wrapped, True, stream_kind=kind)


@dataclass(frozen=True, eq=False)
class Protocol:
    """A named set of methods.

    Attributes:
        name: routing key, ``[A-Za-z_][A-Za-z0-9_.]*``, by convention ending in the major version.
        version: ``MAJOR.MINOR.PATCH``, or ``""`` for a protocol whose version nobody checks.
        methods: the methods by name; a :class:`LazyTable` defers their import to the first call.
    """

    name: str
    version: str
    methods: Mapping[str, Method[Any, Any]] = field(repr=False)

    def __post_init__(self) -> None:
        if not is_protocol_name(self.name):
            raise ValueError(f"{self.name!r} is not a protocol name: letters, digits, '_' and '.' only")


def is_protocol_name(name: str) -> bool:
    """Whether ``name`` may be a routing key (spec 01, section 13.1)."""
    return _NAME.match(name) is not None


class LazyTable(Mapping[str, V]):
    """A read-only table whose values are imported when they are looked up.

    A worker that answers one call should not pay for the import of the fifty others.

    Args:
        modules: names by the module that has them.
        attribute: the attribute of the module for a name; the name itself unless given.
    """

    def __init__(self, modules: Mapping[str, tuple[str, ...]], attribute: Any = str):
        self._module_of = {name: module for module, names in modules.items() for name in names}
        self._attribute = attribute
        self._values: dict[str, V] = {}

    def __getitem__(self, name: str) -> V:
        if name not in self._values:
            module = importlib.import_module(self._module_of[name])
            self._values[name] = getattr(module, self._attribute(name))
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._module_of)

    def __len__(self) -> int:
        return len(self._module_of)

    def __contains__(self, name: object) -> bool:
        return name in self._module_of
