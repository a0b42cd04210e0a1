"""Conditions written in Python: ``(col("n") > 3) & col("city").isin(["Oslo", "Rome"])``.

They know neither types nor places of columns until :func:`predicates` applies them to the columns of a function.
"""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from ..types import UUID
from ..types.names import sql_name
from ..types.values import from_values
from .tree import (
    COMPARISONS,
    And,
    Call,
    Cast,
    Column,
    Comparison,
    ComparisonOperator,
    Expression,
    FunctionName,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    Predicate,
    StructField,
)

_Bind = Callable[[pa.Schema], Expression]


class Condition:
    """What rows must meet. Join conditions with ``&`` and ``|``, turn one around with ``~``."""

    def __init__(self, bind: _Bind, text: str):
        self._bind = bind
        self._text = text

    def bind(self, columns: pa.Schema) -> Expression:
        """The condition on columns of these types.

        Raises:
            ArgumentError: there is no such column, or a value does not fit it.
        """
        return self._bind(columns)

    def __and__(self, other: Condition) -> Condition:
        return _joined(And, "&", self, other)

    def __or__(self, other: Condition) -> Condition:
        return _joined(Or, "|", self, other)

    def __invert__(self) -> Condition:
        return Condition(lambda columns: _negated(self.bind(columns)), f"~({self._text})")

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self._text} is true or false for a row; use &, | and ~ in place of and, or and not")

    def __repr__(self) -> str:
        return self._text


class Value(Condition):
    """A column, or a field of one; a boolean one is a condition. :func:`col` makes it.

    Comparisons (``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``) give conditions, and compare with a Python value, an
    Arrow scalar, or another column. NULL meets none of them, and not their opposites either: see ``is_null``.
    """

    __hash__ = None  # type: ignore[assignment]  # == gives a condition

    def __getitem__(self, field: str) -> Value:
        """A field of a STRUCT."""

        def bind(columns: pa.Schema) -> Expression:
            of = self.bind(columns)
            place = of.type.get_field_index(field) if pa.types.is_struct(of.type) else -1
            if place < 0:
                raise ArgumentError(f"{of} is {sql_name(of.type)}, which has no field '{field}'")
            return StructField(of, field, place, of.type.field(place).type)

        return Value(bind, f"{self._text}[{field!r}]")

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compared("eq", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compared("ne", other)

    def __lt__(self, other: object) -> Condition:
        return self._compared("lt", other)

    def __le__(self, other: object) -> Condition:
        return self._compared("le", other)

    def __gt__(self, other: object) -> Condition:
        return self._compared("gt", other)

    def __ge__(self, other: object) -> Condition:
        return self._compared("ge", other)

    def is_distinct_from(self, other: object) -> Condition:
        """``IS DISTINCT FROM``: as ``!=``, but NULL is a value like others."""
        return self._compared("distinct_from", other)

    def is_not_distinct_from(self, other: object) -> Condition:
        """``IS NOT DISTINCT FROM``: as ``==``, but NULL is a value like others."""
        return self._compared("not_distinct_from", other)

    def is_null(self) -> Condition:
        """``IS NULL``."""
        return Condition(lambda columns: IsNull(self.bind(columns)), f"{self._text}.is_null()")

    def is_not_null(self) -> Condition:
        """``IS NOT NULL``."""
        return Condition(lambda columns: IsNull(self.bind(columns), negated=True), f"{self._text}.is_not_null()")

    def between(self, low: object, high: object) -> Condition:
        """Not less than ``low``, not more than ``high``."""
        return (self >= low) & (self <= high)

    def isin(self, values: Iterable[Any]) -> Condition:
        """``IN``: equal to one of the values, which may be an Arrow array."""
        given = values if isinstance(values, pa.Array) else list(values)

        def bind(columns: pa.Schema) -> Expression:
            of = self.bind(columns)
            if isinstance(given, pa.Array):
                return In(of, given)
            literals = [_literal(value, of) for value in given]
            type_ = _literal_type(of.type)
            if any(literal is None or not literal.type.equals(type_) for literal in literals):
                raise ArgumentError(f"{of} is {sql_name(of.type)}; not all of the values are: {given!r}")
            # Not pa.array of the scalars: it does not take those of extension types.
            pieces = [pa.repeat(literal, 1) for literal in literals if literal is not None]
            return In(of, pa.concat_arrays(pieces) if pieces else pa.nulls(0, type_))

        return Condition(bind, f"{self._text}.isin({given!r})")

    def starts_with(self, text: str) -> Condition:
        """The text begins so."""
        return self._called("starts_with", text)

    def ends_with(self, text: str) -> Condition:
        """The text ends so."""
        return self._called("ends_with", text)

    def contains(self, text: str) -> Condition:
        """The text has this somewhere in it."""
        return self._called("contains", text)

    def list_contains(self, item: object) -> Condition:
        """The list has an item equal to this."""

        def bind(columns: pa.Schema) -> Expression:
            of = self.bind(columns)
            items = getattr(of.type, "value_type", None)
            literal = None if items is None else _literal(item, Column("item", 0, items))
            if literal is None:
                raise ArgumentError(f"{of} is {sql_name(of.type)}; it cannot contain {item!r}")
            return Call("list_contains", (of, Literal(literal)))

        return Condition(bind, f"{self._text}.list_contains({item!r})")

    def _compared(self, operator: ComparisonOperator, other: object) -> Condition:
        def bind(columns: pa.Schema) -> Expression:
            left = self.bind(columns)
            if isinstance(other, Value):
                return Comparison(operator, left, other.bind(columns))
            return Comparison(operator, *_aligned(left, other))

        return Condition(bind, f"({self._text} {COMPARISONS[operator]} {other!r})")

    def _called(self, function: FunctionName, text: str) -> Condition:
        def bind(columns: pa.Schema) -> Expression:
            of = self.bind(columns)
            if not isinstance(text, str) or not _literal_type(of.type).equals(pa.utf8()):
                raise ArgumentError(
                    f"{function} compares texts; {of} is {sql_name(of.type)}, and with it stands {text!r}"
                )
            return Call(function, (of, Literal(pa.scalar(text, pa.string()))))

        return Condition(bind, f"{self._text}.{function}({text!r})")


def col(name: str) -> Value:
    """A column of the rows that a condition is about. Case matters only where names differ by nothing else.

    Example:
        >>> (col("n") > 3) & ~col("city").isin(["Oslo", "Rome"])
        ((col('n') > 3) & ~(col('city').isin(['Oslo', 'Rome'])))
    """

    def bind(columns: pa.Schema) -> Expression:
        place = find_column(columns, name)
        return Column(columns.names[place], place, columns.field(place).type)

    return Value(bind, f"col({name!r})")


def find_column(columns: pa.Schema, name: str) -> int:
    """The place of a column by its name: exactly so, or the only one that differs in case alone.

    Raises:
        ArgumentError: there is none, or several.
    """
    places = columns.get_all_field_indices(name)
    if not places:
        places = [place for place, known in enumerate(columns.names) if known.casefold() == name.casefold()]
    if len(places) != 1:
        found = f"{len(places)} columns" if places else "no column"
        raise ArgumentError(f"there is {found} '{name}'; the columns are {', '.join(columns.names) or '(none)'}")
    place: int = places[0]
    return place


def predicates(condition: Condition | None, columns: pa.Schema) -> tuple[Predicate, ...]:
    """A condition as predicates that must hold, one for each part of a conjunction.

    Args:
        condition: None: none.
        columns: all columns of the function that is scanned.

    Raises:
        ArgumentError: there is no such column, or a value does not fit it.
    """
    if condition is None:
        return ()
    if not isinstance(condition, Condition):
        raise ArgumentError(f"expected a condition such as col('n') > 3, got {condition!r}")
    root = condition.bind(columns)
    if not pa.types.is_boolean(root.type):
        raise ArgumentError(f"{root} is no condition: it is {sql_name(root.type)}, not BOOLEAN")
    parts = root.children if isinstance(root, And) else (root,)
    return tuple(Predicate(f"query:{number}", part) for number, part in enumerate(parts))


def _joined(kind: type[And] | type[Or], symbol: str, left: Condition, right: Condition) -> Condition:
    if not isinstance(right, Condition):
        raise TypeError(f"{symbol} joins conditions; {right!r} is none (comparisons beside it need parentheses)")

    def bind(columns: pa.Schema) -> Expression:
        parts = (left.bind(columns), right.bind(columns))
        flat = (child for part in parts for child in (part.children if isinstance(part, kind) else (part,)))
        return kind(tuple(flat))

    return Condition(bind, f"({left!r} {symbol} {right!r})")


def _negated(expression: Expression) -> Expression:
    match expression:
        case Not(of):
            return of
        case IsNull(of, negated):
            return IsNull(of, not negated)
        case In(of, values, negated):
            return In(of, values, not negated)
        case _:
            return Not(expression)


def _aligned(left: Expression, value: object) -> tuple[Expression, Expression]:
    """A column and a constant of one type: the column's, or where that does not hold the value, a wider one."""
    literal = _literal(value, left)
    if literal is not None:
        return left, Literal(literal)
    wide = _wider(left.type, value)
    if wide is None:
        raise ArgumentError(f"{left} is {sql_name(left.type)}; {value!r} cannot be compared with it")
    return Cast(left, wide.type), Literal(wide)


def _literal(value: object, of: Expression) -> pa.Scalar | None:
    """A constant in the type of ``of``; None if that does not hold it exactly."""
    if isinstance(value, pa.Scalar):
        return value
    type_ = _literal_type(of.type)
    if value is None:
        return pa.scalar(None, type_)
    is_ = pa.types
    if isinstance(value, str) and is_.is_temporal(type_) and not is_.is_interval(type_):
        try:
            return pa.scalar(value, pa.string()).cast(type_)
        except pa.ArrowInvalid:
            return None
    if isinstance(value, str) and of.type.equals(UUID):
        try:
            return pa.scalar(str(uuid.UUID(value)))
        except ValueError:
            return None
    if isinstance(value, uuid.UUID) and is_.is_string(type_):
        return pa.scalar(str(value))
    if is_.is_timestamp(type_) and isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if is_.is_floating(type_) and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _exact_float(value, type_)
    if is_.is_integer(type_) and isinstance(value, (float, decimal.Decimal)):
        if not math.isfinite(value) or value != int(value):
            return None
        value = int(value)
    if is_.is_decimal(type_) and isinstance(value, float):
        return None
    try:
        return from_values([value], type_, "the value")[0]
    except OutputError:
        return None


def _exact_float(value: float, type_: pa.DataType) -> pa.Scalar | None:
    try:
        found = pa.scalar(float(value)).cast(type_)
    except OverflowError:
        return None
    same = found.as_py() == value or (isinstance(value, float) and math.isnan(value))
    return found if same else None


def _wider(type_: pa.DataType, value: object) -> pa.Scalar | None:
    """A number in a type that the column, too, can be cast to without loss, as DuckDB chooses it."""
    is_ = pa.types
    number = is_.is_integer(type_) or is_.is_floating(type_) or is_.is_decimal(type_)
    if not number or isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        return None
    if is_.is_floating(type_) or isinstance(value, float):
        try:
            return pa.scalar(float(value), pa.float64())
        except OverflowError:
            return None
    digits = decimal.Decimal(value)
    if not digits.is_finite():
        return None
    _, mantissa, exponent = digits.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    whole = max(len(mantissa) + exponent, 1)
    if is_.is_integer(type_):
        if scale == 0 and -(1 << 63) <= digits < 1 << 63 and not type_.equals(pa.uint64()):
            return pa.scalar(int(value), pa.int64())
        whole = max(whole, 20 if type_.bit_width == 64 else 10)
    else:
        scale, whole = max(scale, type_.scale), max(whole, type_.precision - type_.scale)
    if whole + scale > 38:
        return pa.scalar(float(value), pa.float64())
    return pa.scalar(digits, pa.decimal128(whole + scale, scale))


def _literal_type(type_: pa.DataType) -> pa.DataType:
    """The type in which constants for a column travel: DuckDB's own form of it (spec 07, section 5)."""
    is_ = pa.types
    if is_.is_dictionary(type_):
        return _literal_type(type_.value_type)
    if type_.equals(UUID) or is_.is_large_string(type_) or is_.is_string_view(type_):
        return pa.utf8()
    if is_.is_large_binary(type_) or is_.is_binary_view(type_) or is_.is_fixed_size_binary(type_):
        return pa.binary()
    if is_.is_date64(type_):
        return pa.date32()
    return pa.time64("us") if is_.is_time32(type_) else type_
