"""Which overload of a function a call means, and what it declares (spec 06, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError
from ..protocol import metadata
from ..protocol.functions import FunctionInfo
from ..types.forms import fits
from ..types.values import array_of_one
from .inputs import as_array, is_column, one_value


@dataclass(frozen=True, eq=False)
class Signature:
    """The parameters of a function.

    Attributes:
        info: what the worker lists of it.
        positional: the parameters that go by position, without the table.
        named: those that go by name, under their names in lower case.
        varargs: the last positional one may be given several times.
        table: it takes a table.
    """

    info: FunctionInfo
    positional: tuple[pa.Field, ...]
    named: Mapping[str, pa.Field]
    varargs: bool
    table: bool

    @classmethod
    def of(cls, info: FunctionInfo) -> Signature:
        """The signature that a record declares."""
        fields = list(info.arguments)
        named = {f.name.casefold(): f for f in fields if property_of(f, metadata.ARG) == "named"}
        tables = [f for f in fields if property_of(f, metadata.TYPE) == "table"]
        positional = [f for f in fields if f.name.casefold() not in named and f not in tables]
        varargs = bool(positional) and property_of(positional[-1], metadata.VARARGS) == "true"
        return cls(info, tuple(positional), named, varargs, bool(tables))

    def expanded(self, count: int) -> tuple[pa.Field, ...] | None:
        """The parameters of ``count`` positional arguments; None: it does not take so many.

        Fewer may do for the kinds whose parameters have defaults; the worker says so if not.
        """
        if self.varargs and count >= len(self.positional):
            return self.positional + (count - len(self.positional)) * self.positional[-1:]
        return self.positional[:count] if count <= len(self.positional) else None

    def names(self, count: int) -> tuple[str | None, ...]:
        """The name of each of ``count`` arguments, None for an item of the varargs."""
        fixed = len(self.positional) - self.varargs
        return tuple(field.name if place < fixed else None for place, field in enumerate(self.expanded(count) or ()))

    def __str__(self) -> str:
        """As one calls it, such as ``f(a, b…, step := …)``."""
        parts = [field.name for field in self.positional]
        if self.varargs:
            parts[-1] += "…"
        parts = ["(TABLE)"] * self.table + parts + [f"{field.name} := …" for field in self.named.values()]
        return f"{self.info.name}({', '.join(parts)})"


def property_of(field: pa.Field, key: bytes) -> str | None:
    """A property of a declared argument."""
    value = (field.metadata or {}).get(key)
    return None if value is None else value.decode("utf-8", "replace")


def choose(
    signatures: Sequence[Signature], positional: Sequence[Any], named: Mapping[str, Any], what: str
) -> Signature | None:
    """The overload for some arguments: of those with as many parameters, the one whose types fit best.

    Returns:
        None if nothing is declared: the worker must decide.

    Raises:
        ArgumentError: no overload takes so many arguments, or has such named ones.
    """
    if not signatures:
        return None
    count = len(positional)
    counted = [s for s in signatures if s.expanded(count) is not None]
    if not counted:
        forms = " or ".join(map(str, signatures))
        raise ArgumentError(f"{what} does not take {count} positional arguments: {forms}")
    known = [s for s in counted if all(name.casefold() in s.named for name in named)]
    if not known:
        unknown = next(name for name in named if name.casefold() not in counted[0].named)
        raise ArgumentError(f"{what} has no argument '{unknown}': {' or '.join(map(str, counted))}")
    exact = [s for s in known if len(s.positional) - s.varargs <= count] or known
    return exact[0] if len(exact) == 1 else max(exact, key=lambda s: _quality(s, positional))


def _quality(signature: Signature, positional: Sequence[Any]) -> tuple[int, int]:
    scores = []
    for field, value in zip(signature.expanded(len(positional)) or (), positional, strict=True):
        try:
            if is_column(value) and not isinstance(value, (list, tuple)):
                scores.append(1 + fits(as_array(value).type, field.type))
            else:
                listed = value if isinstance(value, (list, tuple)) else [value]
                sample = next((item for item in listed if item is not None), None)
                one_value(sample, field.type, "")
                natural = array_of_one(sample).type if not isinstance(sample, pa.Scalar) else sample.type
                scores.append(1 + fits(natural, field.type))
        except (ArgumentError, pa.ArrowException, TypeError, ValueError):
            scores.append(0)
    return min(scores, default=1), sum(scores)
