"""Which values an argument may have: constraints and choices of its annotation.

The constraints are those of the ``annotated_types`` library, known by the names of their classes, so that the
library need not be installed: ``Annotated[int, Ge(0), Le(10)]``. A compiled pattern constrains texts;
``Literal`` and enumerations are choices.
"""

from __future__ import annotations

import decimal
import enum
import functools
import operator
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from ..errors import ArgumentError, DeclarationError, OutputError
from ..types import ANY, BIGNUM, HUGEINT, JSON, UHUGEINT
from ..types.forms import is_list, is_text
from ..types.names import sql_name
from ..types.python import python_type
from ..types.values import from_values

_CONSTRAINTS: Mapping[str, Sequence[str]] = {
    "Gt": ("gt",),
    "Ge": ("ge",),
    "Lt": ("lt",),
    "Le": ("le",),
    "Interval": ("gt", "ge", "lt", "le"),
    "MultipleOf": ("multiple_of",),
    "MinLen": ("min_length",),
    "MaxLen": ("max_length",),
    "Len": ("min_length", "max_length"),
    "Predicate": ("func",),
    "Not": ("func",),
}
"""Names of the classes, and of the attributes that say what they demand."""

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x", re.ASCII: "a"}


_SYMBOLS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}


@dataclass(frozen=True)
class Check:
    """One demand.

    Attributes:
        text: what the value must, such as ``be a multiple of 3``.
        holds: whether a value does; a TypeError means that it does not.
    """

    text: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, eq=False)
class Choices:
    """A closed set of values.

    Attributes:
        members: for each value of SQL, in order, what the function receives.
        type: the type of all of them, None if they have no common one.
    """

    members: Mapping[Any, Any]
    type: pa.DataType | None


@dataclass(frozen=True, eq=False)
class Constraints:
    """What the annotation of an argument demands of its values.

    Attributes:
        choices: the closed set that they are of, if any.
        checks: the other demands, of what the function receives.
        choices_text: the choices as a JSON array.
        range_text: the bounds as an interval, if they are numbers.
        pattern_text: the pattern that texts must match.
    """

    choices: Choices | None
    checks: Sequence[Check]
    choices_text: str | None
    range_text: str | None
    pattern_text: str | None

    def receiver(self, convert: Callable[[Any], Any] | None, what: str) -> Callable[[Any], Any]:
        """What checks a value of SQL other than NULL, and makes of it what the function receives.

        It raises ArgumentError for a value that is not allowed.

        Args:
            convert: the conversion that the annotation demands, if any.
            what: names the argument in error messages.
        """
        members = None if self.choices is None else self.choices.members
        choice = None if members is None else Check(_one_of(members), members.__contains__)

        def receive(value: Any) -> Any:
            if choice is not None and members is not None:
                _demand(choice, value, what, ArgumentError)
                value = members[value]
            elif convert is not None:
                value = convert(value)
            for check in self.checks:
                _demand(check, value, what, ArgumentError)
            return value

        return receive

    def check_default(self, default: Any, what: str) -> None:
        """Check a default, which is what the function receives.

        Raises:
            DeclarationError: it is not allowed.
        """
        checks = list(self.checks)
        if self.choices is not None:
            members = list(self.choices.members.values())
            checks.insert(0, Check(_one_of(members), members.__contains__))
        for check in checks:
            _demand(check, default, what, DeclarationError)


def read_choices(base: Any, what: str) -> Choices | None:
    """The choices of a ``Literal`` or an enumeration, None for another annotation. None is no choice: it is NULL.

    Raises:
        DeclarationError: a member cannot come from SQL.
    """
    if typing.get_origin(base) is Literal:
        members = [member for member in typing.get_args(base) if member is not None]
    elif isinstance(base, type) and issubclass(base, enum.Enum):
        members = list(base)
    else:
        return None
    if not members:
        raise DeclarationError(f"{what} has no values to choose from")
    values = [member.value if isinstance(member, enum.Enum) else member for member in members]
    types = {python_type(type(value)) for value in values}
    common = types.pop() if len(types) == 1 else None
    try:
        return Choices(dict(zip(values, members, strict=True)), None if common == ANY else common)
    except TypeError as error:
        raise DeclarationError(
            f"{what}: its values must be single values, such as texts or integers ({error})"
        ) from None


def read_constraints(
    choices: Choices | None, metadata: Iterable[Any], type: pa.DataType, what: str
) -> Constraints | None:
    """The constraints of an annotation, None if it has none.

    Args:
        choices: its choices.
        metadata: what ``Annotated`` adds to it; all that is no constraint is left alone.
        type: the type of the values.
        what: names the parameter in error messages.

    Raises:
        DeclarationError: a constraint, or a choice, cannot be one for the type.
    """
    checks: list[Check] = []
    bounds: dict[str, Any] = {}
    pattern: str | None = None
    for name, demand in _demands(metadata):
        if not _fits(name, demand, type):
            raise DeclarationError(f"{what}: the constraint {name} = {demand!r} means nothing for {sql_name(type)}")
        if name in _SYMBOLS:
            checks.append(Check("", functools.partial(_within, name, demand)))
            narrower = max if name in ("gt", "ge") else min
            bounds[name] = narrower(bounds[name], demand) if name in bounds else demand
        else:
            checks.append(_check(name, demand))
        if name in ("match", "search") and pattern is None:
            pattern = _pattern_text(demand)
    text = _bounds_text(bounds)
    checks = [check if check.text else Check(text, check.holds) for check in checks]
    if choices is None and not checks:
        return None
    if choices is not None and type != ANY:
        try:
            from_values(list(choices.members), type, f"{what}: each choice")
        except OutputError as error:
            raise DeclarationError(str(error)) from None
    return Constraints(
        choices,
        checks,
        None if choices is None else _as_json(choices),
        _interval(bounds) if bounds and all(map(_is_number, bounds.values())) else None,
        pattern,
    )


def _as_json(choices: Choices) -> str:
    import json

    return json.dumps(list(choices.members), default=str)


def _demand(check: Check, value: Any, what: str, error: type[Exception]) -> None:
    try:
        holds = check.holds(value)
    except TypeError:
        holds = False
    if not holds:
        shown = repr(value)
        raise error(f"{what} must {check.text}, got {shown if len(shown) <= 80 else shown[:77] + '...'}")


def _demands(metadata: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of the constraints in ``metadata``."""
    for item in metadata:
        if isinstance(item, re.Pattern):
            yield "match", item
            continue
        names = {cls.__name__ for cls in type(item).__mro__}
        if "FieldInfo" in names:  # pydantic's
            yield from _demands(getattr(item, "metadata", ()))
        elif getattr(item, "__is_annotated_types_grouped_metadata__", False) is True:
            yield from _demands(item)
        elif "PydanticMetadata" in names and getattr(item, "pattern", None) is not None:
            yield "search", re.compile(item.pattern)
        else:
            for name in names & _CONSTRAINTS.keys():
                for attribute in _CONSTRAINTS[name]:
                    demand = getattr(item, attribute, None)
                    if demand is not None:
                        yield "not" if name == "Not" else attribute, demand


def _fits(name: str, demand: Any, type: pa.DataType) -> bool:
    """Whether a constraint can be one for values of ``type``."""
    is_ = pa.types
    if type.equals(ANY) or name in ("func", "not"):
        return True
    text = is_text(type) or type.equals(JSON)
    if name in ("match", "search"):
        return text if isinstance(demand.pattern, str) else bool(is_.is_binary(type))
    if name in ("min_length", "max_length"):
        return text or bool(is_.is_binary(type) or is_.is_map(type) or is_.is_fixed_size_list(type)) or is_list(type)
    number = (
        is_.is_integer(type) or is_.is_floating(type) or is_.is_decimal(type) or type in (HUGEINT, UHUGEINT, BIGNUM)
    )
    return _is_number(demand) == number


def _check(name: str, demand: Any) -> Check:
    if name == "multiple_of":
        return Check(f"be a multiple of {demand}", lambda value: _is_multiple(value, demand))
    if name == "min_length":
        return Check(f"have a length of at least {demand}", lambda value: len(value) >= demand)
    if name == "max_length":
        return Check(f"have a length of at most {demand}", lambda value: len(value) <= demand)
    if name == "match":
        return Check(f"match the pattern {demand.pattern}", lambda value: demand.fullmatch(value) is not None)
    if name == "search":
        return Check(f"match the pattern {demand.pattern}", lambda value: demand.search(value) is not None)
    negated = name == "not"
    return Check(_predicate_text(demand, negated), lambda value: bool(demand(value)) is not negated)


def _within(name: str, bound: Any, value: Any) -> bool:
    return bool(_HOLDS[name](value, bound))


def _is_multiple(value: Any, factor: Any) -> bool:
    if isinstance(value, (float, decimal.Decimal)) or isinstance(factor, (float, decimal.Decimal)):
        # As it is written: 0.3 is a multiple of 0.1, though not in binary.
        number, unit = decimal.Decimal(str(value)), decimal.Decimal(str(factor))
        return number.is_finite() and decimal.Context(prec=1000).remainder(number, unit) == 0
    return not value % factor


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)


def _interval(bounds: Mapping[str, Any]) -> str:
    """Bounds as an interval; of two on a side, the exclusive one (spec 06, section 3.7)."""
    low = f"({bounds['gt']}" if "gt" in bounds else f"[{bounds['ge']}" if "ge" in bounds else "(-inf"
    high = f"{bounds['lt']})" if "lt" in bounds else f"{bounds['le']}]" if "le" in bounds else "+inf)"
    return f"{low}, {high}"


def _bounds_text(bounds: Mapping[str, Any]) -> str:
    if len(bounds) == 2 and len({"gt", "ge"} & bounds.keys()) == 1:
        return f"be in {_interval(bounds)}"
    return "be " + " and ".join(f"{_SYMBOLS[name]} {bound}" for name, bound in bounds.items())


def _one_of(values: Iterable[Any]) -> str:
    return f"be one of the allowed choices {', '.join(map(repr, values))}"


def _predicate_text(predicate: Any, negated: bool) -> str:
    name = getattr(predicate, "__name__", None)
    if name is None and type(predicate).__name__ == "Not":
        return _predicate_text(predicate.func, not negated)
    shown = "its predicate" if name in (None, "<lambda>") else name
    return f"not satisfy {shown}" if negated else f"satisfy {shown}"


def _pattern_text(pattern: re.Pattern[Any]) -> str:
    """The pattern with its flags in it."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = "".join(letter for flag, letter in _FLAGS.items() if pattern.flags & flag)
    return f"(?{flags}){text}" if flags else text
